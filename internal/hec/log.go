package hec

import "time"

// alarmEvery is how often one endpoint or one kind of trouble may be logged.
const alarmEvery = 30 * time.Second

// throttle lets one of many equal complaints through. The zero value lets the
// first one through. It is not safe for concurrent use.
type throttle struct {
	next time.Time
	held int
	open bool
}

// ready reports whether to log now, and how many complaints were held back since
// the last one that was let through.
func (t *throttle) ready(now time.Time, every time.Duration) (held int, ok bool) {
	if now.Before(t.next) {
		t.held++
		return 0, false
	}
	held, t.held = t.held, 0
	t.next, t.open = now.Add(every), true
	return held, true
}

// raised reports whether there was a complaint since the last call.
func (t *throttle) raised() bool {
	was := t.open
	t.open = false
	return was
}
