package deadletter

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"time"

	"syslog-gateway/internal/status"
)

// The bounds of what is told apart.
const (
	maxGroups    = 200 // in a file
	maxHosts     = 5   // of a group
	maxGroupName = 256 // bytes of a name in a group
)

// groupKey is what letters of a group have in common. That of all further groups is empty.
type groupKey struct{ reason, source, sourcetype, index string }

// group are letters that were refused alike.
type group struct {
	events      uint64
	hosts       []string
	first, last string // times, as in the lines
	text        string // of the last one
}

type groups map[groupKey]group

func (g groups) clone() groups {
	all := make(groups, len(g)+1)
	for key, one := range g {
		one.hosts = slices.Clone(one.hosts)
		all[key] = one
	}
	return all
}

// add adds a line with so many events. Like eventsOf it does not parse the line: the keys of
// a letter are in the order of [Letter], those of an event in that of package ingest, and
// quotes within texts are escaped.
func (g groups) add(line []byte, events uint64) {
	if events == 0 {
		return
	}
	head, body, _ := bytes.Cut(line, []byte(`,"event":{`))
	body, _, _ = bytes.Cut(body, []byte(`,"event":`)) // its own text, and the fields behind it
	key := groupKey{textOf(head, "reason"), textOf(head, "source"), textOf(body, "sourcetype"), textOf(body, "index")}
	one, known := g[key]
	if !known && len(g) >= maxGroups {
		key = groupKey{}
		one = g[key]
	}
	one.events += events
	one.last, one.text = textOf(head, "time"), textOf(head, "text")
	if one.first == "" {
		one.first = one.last
	}
	if host := textOf(body, "host"); host != "" && len(one.hosts) < maxHosts && !slices.Contains(one.hosts, host) {
		one.hosts = append(one.hosts, host)
	}
	g[key] = one
}

// textOf is the first text under a key, empty if there is none.
func textOf(line []byte, key string) (value string) {
	_, rest, found := bytes.Cut(line, []byte(`"`+key+`":"`))
	if !found {
		return ""
	}
	for i := 0; i < len(rest); i++ {
		switch rest[i] {
		case '\\':
			i++
		case '"':
			if json.Unmarshal(append(append([]byte{'"'}, rest[:i]...), '"'), &value) != nil {
				return ""
			}
			return value[:min(len(value), maxGroupName)]
		}
	}
	return ""
}

// Groups returns what is in the store by reason, source, sourcetype and index, most events
// first: at most n groups, and how many events are in others. It is as old as the last
// [Store.Events].
func (s *Store) Groups(n int) (list []status.DeadLetterGroup, others uint64) {
	c := &s.count
	c.reading.Lock()
	defer c.reading.Unlock()
	all := make(groups)
	for _, f := range c.files {
		for key, one := range f.groups {
			sum, known := all[key]
			if !known {
				one.hosts = slices.Clone(one.hosts)
				all[key] = one
				continue
			}
			sum.events += one.events
			sum.first = min(sum.first, one.first)
			if one.last > sum.last {
				sum.last, sum.text = one.last, one.text
			}
			for _, host := range one.hosts {
				if len(sum.hosts) < maxHosts && !slices.Contains(sum.hosts, host) {
					sum.hosts = append(sum.hosts, host)
				}
			}
			all[key] = sum
		}
	}
	for key, one := range all {
		if key == (groupKey{}) {
			others += one.events
			continue
		}
		first, _ := time.Parse(time.RFC3339Nano, one.first)
		last, _ := time.Parse(time.RFC3339Nano, one.last)
		list = append(list, status.DeadLetterGroup{
			Reason: key.reason, Source: key.source, Sourcetype: key.sourcetype, Index: key.index, Events: one.events,
			Hosts: append([]string{}, one.hosts...), First: first, Last: last, Text: one.text,
		})
	}
	slices.SortFunc(list, func(a, b status.DeadLetterGroup) int {
		return cmp.Or(cmp.Compare(b.Events, a.Events), b.Last.Compare(a.Last), cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Source, b.Source),
			cmp.Compare(a.Sourcetype, b.Sourcetype), cmp.Compare(a.Index, b.Index))
	})
	for _, one := range list[min(n, len(list)):] {
		others += one.Events
	}
	return list[:min(n, len(list))], others
}
