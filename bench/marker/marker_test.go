package marker

import (
	"bytes"
	"fmt"
	"testing"
)

func TestPutFindRoundTrip(t *testing.T) {
	for _, want := range []Marker{{0, 0}, {123, 1767225600000000}, {MaxSeq, 9999999999999999}} {
		b := []byte("text " + Blank + ",more")
		s := NewStamp(want.Micros)
		Put(b[5:], want.Seq, &s)
		got, end, ok := Find(b)
		if !ok || got != want || string(b[end:]) != ",more" {
			t.Errorf("Find(%q) = %v, %d, %v, want %v", b, got, end, ok, want)
		}
	}
}

func TestLayout(t *testing.T) {
	b := []byte(Blank)
	s := NewStamp(1767225600000000)
	Put(b, 123, &s)
	if want := "~seq=0000000123 ts=1767225600000000"; string(b) != want || Len != len(want) {
		t.Errorf("marker = %q (%d), want %q", b, Len, want)
	}
}

func TestFindRefusesDamage(t *testing.T) {
	for _, in := range []string{
		"", "~", "no marker", Blank[:Len-1], "~seq=00000x0123 ts=0001767225600000",
		"~seq=0000000123 tz=0001767225600000", "~~~~" + Blank[:20], Blank[1:],
	} {
		if m, _, ok := Find([]byte(in)); ok {
			t.Errorf("Find(%q) = %v, want none", in, m)
		}
	}
}

func TestFindGoesOnAfterAFalseLead(t *testing.T) {
	b := []byte("home ~/x ~seq= ~" + Blank + " tail")
	if _, end, ok := Find(b); !ok || string(b[end:]) != " tail" {
		t.Errorf("Find(%q) = %d, %v", b, end, ok)
	}
}

func FuzzFind(f *testing.F) {
	f.Add([]byte(Blank))
	f.Add([]byte("~seq=0000000123 ts=~seq=0000000124 ts=0000000000000001"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, end, ok := Find(b)
		if !ok {
			return
		}
		want := fmt.Sprintf("~seq=%010d ts=%016d", m.Seq, m.Micros)
		if got := b[end-Len : end]; !bytes.Equal(got, []byte(want)) {
			t.Errorf("Find(%q) = %v, but the text is %q", b, m, got)
		}
	})
}

func BenchmarkPut(b *testing.B) {
	b.ReportAllocs()
	buf := []byte(Blank)
	s := NewStamp(1767225600000000)
	for i := range b.N {
		Put(buf, uint64(i), &s)
	}
}

func BenchmarkFind(b *testing.B) {
	b.ReportAllocs()
	line := append(bytes.Repeat([]byte("x=1 "), 75), Blank...)
	b.SetBytes(int64(len(line)))
	for range b.N {
		if _, _, ok := Find(line); !ok {
			b.Fatal("marker not found")
		}
	}
}
