package peers

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"syslog-gateway/internal/testkit"
)

func TestUpstream(t *testing.T) {
	for in, want := range map[string]string{"8.2302.0-1+deb12u2": "8.2302.0", "1:2.0-rc1-3": "1:2.0-rc1", "7": "7"} {
		if got := upstream(in); got != want {
			t.Errorf("upstream(%q) = %q, want %q", in, got, want)
		}
	}
}

// TestPerPort: one port and five are the same text once and five times.
func TestPerPort(t *testing.T) {
	testkit.Equal(t, "perPort", (Site{Ports: []int{1514, 1515}}).perPort("a{port}b{port}\n"), "a1514b1514\na1515b1515\n")
	testkit.Equal(t, "perPort without a port", (Site{}).perPort("x"), "")
}

// TestBuildWithoutTools: what a build lacks is a reason to go on without it, by name.
func TestBuildWithoutTools(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	dir := t.TempDir()
	_, err := buildOmhttp(t.Context(), filepath.Join(dir, "work"), filepath.Join(dir, "module"), "1.0-1")
	if !errors.Is(err, ErrMissing) || !strings.Contains(err.Error(), "gcc") || !strings.Contains(err.Error(), "apt install") {
		t.Errorf("buildOmhttp without a compiler: %v", err)
	}
}
