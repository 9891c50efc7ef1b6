package child

import (
	"testing"
	"time"

	"syslog-gateway/internal/testkit"
)

// TestStopKillsTheDeaf: a child that ignores SIGTERM does not stay.
func TestStopKillsTheDeaf(t *testing.T) {
	p := testkit.Try(Start(Options{Dir: t.TempDir(), Name: "deaf", Path: "/bin/sh", Args: []string{"-c", `trap "" TERM; echo ready; while :; do read x; done </dev/zero`}}))(t)
	if code := p.Stop(50 * time.Millisecond); code != -1 || !p.Ended() {
		t.Errorf("stop = %d, ended %v, want -1, true", code, p.Ended())
	}
	if code := p.Stop(time.Hour); code != -1 {
		t.Errorf("a second stop = %d, want the same", code)
	}
}
