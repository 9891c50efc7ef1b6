package endpoints

import "time"

// trialPatience is how long a trial may take, while all endpoints are out, before another
// endpoint is tried as well.
const trialPatience = time.Second

// trials are the posts that are to show whether an endpoint works again.
type trials struct {
	current  int       // the ID of the trial whose answer counts; 0: none
	began    time.Time // when the current trial began
	underWay int       // with those that took too long
}

func (t *trials) begin(id int, now time.Time) {
	t.current, t.began = id, now
	t.underWay++
}

// end ends a trial; 0 is a post that is none.
func (t *trials) end(id int) {
	if id == 0 {
		return
	}
	t.underWay--
	if t.current == id {
		t.current = 0
	}
}

// next is when another trial may begin beside the current one: later with each that hangs.
func (t *trials) next(patience time.Duration) time.Time {
	if t.current == 0 {
		return time.Time{}
	}
	return t.began.Add(time.Duration(t.underWay) * patience)
}
