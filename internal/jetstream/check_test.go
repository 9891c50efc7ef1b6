package jetstream_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	js "github.com/nats-io/nats.go/jetstream"

	"syslog-gateway/internal/jetstream"
	"syslog-gateway/internal/jetstream/jetstreamtest"
	"syslog-gateway/internal/testkit"
)

// mayAsk lets gw1 ask the servers how they are set, as the files of init do.
const mayAsk = `system_account: SYS
no_auth_user: gw1
accounts {
  SYS { exports: [ { service: "$SYS.REQ.SERVER.PING.VARZ", response_type: stream, accounts: [SYSLOG] } ] }
  SYSLOG {
    jetstream: enabled, users: [ { user: gw1, password: right } ]
    imports: [ { service: { account: SYS, subject: "$SYS.REQ.SERVER.PING.VARZ" } } ]
  }
}`

// seeing returns the options of a gateway whose servers these are.
func seeing(t *testing.T, servers *jetstreamtest.Servers, replicas int) jetstream.Options {
	return jetstream.Options{
		Servers: servers.URLs(), Gateway: "gw1", Streams: 2, Replicas: replicas, MaxSize: 64 << 20,
		DuplicateWindow: time.Minute, AckWait: 5 * time.Second, Memory: filepath.Join(t.TempDir(), "streams.json"),
	}
}

// found checks that a check refuses with one sentence that has all parts, or with none.
func found(t *testing.T, o jetstream.Options, largest int64, refused, warned string) {
	t.Helper()
	f := jetstream.Check(t.Context(), o, largest)
	for _, one := range []struct {
		what, want string
		have       []string
	}{{"refused", refused, f.Refused}, {"warnings", warned, f.Warnings}} {
		text := strings.Join(one.have, "\n")
		if one.want == "" && text != "" || !strings.Contains(text, one.want) {
			t.Errorf("%s: %q, want %q", one.what, text, one.want)
		}
	}
}

func TestCheckOfGoodServers(t *testing.T) {
	servers := jetstreamtest.Start(t, 3, mayAsk)
	o := seeing(t, servers, 3)
	found(t, o, 1<<20, "", "")
	f := jetstream.Check(t.Context(), o, 1<<20)
	testkit.Equal(t, "servers", f.Servers, 3)

	large := o
	large.MaxSize = 1400 << 20
	found(t, large, 1<<20, "no room for 2 streams", "")
	found(t, o, 9<<20, "set max_payload: 9MB", "")
	five := o
	five.Replicas = 5
	found(t, five, 1<<20, "3 servers have JetStream, and queue.jetstream.replicas is 5", "")
	wrong := o
	wrong.Servers = []string{strings.Replace(servers.URLs()[0], "nats://", "nats://gw1:wrong@", 1)}
	found(t, wrong, 1<<20, `does not let gateway "gw1" in`, "")
	nobody := o
	nobody.Servers = []string{"nats://127.0.0.1:1"}
	found(t, nobody, 1<<20, "127.0.0.1:1: cannot be reached", "")

	// Streams that gateways have made are right, and only with the same settings.
	join(t, servers, "gw1", func(made *jetstream.Options) { made.Memory = o.Memory }).up(t).stop()
	testkit.Eventually(t, "all replicas are current", func() bool { return len(jetstream.Check(t.Context(), o, 1<<20).Warnings) == 0 })
	found(t, o, 1<<20, "", "")
	found(t, large, 1<<20, "max_bytes is", "")
	servers.Kill(2)
	testkit.Holds(t, "refused", strings.Join(jetstream.Check(t.Context(), o, 1<<20).Refused, "\n"),
		"cannot be reached", "2 servers have JetStream, and queue.jetstream.replicas is 3")
}

func TestCheckRefuses(t *testing.T) {
	for name, c := range map[string]struct{ config, refused string }{
		"lazy sync":      {mayAsk + "\njetstream { store_dir: \"" + t.TempDir() + "\", max_file_store: 1GB, sync_interval: 2m }", "sync_interval is not always"},
		"small messages": {mayAsk + "\nmax_payload: 1MB", "max_payload is 1048576 bytes"},
		"a small disk":   {mayAsk + "\njetstream { store_dir: \"" + t.TempDir() + "\", max_file_store: 40MB, sync_interval: always }", "no room for 2 streams"},
		"no JetStream for the account": {"no_auth_user: gw1\naccounts { SYSLOG { users: [ { user: gw1, password: right } ] }, OTHER { jetstream: enabled } }",
			"JetStream is off for the account"},
	} {
		t.Run(name, func(t *testing.T) {
			f := jetstream.Check(t.Context(), seeing(t, jetstreamtest.Start(t, 1, c.config), 1), 1<<20)
			testkit.Holds(t, "refused", strings.Join(f.Refused, "\n"), c.refused)
		})
	}
}

// TestCheckOfOthersStreams: servers that do not say how they are set get a warning, a stream
// of somebody else and one that is gone are refused.
func TestCheckOfOthersStreams(t *testing.T) {
	servers := jetstreamtest.Start(t, 1)
	o := seeing(t, servers, 1)
	found(t, o, 1<<20, "", "do not say how they are set")
	conn := testkit.Try(nats.Connect(servers.URLs()[0]))(t)
	defer conn.Close()
	j := testkit.Try(js.New(conn))(t)
	testkit.Try(j.CreateStream(t.Context(), js.StreamConfig{Name: "SYSLOG-01", Subjects: []string{"mine.>"}}))(t)
	found(t, o, 1<<20, "stream SYSLOG-01 is not as queue.jetstream says", "do not say")
	testkit.Must(t, os.WriteFile(o.Memory, []byte(`{"SYSLOG-00": "2026-11-30T00:00:00Z"}`), 0o600))
	found(t, o, 1<<20, "stream SYSLOG-00 is gone, and was there before", "do not say")
}
