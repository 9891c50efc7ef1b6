package senders

import (
	"testing"
	"time"
)

// said is a number of messages of one sender, and their offset.
type said struct {
	n      int
	every  time.Duration // between two receipts
	offset time.Duration
	drift  time.Duration // of the offset, from message to message
	zoned  bool
}

// skewOf adds messages one by one and returns the Skew.
func skewOf(list ...said) Skew {
	p := New(10).Entry("linux", addr(1), "h")
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).UnixNano()
	for _, s := range list {
		for i := range s.n {
			at += int64(s.every)
			var t Times
			t.Add(s.offset+time.Duration(i)*s.drift, s.zoned)
			p.Add(1, 100, at, &t)
		}
	}
	return unpack(p.times.Load()).skew(time.Duration(p.offset.Load()))
}

func TestSkew(t *testing.T) {
	const s, m, h = time.Second, time.Minute, time.Hour
	zone := func(by, last time.Duration) Skew { return Skew{Offset: by, Zone: true, Last: last} }
	for name, c := range map[string]struct {
		said []said
		want Skew
	}{
		"right":               {[]said{{n: 100, every: s, offset: -2 * s}}, Skew{}},
		"an hour behind":      {[]said{{n: 20, every: s, offset: -h}}, zone(-h, -h)},
		"an hour ahead":       {[]said{{n: 20, every: s, offset: h - 3*s}}, zone(h, h-3*s)},
		"one too few":         {[]said{{n: 19, every: s, offset: h}}, Skew{}},
		"Kathmandu":           {[]said{{n: 25, every: s, offset: 5*h + 45*m - 89*s}}, zone(5*h+45*m, 5*h+45*m-89*s)},
		"Los Angeles":         {[]said{{n: 25, every: s, offset: -8*h + 80*s}}, zone(-8*h, -8*h+80*s)},
		"no multiple":         {[]said{{n: 25, every: s, offset: -h - 91*s}}, Skew{}},
		"a quarter is none":   {[]said{{n: 25, every: s, offset: -15 * m}}, Skew{}},
		"a clock ahead":       {[]said{{n: 25, every: s, offset: 7 * m}}, Skew{Offset: 7 * m, Last: 7 * m}},
		"a quarter ahead":     {[]said{{n: 25, every: s, offset: 15 * m}}, Skew{Offset: 15 * m, Last: 15 * m}},
		"5 minutes ahead":     {[]said{{n: 25, every: s, offset: 5 * m}}, Skew{}},
		"days ahead":          {[]said{{n: 25, every: s, offset: 100 * h * 24}}, Skew{Offset: 2400 * h, Last: 2400 * h}},
		"with zone":           {[]said{{n: 25, every: s, offset: h, zoned: true}}, Skew{Offset: h, Zone: true, Zoned: true, Last: h}},
		"repaired":            {[]said{{n: 500, every: s, offset: h}, {n: 40, every: s}}, Skew{}},
		"begins to be wrong":  {[]said{{n: 500, every: s}, {n: 40, every: s, offset: -h}}, zone(-h, -h)},
		"another zone":        {[]said{{n: 500, every: s, offset: -h}, {n: 200, every: s, offset: -2 * h}}, zone(-2*h, -2*h)},
		"twice in three":      {[]said{{n: 10, every: s, offset: h}, {n: 5, every: s}, {n: 10, every: s, offset: h}, {n: 5, every: s}, {n: 5, every: s, offset: h}}, zone(h, h)},
		"one in three":        {[]said{{n: 5, every: s, offset: h}, {n: 10, every: s}, {n: 5, every: s, offset: h}, {n: 10, every: s}}, Skew{}},
		"an hour's batch":     {[]said{{n: 60, offset: -h, drift: m}}, Skew{}},
		"backlog after a day": {[]said{{n: 1000, every: s}, {n: 1, every: h}, {n: 100, offset: -h, drift: 10 * time.Millisecond}}, Skew{}},
		"hourly, hour behind": {[]said{{n: 30, every: h, offset: -h}}, zone(-h, -h)},
	} {
		if got := skewOf(c.said...); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
	// One Times may have any number of messages, some of them without a time.
	p := New(10).Entry("linux", addr(1), "")
	var many Times
	for range 100_000 {
		many.Add(-2*h, false)
	}
	p.Add(200_000, 1, 1, &many)
	if got := New(10); len(got.Senders()) != 0 {
		t.Fatal("a new table has senders")
	}
	if got := unpack(p.times.Load()).skew(0); got.Offset != -2*h {
		t.Errorf("many messages at once: %+v", got)
	}
}

func TestTallyPacks(t *testing.T) {
	for _, c := range []tally{{}, {1, 2, 3, 4, 5}, {39, 38, 37, 36, -56}, {255, 255, 255, 255, 9600}} {
		if got := unpack(c.pack()); got != c {
			t.Errorf("%+v became %+v", c, got)
		}
	}
}

func BenchmarkTimes(b *testing.B) {
	for name, offset := range map[string]time.Duration{"right": -time.Second, "wrong": time.Hour} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var t Times
			for range b.N {
				t.Add(offset, false)
			}
		})
	}
}
