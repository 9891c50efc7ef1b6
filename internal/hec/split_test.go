package hec

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"syslog-gateway/internal/event"
	"syslog-gateway/internal/hec/hectest"
	"syslog-gateway/internal/testkit"
)

// poison is an event that hectest.Validate refuses with code 13.
func poison(n int) string { return fmt.Sprintf(`{"index":"firewall","event":"","host":"bad%d"}`, n) }

// batch has n good events, but for those at bad.
func batch(n int, bad ...int) (lines []string, gone map[int]bool) {
	gone = make(map[int]bool)
	for i := range n {
		lines = append(lines, line(i))
	}
	for _, i := range bad {
		lines[i], gone[i] = poison(i), true
	}
	return lines, gone
}

func TestBadEventsAreFound(t *testing.T) {
	for _, row := range []struct {
		n    int
		bad  []int
		hide bool
		most int // requests
	}{
		{n: 9, bad: []int{0}, most: 3},
		{n: 9, bad: []int{4}, most: 3},
		{n: 9, bad: []int{8}, most: 3},
		{n: 9, bad: []int{3, 4}, most: 5},
		{n: 9, bad: []int{0, 8}, most: 5},
		{n: 1, bad: []int{0}, most: 1},
		{n: 2, bad: []int{0, 1}, most: 4},
		{n: 64, bad: []int{0}, hide: true, most: 13},
		{n: 64, bad: []int{31}, hide: true, most: 13},
		{n: 64, bad: []int{63}, hide: true, most: 13},
		{n: 64, bad: []int{10, 50}, hide: true, most: 25},
		{n: 1, bad: []int{0}, hide: true, most: 1},
		{n: 40, bad: seq(40), most: 110},            // numbers are followed 16 times, then it halves
		{n: 40, bad: seq(40), hide: true, most: 79}, // 2n-1
		{n: 300, bad: []int{7, 8, 9, 150, 299}, most: 11},
	} {
		for _, enc := range []event.Encoding{event.Identity, event.Gzip} {
			t.Run(fmt.Sprintf("%d/%v/%t/%d", row.n, len(row.bad), row.hide, enc), func(t *testing.T) {
				t.Parallel()
				s := serve(t, hectest.Options{Check: hectest.Validate, HideEvent: row.hide})
				r := newRig(t, nil, s)
				lines, gone := batch(row.n, row.bad...)
				src := newMemory(record(enc, lines...))
				b := r.all(src)
				if b.DeadReasons[reasonBlank] != uint64(len(row.bad)) || b.Delivered != uint64(row.n-len(row.bad)) {
					t.Errorf("dead %v, delivered %d", b.DeadReasons, b.Delivered)
				}
				arrived(t, row.n, gone, s)
				if s.Requests() > row.most {
					t.Errorf("%d requests, want at most %d", s.Requests(), row.most)
				}
				letters, err := r.dead.List()
				if err != nil || len(letters) != len(row.bad) {
					t.Fatalf("letters %d, %v", len(letters), err)
				}
				var got []string
				for _, l := range letters {
					got = append(got, string(l.Event))
				}
				for _, i := range row.bad {
					if !slices.Contains(got, poison(i)) {
						t.Errorf("no letter for event %d", i)
					}
				}
			})
		}
	}
}

func seq(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// A server that counts from 1 names good events; not one of them may be given up.
func TestWrongEventNumbers(t *testing.T) {
	for _, off := range []int{1, -1, 5} {
		s := serve(t, hectest.Options{})
		s.SetScript(func(req *hectest.Request) hectest.Answer {
			for i, l := range req.Events {
				if hectest.Validate(l) != 0 {
					return hectest.Answer{Status: 400, Code: 13, Text: "blank", Invalid: new(max(0, i+off))}
				}
			}
			return hectest.OK()
		})
		r := newRig(t, nil, s)
		lines, gone := batch(20, 3, 17)
		b := r.all(newMemory(record(event.Gzip, lines...)))
		if b.Deadlettered != 2 || b.Delivered != 18 {
			t.Errorf("offset %d: dead %d, delivered %d", off, b.Deadlettered, b.Delivered)
		}
		arrived(t, 20, gone, s)
	}
}

// An index that the token may not write to condemns its events and no others, at
// the cost of a few requests, not of one for each event.
func TestIncorrectIndex(t *testing.T) {
	s := serve(t, hectest.Options{Check: func(l []byte) int {
		if strings.Contains(string(l), `"index":"secret"`) {
			return 7
		}
		return 0
	}})
	r := newRig(t, nil, s)
	var lines []string
	gone := make(map[int]bool)
	for i := range 200 {
		l := line(i)
		if i%2 == 1 {
			l, gone[i] = strings.Replace(l, `"firewall"`, `"secret"`, 1), true
		}
		lines = append(lines, l)
	}
	b := r.all(newMemory(record(event.Gzip, lines...)))
	if b.DeadReasons[reasonIndex] != 100 || b.Delivered != 100 || s.Requests() > 4 {
		t.Errorf("dead %v, delivered %d, requests %d", b.DeadReasons, b.Delivered, s.Requests())
	}
	arrived(t, 200, gone, s)
}

func TestTooLarge(t *testing.T) {
	s := serve(t, hectest.Options{})
	s.SetScript(func(req *hectest.Request) hectest.Answer {
		size := 0
		for _, l := range req.Events {
			size += len(l) + 1
		}
		if size > 1000 {
			return hectest.HTML(413)
		}
		return hectest.Answer{}
	})
	r := newRig(t, nil, s)
	lines, gone := batch(50)
	lines[20], gone[20] = fmt.Sprintf(`{"event":"%s"}`, strings.Repeat("x", 2000)), true
	b := r.all(newMemory(record(event.Gzip, lines...)))
	if b.DeadReasons[reasonTooLarge] != 1 || b.Delivered != 49 {
		t.Errorf("dead %v, delivered %d", b.DeadReasons, b.Delivered)
	}
	arrived(t, 50, gone, s)
}

// Bodies that cannot be taken apart become one letter, and their neighbours go on.
func TestUnreadableBody(t *testing.T) {
	s := serve(t, hectest.Options{Check: hectest.Validate})
	r := newRig(t, nil, s)
	torn := record(event.Gzip, line(100), line(101))
	torn.Body = torn.Body[:len(torn.Body)/2]
	empty := event.Record{Source: "cisco_asa", Events: 3, Encoding: event.Gzip}
	src := newMemory(record(event.Gzip, line(0)), torn, empty, record(event.Identity, line(1)))
	b := r.all(src)
	if b.DeadReasons[reasonUnreadable] != 5 || b.Delivered != 2 {
		t.Errorf("dead %v, delivered %d", b.DeadReasons, b.Delivered)
	}
	letters, err := r.dead.List()
	if err != nil || len(letters) != 2 {
		t.Fatalf("%d letters, %v", len(letters), err)
	}
	for _, l := range letters {
		if l.Events == 2 && !bytes.Equal(l.Body, torn.Body) {
			t.Error("the letter does not hold the body")
		}
	}
}

// Faults and bad events together, at random: nothing is lost, nothing else dead.
func TestRandomAnswers(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	for round := range 8 {
		rng := rand.New(rand.NewPCG(seed, uint64(round)))
		var faults []hectest.Answer
		for range 60 {
			row := table[rng.IntN(len(table))]
			if row.want != retry || rng.IntN(2) == 0 {
				row.answer = hectest.Answer{}
			}
			row.answer.Taken = row.want == retry && rng.IntN(3) == 0
			faults = append(faults, row.answer)
		}
		a := serve(t, hectest.Options{Check: hectest.Validate, HideEvent: round%2 == 0, Script: hectest.Sequence(faults[:30]...)})
		b := serve(t, hectest.Options{Check: hectest.Validate, HideEvent: round%3 == 0, Script: hectest.Sequence(faults[30:]...)})
		r := newRig(t, nil, a, b)
		all := records(20, 10)
		var bad []int
		for range rng.IntN(5) {
			bad = append(bad, rng.IntN(10))
		}
		slices.Sort(bad)
		bad = slices.Compact(bad)
		lines, gone := batch(10, bad...)
		all[0] = record(event.Gzip, lines...)
		counts := r.all(newMemory(all...))
		if counts.Deadlettered != uint64(len(bad)) || counts.Delivered != uint64(200-len(bad)) {
			t.Errorf("dead %d of %d, delivered %d", counts.Deadlettered, len(bad), counts.Delivered)
		}
		letters, _ := r.dead.List()
		if len(letters) != len(bad) {
			t.Errorf("letters %d of %d", len(letters), len(bad))
		}
		missing := make(map[string]bool)
		for n := range 200 {
			missing[line(n)] = !gone[n]
		}
		for _, e := range slices.Concat(a.Events(), b.Events()) {
			missing[e] = false
		}
		for e, lost := range missing {
			if lost {
				t.Errorf("lost: %s", e)
			}
		}
		if t.Failed() {
			t.Fatalf("seed %d round %d", seed, round)
		}
	}
}

// Whatever the bytes: unpacking and cutting end, within bounds, and the lines of a
// good body put together again are the body.
func FuzzSplit(f *testing.F) {
	for _, enc := range []event.Encoding{event.Identity, event.Gzip} {
		r := record(enc, line(1), line(2))
		f.Add(r.Body, uint8(enc), r.Raw)
		f.Add(r.Body[:len(r.Body)-3], uint8(enc), r.Raw)
	}
	f.Add([]byte("\n\n{}\n \n{}"), uint8(0), -4)
	f.Add([]byte{}, uint8(9), 1<<62)
	f.Fuzz(func(t *testing.T, body []byte, enc uint8, size int) {
		var d event.Decompressor
		raw, err := d.Plain(&event.Record{Body: body, Encoding: event.Encoding(enc), Raw: size})
		if err != nil {
			return
		}
		lines := splitLines(raw)
		j := &job{d: &delivery{c: new(Client)}, rec: event.Record{Encoding: event.Encoding(enc)}}
		again := testkit.Try(d.Plain(&event.Record{Body: j.pack(lines), Encoding: event.Encoding(enc), Raw: len(raw)}))(t)
		back := splitLines(again)
		if !slices.EqualFunc(lines, back, bytes.Equal) {
			t.Fatalf("%q became %q", lines, back)
		}
		for n := range lines {
			parts := (&job{}).divide(nil, part{lines: lines}, answer{invalid: n})
			total := 0
			for _, p := range parts {
				total += len(p.lines)
			}
			if total != len(lines) || len(lines) > 1 && (len(parts[0].lines) == 0 || len(parts[1].lines) == 0) {
				t.Fatalf("divided %d into %d", len(lines), total)
			}
			if n > 20 {
				break
			}
		}
	})
}
