package queue

// tally counts records. The zero value counts nothing yet.
type tally struct {
	records, events, bytes int64
	bySource               map[string]*int64 // events
}

func (t *tally) add(source []byte, events, size int64) {
	p := t.bySource[string(source)] // looking up does not copy the name
	if p == nil {
		p = t.account(string(source))
	}
	t.book(p, 1, events, size)
}

func (t *tally) addName(source string, events, size int64) {
	t.book(t.account(source), 1, events, size)
}

func (t *tally) remove(source []byte, events, size int64) {
	p := t.bySource[string(source)]
	if p == nil {
		p = t.account(string(source))
	}
	t.book(p, -1, -events, -size)
}

// subtract takes out what another tally has counted of the same records.
func (t *tally) subtract(o *tally) {
	t.records -= o.records
	t.events -= o.events
	t.bytes -= o.bytes
	for source, n := range o.bySource {
		*t.account(source) -= *n
	}
}

func (t *tally) account(source string) *int64 {
	p := t.bySource[source]
	if p == nil {
		if t.bySource == nil {
			t.bySource = make(map[string]*int64)
		}
		p = new(int64)
		t.bySource[source] = p
	}
	return p
}

func (t *tally) book(p *int64, records, events, size int64) {
	t.records += records
	t.events += events
	t.bytes += size
	*p += events
}
