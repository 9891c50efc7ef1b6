package config

import (
	"maps"
	"time"
)

// Default returns the configuration of an empty file: five sources on the ports
// of the inventory's constants.syslog_ports.
func Default() Config {
	return Config{
		Sources: map[string]Source{
			"unifi":     newSource(1514, "unifi", "unifi"),
			"palo_alto": newSource(1515, "palo_alto", "firewall"),
			"cisco_asa": newSource(1516, "cisco_asa", "firewall"),
			"linux":     newSource(1517, "linux", "os"),
			"windows":   newSource(1518, "windows", "os"),
		},
		Metadata: Metadata{Profile: "default"},
		// 512 KiB of JSON are about 1,500 events: enough for gzip to find what
		// repeats, small enough that 200 ms fill it only on a busy source.
		Batch:    Batch{MaxBytes: 512 * KiB, MaxAge: 200 * time.Millisecond, MaxEvents: 10000},
		Balancer: Balancer{Shards: 4, Policy: "round_robin"},
		Queue: Queue{
			Path:         "/var/lib/syslog-gateway/queue",
			MaxSize:      100 * GB,
			SegmentSize:  64 * MiB,
			SyncInterval: 250 * time.Millisecond,
			MinFree:      2 * GB,
			WhenFull:     "block",
		},
		HEC: HEC{
			Endpoints:      []string{"https://splunk:8088"},
			Compression:    "gzip",
			InFlight:       4,
			Timeout:        time.Minute,
			Ack:            Ack{PollInterval: 10 * time.Second, Timeout: 5 * time.Minute},
			Retry:          Retry{Initial: 250 * time.Millisecond, Max: 30 * time.Second},
			HealthInterval: 5 * time.Second,
		},
		DeadLetter:      DeadLetter{Path: "/var/lib/syslog-gateway/dead-letter", MaxSize: GB},
		Stats:           Stats{Listen: ":8404", SplunkInterval: 30 * time.Second, TLS: ServerTLS{MinVersion: "1.2"}},
		Log:             Log{Level: "info", Format: "auto"},
		ShutdownTimeout: 30 * time.Second,
	}
}

// Dev returns the configuration of `gateway run --dev`: the five ports on
// localhost and everything on disk below ./data. The endpoint is a placeholder;
// the program puts its embedded one there.
func Dev() Config {
	c := Default()
	c.Sources = maps.Clone(c.Sources)
	for name, s := range c.Sources {
		s.Address = "127.0.0.1"
		c.Sources[name] = s
	}
	c.Queue.Path = "./data/queue"
	c.Queue.MaxSize = GiB // a laptop is not a log host
	c.Queue.MinFree = 100 * MB
	c.DeadLetter.Path = "./data/dead-letter"
	c.DeadLetter.MaxSize = 100 * MB
	c.HEC.Endpoints = []string{"http://127.0.0.1:8088"}
	c.Stats.Listen = "127.0.0.1:8404"
	c.Stats.Admin = true
	return c
}

// newSource returns a source with the defaults that every source has.
func newSource(port int, vendor, index string) Source {
	return Source{
		Port:           port,
		Vendor:         vendor,
		Index:          index,
		Protocols:      []string{"udp", "tcp"},
		Timezone:       "UTC",
		MaxMessageSize: 64 * KiB,
		MaxConnections: 10000,
		IdleTimeout:    time.Hour,
		ReceiveBuffer:  32 * MiB,
		SilentAfter:    time.Hour,
		TLS:            ServerTLS{MinVersion: "1.2"},
	}
}
