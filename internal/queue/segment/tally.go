package segment

// Tally counts records. Its zero value is ready to use.
type Tally struct {
	Records, Events, Bytes int64
	BySource               map[string]*int64 // events
}

func (t *Tally) Add(source []byte, events, size int64) {
	p := t.BySource[string(source)] // looking up does not copy the name
	if p == nil {
		p = t.account(string(source))
	}
	t.count(p, 1, events, size)
}

func (t *Tally) AddName(source string, events, size int64) {
	t.count(t.account(source), 1, events, size)
}

func (t *Tally) Remove(source []byte, events, size int64) {
	p := t.BySource[string(source)]
	if p == nil {
		p = t.account(string(source))
	}
	t.count(p, -1, -events, -size)
}

// Subtract takes out what another tally has counted of the same records.
func (t *Tally) Subtract(o *Tally) {
	t.Records -= o.Records
	t.Events -= o.Events
	t.Bytes -= o.Bytes
	for source, n := range o.BySource {
		*t.account(source) -= *n
	}
}

func (t *Tally) account(source string) *int64 {
	p := t.BySource[source]
	if p == nil {
		if t.BySource == nil {
			t.BySource = make(map[string]*int64)
		}
		p = new(int64)
		t.BySource[source] = p
	}
	return p
}

func (t *Tally) count(p *int64, records, events, size int64) {
	t.Records += records
	t.Events += events
	t.Bytes += size
	*p += events
}
