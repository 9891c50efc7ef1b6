// Package statustest has states of a gateway for the tests of others.
package statustest

import (
	"time"

	"syslog-gateway/internal/status"
)

// Calm is a gateway with five sources that works well.
func Calm() status.Snapshot {
	now := time.Date(2025, 3, 14, 12, 0, 0, 0, time.UTC)
	snap := status.Snapshot{
		Listening: true, Version: "1.2.3", Commit: "abc1234", Host: "gw1", Started: now.Add(-26 * time.Hour), Now: now,
		Shards: []status.Shard{{Name: "0", Events: 10, Records: 2, Bytes: 25e9, Segments: 3, Oldest: now.Add(-3 * time.Second)}, {Name: "1"}},
		Endpoints: []status.Endpoint{{
			URL: "https://splunk:8088", Up: true, Since: now.Add(-time.Hour), LastAnswer: "200 Success",
			Requests: 1234, LatencyMillis: 12.5,
		}},
		Queue: status.Queue{CapacityBytes: 100e9, UsedBytes: 26e9, FreeDiskBytes: 300e9, WhenFull: "block", OldestSeconds: 3},
	}
	for i, name := range []string{"unifi", "palo_alto", "cisco_asa", "linux", "windows"} {
		s := status.Source{
			Port: 1514 + i, Transports: []string{"udp", "tcp"}, Connections: map[string]int64{"tcp": 2},
			ReceiveBuffer: 32 << 20, ReceiveBufferWanted: 32 << 20,
		}
		s.Balance.Source = name
		snap.Sources = append(snap.Sources, s)
	}
	return snap
}

// Streams are those of a cluster: one that works well, and one that has lost a server.
func Streams(now time.Time) []status.Stream {
	return []status.Stream{
		{
			Name: "SYSLOG-00", Up: true, Leader: "q1", Replicas: 3, Current: 3, Records: 1500, Bytes: 105e6, CapacityBytes: 100e9,
			Oldest: now.Add(-4 * time.Second), AckPending: 12, Held: 5, CheckedAt: now,
		},
		{
			Name: "SYSLOG-01", Up: true, Leader: "q2", Replicas: 3, Current: 2, Lag: 70, Records: 20000, Bytes: 75e9, CapacityBytes: 100e9,
			Oldest: now.Add(-8 * time.Second), Redelivered: 3, CheckedAt: now,
		},
	}
}

// Cluster is the sum over two gateways, of which one has lost 5 events in a crash, and an
// operator who has purged the streams.
func Cluster(now time.Time) *status.Cluster {
	one := status.Member{Name: "gw1", SaidAt: now.Add(-2 * time.Second), Crashes: 1, Difference: 5, Books: status.Books{Received: 5000, Secured: 4900, Pending: 95, RecordsSecured: 49}}
	two := status.Member{Name: "gw2", SaidAt: now.Add(-90 * time.Second), Silent: true, Books: status.Books{Taken: 3000, Delivered: 2980, Pending: 20, RecordsDone: 30}}
	purge := status.Member{Name: "queue purge", SaidAt: now.Add(-time.Hour), Stopped: true, Books: status.Books{Taken: 100, Dropped: 100, DropReasons: map[string]uint64{"purged": 100}, RecordsDone: 1}}
	c := &status.Cluster{Members: []status.Member{one, two, purge}, ServerRecords: 18, Missing: []string{"gw2 has said <nothing>."}}
	for _, m := range c.Members {
		c.Total.Add(m.Books)
	}
	c.InStreams, c.Records, c.Difference = c.Total.InStreams(), c.Total.Records(), c.Total.Difference()
	return c
}
