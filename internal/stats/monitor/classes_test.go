package monitor

import (
	"fmt"
	"testing"
	"time"

	"syslog-gateway/internal/status"
	"syslog-gateway/internal/status/statustest"
)

// The rates are over ten seconds, of each source and of the sum.
func TestClassRates(t *testing.T) {
	w := classWatch{every: time.Second}
	snap := statustest.Calm()
	all := func(string) bool { return true }
	for i := range 60 {
		snap.Now = snap.Now.Add(time.Second)
		slow, fast := uint64(i), uint64(i*i)
		snap.Sources[0].Classes = []status.Class{{Name: "a", Events: slow, Bytes: 100 * slow}, {Name: "b", Events: 7, Bytes: 70}}
		snap.Sources[1].Classes = []status.Class{{Name: "a", Events: fast, Bytes: 10 * fast}}
		if w.add(snap); i == 0 {
			if got := w.volume(snap, all, 50); got.Total.EventRate != 0 {
				t.Errorf("a rate of one reading: %+v", got)
			}
		}
	}
	if len(w.last) != 11 {
		t.Errorf("%d readings are remembered", len(w.last))
	}
	got := w.volume(snap, all, 1)
	const squares = (59*59 - 49*49) / 10
	if a := got.List[0]; a.Name != "a" || a.EventRate != 1+squares || a.ByteRate != 100+10*squares || a.Events != 59+59*59 {
		t.Errorf("%+v", a)
	}
	if got.Others != 1 || got.Rest.Events != 7 || got.Rest.EventRate != 0 || got.Total.Events != 7+59+59*59 {
		t.Errorf("%+v", got)
	}
	one := w.volume(snap, func(source string) bool { return source == snap.Sources[0].Source }, 50)
	if fmt.Sprint(len(one.List), one.List[0].EventRate) != "2 1" {
		t.Errorf("of one source: %+v", one)
	}
	if none := w.volume(statustest.Calm(), all, 50); len(none.List) != 0 || none.Total.Share != 0 {
		t.Errorf("of no class: %+v", none)
	}
}
