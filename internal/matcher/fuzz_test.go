package matcher_test

import (
	"bytes"
	"testing"

	"syslog-gateway/internal/matcher"
	"syslog-gateway/internal/pack/catalog"
	"syslog-gateway/internal/syslog"
)

// FuzzMatch asks all embedded packs about any bytes. What they return is of the message or of
// the pack, and within bounds.
func FuzzMatch(f *testing.F) {
	packs, err := catalog.Load()
	if err != nil {
		f.Fatal(err)
	}
	for i := range packs {
		for _, t := range packs[i].Tests {
			f.Add([]byte(t.Line), uint16(i))
		}
	}
	sets := []*matcher.Set{
		compile(f, nil, packs, matcher.Options{Profile: "default"}),
		compile(f, nil, packs, matcher.Options{Profile: "sc4s"}),
	}
	sc := new(matcher.Scratch)
	f.Fuzz(func(t *testing.T, msg []byte, pinned uint16) {
		before := bytes.Clone(msg)
		for _, s := range sets {
			var m matcher.Match
			l := lineOf(string(msg))
			if find(s, sc, l, &m) || s.Generic(sc, &m) {
				check(t, s, sc, &m, len(msg))
			}
			pin, ok := s.Pin(packs[int(pinned)%len(packs)].Name)
			sc.Begin(&l)
			if ok && s.Pinned([]matcher.Pin{pin}, sc, &m) {
				check(t, s, sc, &m, len(msg))
			}
		}
		if !bytes.Equal(before, msg) {
			t.Fatal("the message was changed")
		}
	})
}

func check(t *testing.T, s *matcher.Set, sc *matcher.Scratch, m *matcher.Match, size int) {
	t.Helper()
	if m.Class < 0 || m.Class >= len(s.Classes()) || m.Pack == "" || m.By == "" {
		t.Fatalf("%+v", m)
	}
	if m.Host != nil && syslog.Host(m.Host) == nil {
		t.Fatalf("host %q", m.Host)
	}
	if m.Stamp.Kind != syslog.NoTime && !m.Stamp.Plausible() {
		t.Fatalf("time %+v", m.Stamp)
	}
	for _, name := range [][]byte{m.Sourcetype, m.Source} {
		if len(name) > 512 || bytes.ContainsAny(name, "\" \n{}") {
			t.Fatalf("name %q", name)
		}
	}
	if n := len(sc.Event(m.Form)); n > 8*size+64 {
		t.Fatalf("an event of %d bytes of a message of %d", n, size)
	}
}
