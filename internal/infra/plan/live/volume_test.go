package live

import (
	"testing"

	"syslog-gateway/internal/testkit"
)

func TestSizes(t *testing.T) {
	for s, want := range map[string]float64{"8G": 8192, "512M": 512, "1T": 1 << 20, "2048K": 2, "1073741824": 1024, "": 0, "x": 0, "1.5G": 1536} {
		testkit.Equal(t, s, Mebibytes(s), want)
	}
}
