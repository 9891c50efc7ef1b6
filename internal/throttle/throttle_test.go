package throttle

import (
	"testing"
	"time"
)

func TestThrottle(t *testing.T) {
	var th Throttle
	start := time.Unix(1_700_000_000, 0)
	if th.Raised() {
		t.Error("raised before the first line")
	}
	f := func(after time.Duration, held int, ok bool) {
		t.Helper()
		if gotHeld, gotOK := th.Ready(start.Add(after), time.Minute); gotHeld != held || gotOK != ok {
			t.Errorf("after %s: %d, %v, want %d, %v", after, gotHeld, gotOK, held, ok)
		}
	}
	f(0, 0, true)
	f(time.Second, 0, false)
	f(59*time.Second, 0, false)
	f(time.Minute, 2, true)
	if !th.Raised() || th.Raised() {
		t.Error("Raised is true once")
	}
	f(time.Minute+time.Second, 0, false)
	f(3*time.Minute, 1, true)
}
