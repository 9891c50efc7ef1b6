package cli

import (
	"runtime"
	"testing"

	"syslog-gateway/internal/testkit"
)

// TestBuild: the linker has the last word. (TestRelease, deploy/packaging, runs programs that it
// told their version.)
func TestBuild(t *testing.T) {
	testkit.Equal(t, "a test", ThisBuild(), Build{"dev", "unknown"})
	testkit.Equal(t, "text", Build{"v1.2.0", "abc1234"}.Text("gateway"),
		"gateway v1.2.0\ncommit abc1234\n"+runtime.Version()+" "+runtime.GOOS+"/"+runtime.GOARCH+"\n")
}
