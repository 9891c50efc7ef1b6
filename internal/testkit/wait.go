package testkit

import "time"

// Within polls until done, and reports whether that was so before the limit.
func Within(limit time.Duration, done func() bool) bool {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-deadline.C:
			return false
		}
	}
	return true
}

// Eventually polls until done, and fails the test after a minute.
func Eventually(t test, what string, done func() bool) {
	t.Helper()
	if !Within(time.Minute, done) {
		t.Fatal("after a minute it is still not so that", what)
	}
}
