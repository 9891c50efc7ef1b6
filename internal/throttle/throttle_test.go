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
	f := func(after time.Duration, suppressed int, ok bool) {
		t.Helper()
		if gotSuppressed, gotOK := th.Ready(start.Add(after), time.Minute); gotSuppressed != suppressed || gotOK != ok {
			t.Errorf("after %s: %d, %v, want %d, %v", after, gotSuppressed, gotOK, suppressed, ok)
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

func TestBurst(t *testing.T) {
	th := Throttle{Burst: 3}
	start := time.Unix(1_700_000_000, 0)
	for i := range 10 {
		if suppressed, ok := th.Ready(start.Add(time.Duration(i)*time.Second), time.Minute); suppressed != 0 || ok != (i < 3) {
			t.Errorf("line %d: %d, %v", i, suppressed, ok)
		}
	}
	if suppressed, ok := th.Ready(start.Add(time.Minute), time.Minute); suppressed != 7 || !ok {
		t.Errorf("in the next period: %d, %v", suppressed, ok)
	}
	if suppressed, ok := th.Ready(start.Add(time.Minute), time.Minute); suppressed != 0 || !ok {
		t.Errorf("its second line: %d, %v", suppressed, ok)
	}
}
