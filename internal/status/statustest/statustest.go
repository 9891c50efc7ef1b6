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
