package main

import (
	"strings"
	"testing"

	"syslog-gateway/internal/jetstream/jetstreamtest"
	"syslog-gateway/internal/testkit"
)

// TestStreamCommands: the verbs of gateway queue see what a running gateway has secured, take
// nothing of it, and purge only what they were told to.
func TestStreamCommands(t *testing.T) {
	t.Parallel()
	servers := jetstreamtest.Start(t, 1)
	s := newMember(t, servers, nil, "first", "replicas: 1, deliver: false")
	s.start()
	all := marks("stream", 100)
	sendTCP(t, s.dial("tcp", "linux"), "linux", all)
	testkit.Eventually(t, "all is secured", func() bool { return s.metrics().Sum("gateway_secured_events_total") == 100 })
	queue := func(stdin string, code int, args ...string) string {
		t.Helper()
		out, errs, got := s.gateway(stdin, append([]string{"queue"}, append(args, "-c", s.file)...)...)
		if got != code {
			t.Errorf("%v: exit code %d, want %d: %s%s", args, got, code, out, errs)
		}
		return out + errs
	}
	testkit.Holds(t, "status", queue("", 0, "status", "--stream"), "SYSLOG-00", "SYSLOG-01", "ok")
	testkit.Holds(t, "status", queue("", 0, "status", "--stream", "--json"), `"replicas_current": 1`)
	shown, _, _ := s.gateway("", "status", "-c", s.file)
	testkit.Holds(t, "the state of the gateway", shown, "secured", "SYSLOG-00", "1 of 1 replicas")
	testkit.Holds(t, "verify", queue("", 0, "verify", "--stream"), "linux=")
	for range 2 { // it takes nothing
		out := queue("", 0, "export", "--stream")
		testkit.Equal(t, "lines", strings.Count(out, "\n"), 100)
		testkit.Holds(t, "export", out, all[0], all[99])
	}
	testkit.Holds(t, "purge", queue("no\n", 1, "purge", "--stream"), "100 events in the streams", "nothing was removed", "linux=")
	testkit.Equal(t, "lines", strings.Count(queue("", 0, "export", "--stream"), "\n"), 100)
	testkit.Holds(t, "purge", queue("yes\n", 0, "purge", "--stream"), "100 events", "purged")
	testkit.Equal(t, "left", queue("", 0, "export", "--stream"), "")
	testkit.Eventually(t, "the sum over all gateways has what was purged", func() bool {
		shown, _, _ = s.gateway("", "status", "-c", s.file)
		return strings.Contains(shown, "100 dropped")
	})
	testkit.Holds(t, "the state of all gateways", shown, "100 received by all", "100 secured", "0 in the streams", "difference 0")
	testkit.Holds(t, "neither: the disk queue", queue("", 1, "status"), s.dir+"/queue is in use")
	testkit.Holds(t, "both", queue("", 2, "status", "--stream", "--path", "x"), "path", "stream")
	testkit.Holds(t, "restore", queue("", 2, "restore", "--stream"), "unknown flag")
	servers.Kill(0)
	testkit.Holds(t, "nobody", queue("", 1, "status", "--stream"), "cannot be reached", "start the server")

	disk := newSite(t, "")
	_, errs, code := disk.gateway("", "queue", "status", "--stream", "-c", disk.file)
	testkit.Equal(t, "code", code, 1)
	testkit.Holds(t, "a gateway without a cluster", errs, "has no cluster", "--path")
}

// TestCheckConnect: check reaches the servers only when it is told to, and says so.
func TestCheckConnect(t *testing.T) {
	t.Parallel()
	servers := jetstreamtest.Start(t, 1)
	check := func(s *site, code int, args ...string) string {
		t.Helper()
		out, errs, got := s.gateway("", append([]string{"check", "-c", s.file}, args...)...)
		testkit.Equal(t, "exit code", got, code)
		return out + errs
	}
	good := newMember(t, servers, nil, "one", "replicas: 1")
	good.withoutPacks()
	testkit.Holds(t, "offline", check(good, 0), "fine: ", "not checked: the servers of queue.jetstream; gateway check --connect")
	testkit.Holds(t, "online", check(good, 0, "--connect"), "fine: ", "cluster: 1 server, 2 streams, 1 replicas", "warning      cluster: the servers do not say")
	many := newMember(t, servers, nil, "two", "replicas: 3")
	many.withoutPacks()
	testkit.Holds(t, "too few", check(many, 1, "--connect"), "node0 is a server of its own, and queue.jetstream.replicas is 3")
	servers.Kill(0)
	testkit.Holds(t, "nobody", check(good, 1, "--connect"), "failed       cluster: it cannot be used as it is: ", "cannot be reached")
	testkit.Lacks(t, "offline", check(good, 0), "cannot")
	disk := newSite(t, "")
	disk.withoutPacks()
	testkit.Holds(t, "disk", check(disk, 0, "--connect"), "cluster: none")
	testkit.Lacks(t, "disk", check(disk, 0), "queue.jetstream")
}
