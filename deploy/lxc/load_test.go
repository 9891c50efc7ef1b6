//go:build lxc

package lxc

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"syslog-gateway/internal/testkit"
)

// What the two senders send; each has the place of a number.
const (
	datagram = "<38>Nov 22 17:00:00 web1 sshd[4123]: mark=udp-%d end"
	asaLine  = "<166>Nov 22 17:00:00 fw01 : %%ASA-6-302013: Built mark=tcp-%d end\n"
)

// events is what the endpoint was given, by the text of the event.
type events struct {
	mu   sync.Mutex
	seen map[string]int
	all  int
}

func (e *events) take(line []byte) {
	var one struct{ Event string }
	if json.Unmarshal(line, &one) != nil {
		one.Event = "not JSON"
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.seen == nil {
		e.seen = make(map[string]int)
	}
	if _, mark, ok := strings.Cut(one.Event, "mark="); ok {
		one.Event, _, _ = strings.Cut(mark, " ")
	}
	e.seen[one.Event]++
	e.all++
}

// missing counts which of n numbered marks have not come.
func (e *events) missing(kind string, n int) (lost int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for i := range n {
		if e.seen[fmt.Sprintf("%s-%d", kind, i)] == 0 {
			lost++
		}
	}
	return lost
}

func (e *events) has(text string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	for seen := range e.seen {
		if strings.Contains(seen, text) {
			return true
		}
	}
	return false
}

// sum adds the samples of a metric.
func sum(metrics, name string) float64 {
	all, _ := testkit.ReadSeries(strings.NewReader(metrics)) // a long line ends it
	return all.Sum(name)
}
