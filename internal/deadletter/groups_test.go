package deadletter

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"syslog-gateway/internal/testkit"
)

// Letters are grouped by what they have in common, also those that another process writes
// and whose texts look like keys.
func TestGroups(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, 0, new(testkit.Log))
	at := time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)
	n := 0
	add := func(reason, index, host, text string) {
		n++
		testkit.Must(t, s.Append([]Letter{{
			ID: fmt.Sprint("id", n), Time: at.Add(time.Duration(n) * time.Second), Reason: reason, Text: text, Source: "linux", Events: 1,
			Event: json.RawMessage(fmt.Sprintf(`{"time":1,"host":%q,"source":"syslog:1","sourcetype":"st","index":%q,"event":"{\"index\":\"no\",\"host\":\"no\"}","fields":{"index":"no"}}`, host, index)),
		}}))
	}
	for i := range 7 {
		add("incorrect_index", "netids", fmt.Sprintf("h\"%d", i), `x "index":"evil" \"reason\":\"evil\"`)
	}
	add("too_large", "os", "h", "413")
	testkit.Equal(t, "events", s.Events(), 8)
	list, others := s.Groups(1)
	if len(list) != 1 || others != 1 {
		t.Fatalf("%+v, %d others", list, others)
	}
	g := list[0]
	if g.Reason != "incorrect_index" || g.Source != "linux" || g.Sourcetype != "st" || g.Index != "netids" || g.Events != 7 || len(g.Hosts) != maxHosts ||
		g.Hosts[0] != `h"0` || g.Text != `x "index":"evil" \"reason\":\"evil\"` || !g.First.Equal(at.Add(time.Second)) || !g.Last.Equal(at.Add(7*time.Second)) {
		t.Errorf("%+v", g)
	}
	for i := range maxGroups + 50 {
		add(fmt.Sprint("r", i), "i", "h", "t")
	}
	s.Events()
	list, others = s.Groups(1000)
	var sum uint64
	for _, g := range list {
		sum += g.Events
	}
	if len(list) > maxGroups || others == 0 || sum+others != uint64(8+maxGroups+50) {
		t.Errorf("%d groups with %d events, %d others", len(list), sum, others)
	}
	letters := testkit.Try(s.Latest(1000))(t)
	if one := letters[len(letters)-1]; one.Host != `h"0` || one.Sourcetype != "st" || one.Index != "netids" {
		t.Errorf("%+v", one)
	}
}

// FuzzGroups: whatever is in a line, reading it ends, and names are bounded.
func FuzzGroups(f *testing.F) {
	f.Add([]byte(`{"id":"a","reason":"r\`))
	f.Add([]byte(`{"id":"a","reason":"r\u00","source":"x","events":1,"event":{"host":"h","sourcetype":"s`))
	f.Fuzz(func(t *testing.T, line []byte) {
		g := make(groups)
		g.add(line, 1)
		for key, one := range g {
			if len(key.reason) > maxGroupName || len(one.text) > maxGroupName || one.events != 1 {
				t.Errorf("%+v %+v", key, one)
			}
		}
	})
}
