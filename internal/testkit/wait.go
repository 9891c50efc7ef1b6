package testkit

import "time"

// Within polls every 5 ms at first, and less often the longer it has waited: each pause is about
// a tenth of the time so far. A poll may be a scrape or a process, and many of them would slow
// down what the test waits for.
const (
	firstPause   = 5 * time.Millisecond
	longestPause = 250 * time.Millisecond
)

// Within polls until done, and reports whether that was so before the limit.
func Within(limit time.Duration, done func() bool) bool {
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	for pause := firstPause; !done(); pause = min(pause+pause/10, longestPause) {
		select {
		case <-time.After(pause):
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
