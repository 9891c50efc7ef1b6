package segment

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// What is written at a time is bounded, and what is left out comes again.
func TestLongListIsCut(t *testing.T) {
	var all []Stretch
	for i := range uint64(3 * MaxStretches) {
		all = append(all, Stretch{1 << 60, 1<<60 + 1, SeqRange{1<<62 + 10*i, 1<<62 + 10*i + i%8}})
	}
	l, omitted := NewAckedList(1<<63, all)
	l.Generation = 1 << 63
	if omitted != 2*MaxStretches {
		t.Fatalf("%d are left out", omitted)
	}
	data := l.Encode()
	if len(data) > SlotSize {
		t.Fatalf("%d bytes", len(data))
	}
	got, ok := DecodeAckedList(append(data, "}{1"...)) // of a longer list before
	if !ok || fmt.Sprint(got.Acked) != fmt.Sprint(l.Acked) || !slices.IsSortedFunc(got.Acked, func(a, b [4]uint64) int { return cmp.Compare(a[2], b[2]) }) {
		t.Fatal("it reads otherwise than it was written")
	}
	for _, s := range l.Acked {
		if s[3]-s[2] < 5 {
			t.Fatalf("%v is kept, longer ones are not", s)
		}
	}
}

// A set of numbers is what a map would be.
func TestSpans(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 7))
	for range 200 {
		var s Seqs
		want := make(map[uint64]bool)
		for range 120 {
			n := rnd.Uint64N(150)
			s.Add(n)
			want[n] = true
		}
		for n := range uint64(160) {
			if s.Has(n) != want[n] {
				t.Fatalf("%v: has %d is %t", s, n, s.Has(n))
			}
		}
		for i := 1; i < len(s); i++ {
			if s[i-1].To+1 >= s[i].From {
				t.Fatalf("not apart: %v", s)
			}
		}
	}
}
