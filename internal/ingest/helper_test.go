package ingest

import (
	"testing"
	"time"

	"syslog-gateway/internal/dialect"
	"syslog-gateway/internal/event"
	"syslog-gateway/internal/splunk"
)

func settings(t testing.TB, vendorName string) Settings {
	t.Helper()
	parser, err := dialect.New(vendorName, nil)
	if err != nil {
		t.Fatal(err)
	}
	profile, err := splunk.NewProfile("default", splunk.Naming{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return Settings{
		Vendor: vendorName, Parser: parser, Profile: profile, Index: "os", Location: time.UTC,
		MaxMessage: 1024, MaxConnections: 100, IdleTimeout: time.Hour,
	}
}

// samples are typical lines of the five families, about 300 bytes each.
var samples = []string{
	"<4>Nov 22 17:00:00 USG kernel: [LAN_LOCAL-default-A]IN=eth0.2004 OUT= MAC=01:00:5e:00:00:fb:74:ac:b9:11:22:33:08:00 SRC=10.254.3.1 DST=224.0.0.251 LEN=348 TOS=0x00 PREC=0x00 TTL=255 ID=0 DF PROTO=UDP SPT=5353 DPT=5353 LEN=328",
	"<14>Nov 22 17:00:00 PA-VM300 1,2026/11/22 17:00:00,007200001056,TRAFFIC,end,1,2026/11/22 16:59:59,192.168.41.30,192.168.41.255,0.0.0.0,0.0.0.0,rule1,,,netbios-dg,vsys1,Trust,Trust,ethernet1/1,ethernet1/1,To-Panorama,2026/11/22 16:59:59,8720,1,138,138,0,0,0x0,udp,allow,276,276,0,1,2026/11/22 16:59:29,0,any,0,123456,0x0,192.168.0.0-192.168.255.255,192.168.0.0-192.168.255.255,0,1,0",
	"<166>Nov 22 2026 17:00:00 fw1 : %ASA-6-302013: Built outbound TCP connection 110577675 for outside:198.51.100.7/443 (198.51.100.7/443) to inside:10.1.2.3/51515 (203.0.113.4/51515)",
	`<38>1 2026-11-22T17:00:00.123456+00:00 web1.example.com sshd 7210 - [meta sequenceId="1"] Accepted publickey for deploy from 10.1.2.3 port 51514 ssh2: ED25519 SHA256:abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG`,
	"<14>Nov 22 17:00:00 dc01.corp.example MSWinEventLog\t1\tSecurity\t1377326\tSun Nov 22 17:00:00 2026\t4634\tMicrosoft-Windows-Security-Auditing\tN/A\tN/A\tSuccess Audit\tdc01.corp.example\tLogoff\t\tAn account was logged off.    Subject:   Security ID: S-1-5-18\t952188769",
}

// discard is a sink that gives the batches straight back.
type discard struct{ pool *event.Pool }

func (d discard) Handle(b *event.Batch) error {
	b.Account.Accept(b.Events)
	d.pool.Put(b)
	return nil
}
