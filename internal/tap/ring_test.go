package tap

import (
	"fmt"
	"sync"
	"testing"
	"time"
)

func TestRing(t *testing.T) {
	var r Ring
	put := func(from, to int) {
		for i := from; i < to; i++ {
			m := message()
			m.Raw = fmt.Append(nil, i)
			if m.Received = time.Unix(int64(i), 0); i%2 == 1 {
				m.Source = "odd"
			}
			r.Keep(m)
		}
	}
	all, err := r.Follow(Filter{})
	if err != nil {
		t.Fatal(err)
	}
	odd, err := r.Follow(Filter{Source: "odd"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Follow(Filter{Sender: "10.0.0.0/99"}); err == nil {
		t.Error("a wrong filter is none")
	}
	next := func(f *Follower, n int, first, last string) {
		t.Helper()
		list := f.Next()
		if len(list) != n || n > 0 && (string(list[0].Raw) != first || string(list[n-1].Raw) != last) {
			t.Errorf("%d messages, want %d from %s to %s", len(list), n, first, last)
		}
	}
	next(all, 0, "", "")
	put(0, 3)
	next(all, 3, "0", "2")
	next(odd, 1, "1", "1")
	next(all, 0, "", "")
	put(3, 1000)
	next(all, RingSize, "800", "999")
	next(odd, RingSize/2, "801", "999")
	put(1000, 1001)
	next(all, 1, "1000", "1000")
	late, _ := r.Follow(Filter{})
	next(late, RingSize, "801", "1000")
}

func TestRingIsSafe(t *testing.T) {
	var r Ring
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			f, _ := r.Follow(Filter{})
			for range 1000 {
				r.Keep(message())
				f.Next()
			}
		})
	}
	wg.Wait()
}
