package main

import (
	"bytes"
	"testing"
	"time"

	"syslog-gateway/internal/testkit"
)

func TestSize(t *testing.T) {
	p := plan{Rate: 20_000, Bytes: 500, Outage: 8 * time.Hour, Queue: 100 * gb, Ratio: 7.4, CPU: 2.5, Capacity: 400_000}
	testkit.Must(t, p.check())
	s := p.size() // 740 bytes of JSON, 100 stored: 2 MB/s
	for what, c := range map[string][2]float64{
		"messages a day": {s.MessagesDay, 1_728_000_000},
		"raw a day":      {s.RawDay, 864e9},
		"wire a day":     {s.WireDay, 172.8e9},
		"disk rate":      {s.DiskRate, 2e6},
		"queue hours":    {s.QueueHours, 100e9 / 2e6 / 3600},
		"outage":         {s.OutageBytes, 57.6e9},
		"drain":          {s.DrainMinutes, 57.6e9 / 100 / 380_000 / 60},
		"cores":          {s.Cores, 0.05},
	} {
		if d := c[0] - c[1]; d > 1e-6*c[1] || d < -1e-6*c[1] {
			t.Errorf("%s: %v, want %v", what, c[0], c[1])
		}
	}
	if !s.OutageFits || !s.PeakFits {
		t.Errorf("%+v: both must fit", s)
	}
	p.Outage, p.Peak = 20*time.Hour, 500_000
	s = p.size()
	var out bytes.Buffer
	if err := s.print(&out, p); err != nil || s.OutageFits || s.PeakFits {
		t.Errorf("%+v, %v: neither may fit", s, err)
	}
	testkit.Holds(t, "the answer", out.String(), "DOES NOT FIT: set queue.max_size to 173 GB", "MORE THAN THE MACHINE CARRIES", "14 hours")
	for _, bad := range []plan{{}, {Rate: 10, Bytes: 1, Queue: 1, Ratio: 1, CPU: 1, Capacity: 10}} {
		if bad.check() == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
}

// The size of the queue is written as in the configuration, or as a number of bytes.
func TestQueueFlag(t *testing.T) {
	for text, want := range map[string]float64{"50GB": 50e9, "1TiB": 1 << 40, "1e+11": 1e11, "4096": 4096} {
		var d diskSize
		testkit.Must(t, d.Set(text))
		testkit.Equal(t, text, float64(d), want)
	}
	var d diskSize
	testkit.Fails(t, d.Set("50gb"), "did you mean GB?")
}
