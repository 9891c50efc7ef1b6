package hec

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"syslog-gateway/internal/event"
	"syslog-gateway/internal/hec/hectest"
	"syslog-gateway/internal/testkit"
)

// Events of a refused index go to the fallback index, all others to their own.
func TestFallbackIndex(t *testing.T) {
	refuse := func(words ...string) func([]byte) int {
		return func(l []byte) int {
			for _, w := range words {
				if strings.Contains(string(l), `"index":"`+w+`"`) {
					return 7
				}
			}
			return 0
		}
	}
	for _, row := range []struct {
		name     string
		check    func([]byte) int
		hide     bool
		rerouted int
		dead     int
	}{
		{"it is taken", refuse("secret", "gone"), false, 100, 0},
		{"without event number", refuse("secret", "gone"), true, 100, 0},
		{"it is refused, too", refuse("secret", "gone", "lost_and_found"), false, 0, 100},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := serve(t, hectest.Options{Check: row.check, HideEvent: row.hide})
			reg := prometheus.NewPedanticRegistry()
			r := newRig(t, func(o *Options) { o.FallbackIndex, o.Registerer = "lost_and_found", reg }, s)
			var lines []string
			want := make(map[string]bool)
			for i := range 200 {
				l := line(i)
				switch {
				case i%4 == 1:
					l = strings.Replace(l, `"firewall"`, `"secret"`, 1)
				case i%4 == 3:
					l = strings.Replace(l, `"firewall","event":`, `"gone","fields":{"a":"<1>"},"event":`, 1)
				}
				if lines = append(lines, l); i%2 == 1 {
					want[fmt.Sprintf("event <%d>", i)] = true
				}
			}
			b := r.all(newMemory(record(event.Gzip, lines...)))
			if int(b.DeadReasons[reasonIndex]) != row.dead || int(b.Delivered) != 200-row.dead || s.Requests() > 40 {
				t.Errorf("dead %v, delivered %d, requests %d", b.DeadReasons, b.Delivered, s.Requests())
			}
			if n := metric(t, reg, "gateway_hec_fallback_index_events_total", "cisco_asa"); int(n) != row.rerouted {
				t.Errorf("%v are counted as rerouted", n)
			}
			rerouted := 0
			for _, l := range s.Events() {
				var e struct {
					Index, Event string
					Fields       map[string]string
				}
				testkit.Must(t, json.Unmarshal([]byte(l), &e))
				if e.Index == "firewall" {
					continue
				}
				rerouted++
				was := e.Fields["original_index"]
				if e.Index != "lost_and_found" || was != "secret" && was != "gone" || !want[e.Event] || (was == "gone") != (e.Fields["a"] == "<1>") {
					t.Errorf("%s", l)
				}
				delete(want, e.Event)
			}
			if rerouted != row.rerouted || rerouted > 0 && len(want) > 0 {
				t.Errorf("%d rerouted, missing %v", rerouted, want)
			}
			// A dead letter is the event as it was.
			n := 0
			for l, err := range r.dead.All() {
				n++
				if i := indexOf(l.Event); err != nil || i != "secret" && i != "gone" || strings.Contains(string(l.Event), originalIndex) {
					t.Errorf("dead letter %s, %v", l.Event, err)
				}
			}
			testkit.Equal(t, "dead letters", n, row.dead)
		})
	}
}

func TestReroute(t *testing.T) {
	for _, row := range []struct{ in, rerouted string }{
		{`{"event":"a","index":"x"}`, `{"event":"a","fields":{"original_index":"x"},"index":"lost"}`},
		{`{"event":"a"}`, `{"event":"a","index":"lost"}`},
		{`{"event":"<&>","fields":{"b":1},"index":""}`, `{"event":"<&>","fields":{"b":1,"original_index":""},"index":"lost"}`},
	} {
		got, ok := reroute([]byte(row.in), "lost")
		if !ok || string(got) != row.rerouted {
			t.Errorf("%s: %s", row.in, got)
		}
	}
	for _, in := range []string{"", "null", "7", "{", `{"fields":7}`} {
		if got, ok := reroute([]byte(in), "lost"); ok {
			t.Errorf("%q: %s", in, got)
		}
	}
}

// Where the fallback index is refused too, a dead letter is the event as it was.
func TestRefusedFallbackKeepsTheEvent(t *testing.T) {
	s := serve(t, hectest.Options{Check: func([]byte) int { return 7 }})
	r := newRig(t, func(o *Options) { o.FallbackIndex = "lost" }, s)
	lines := []string{
		`{"event":"a","index":"x","fields":{"original_index":"first","a":"1"}}`,
		`{"event":"b","index":"x","fields":null}`,
		`{"event":"c","index":"x","fields":{}}`,
		`{"event":"d","index":null}`,
		`{"event":{"n":12345678901234567890},"index":"x"}`,
		`{"event":"<&>","index":"lost"}`,
	}
	r.all(newMemory(record(event.Gzip, lines...)))
	var got []string
	for l, err := range r.dead.All() {
		testkit.Must(t, err)
		got = append(got, string(l.Event))
	}
	slices.Sort(got)
	slices.Sort(lines)
	if !slices.Equal(got, lines) {
		t.Errorf("dead letters\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(lines, "\n"))
	}
}

// An index that is refused for a source is found once, not in each record.
func TestRefusedIndexIsRemembered(t *testing.T) {
	s := serve(t, hectest.Options{Check: func(l []byte) int {
		if indexOf(l) == "bad" {
			return 7
		}
		return 0
	}})
	r := newRig(t, func(o *Options) { o.FallbackIndex, o.InFlight = "lost", 1 }, s)
	var all []event.Record
	for i := range 50 {
		good := line(2 * i)
		all = append(all, record(event.Gzip, good, strings.Replace(line(2*i+1), `"firewall"`, `"bad"`, 1)))
	}
	b := r.all(newMemory(all...))
	if n := s.Requests(); b.Delivered != 100 || n > 4+2*49 {
		t.Errorf("%d delivered with %d posts", b.Delivered, n)
	}
	testkit.Must(t, r.setToken(testToken))
	if bad := r.refused.of("cisco_asa", time.Now()); bad != nil {
		t.Errorf("a reload keeps %v", bad)
	}
}

func TestRefusedIndexesAreForgotten(t *testing.T) {
	var r refusedIndexes
	now := time.Unix(1000, 0)
	for i := range 2 * refusedMost {
		r.add("a", fmt.Sprint(i), now)
	}
	if n := len(r.of("a", now)); n != refusedMost {
		t.Errorf("%d are remembered", n)
	}
	if bad := r.of("b", now); bad != nil {
		t.Errorf("of another source: %v", bad)
	}
	if bad := r.of("a", now.Add(refusedFor)); bad != nil || len(r.until) != 0 {
		t.Errorf("%d stay", len(r.until))
	}
}
