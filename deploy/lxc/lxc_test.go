//go:build lxc

package lxc

import (
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"syslog-gateway/internal/hec/hectest"
	"syslog-gateway/internal/testkit"
)

const token = "11111111-2222-3333-4444-555555555555"

const configuration = `hec: {endpoints: ["http://` + outside + `:8088"], retry: {initial: 100ms, max: 1s}, health_interval: 1s}
queue: {path: /var/lib/syslog-gateway/queue, min_free: 100MB}
`

// TestServiceInAContainer tells one story, since booting takes the time.
func TestServiceInAContainer(t *testing.T) {
	c := newContainer(t)
	c.rmem("33554432")
	got := &events{}
	splunk := hectest.New(hectest.Options{Token: token, Check: hectest.Validate, OnEvent: got.take})
	t.Cleanup(splunk.Close)
	c.forward(8088, strings.TrimPrefix(splunk.URL(), "http://"))
	c.start()
	s := &story{container: c, got: got, splunk: splunk}
	for _, chapter := range []struct {
		name string
		play func(t *testing.T)
	}{
		{"install", s.install},
		{"failures are said in one sentence", s.failures},
		{"receives and delivers", s.receives},
		{"hardened", s.hardened},
		{"reload", s.reload},
		{"kill -9", s.kill},
		{"hang", s.hang},
		{"upgrade under load", s.upgrade},
		{"upgrade that is refused", s.refusedUpgrade},
		{"stop", s.stop},
		{"reboot with a full queue", s.reboot},
	} {
		ok := t.Run(chapter.name, func(t *testing.T) {
			outer := c.t
			c.t = t
			defer func() { c.t = outer }()
			c.note("%s", chapter.name)
			chapter.play(t)
		})
		if !ok {
			log, _ := c.attach("journalctl -u syslog-gateway --no-pager -n 60").CombinedOutput()
			t.Fatalf("the rest needs this chapter; journal:\n%s", log)
		}
	}
}

type story struct {
	*container
	got    *events
	splunk *hectest.Server
}

func (s *story) install(t *testing.T) {
	path := s.deb("1.0.0")
	s.run("uname -r; cat /proc/self/uid_map; systemctl --version | head -1; cat /proc/sys/net/core/rmem_max")
	s.run("dpkg -i " + path)
	s.write("/etc/syslog-gateway/gateway.yaml", configuration, 0o644)
}

// fails starts the service, waits for the failure and looks for a sentence in
// `systemctl status`.
func (s *story) fails(why, sentence string) {
	s.t.Helper()
	s.note("%s", why)
	_, _ = s.try("systemctl start syslog-gateway")
	status, _ := s.try("systemctl status syslog-gateway --no-pager")
	if !strings.Contains(status, sentence) {
		s.t.Errorf("%s: %q is not in\n%s", why, sentence, status)
	}
	if s.active() != "activating" { // waits for its restart
		s.t.Errorf("%s: the service is %s", why, s.active())
	}
	s.run("systemctl stop syslog-gateway; systemctl reset-failed syslog-gateway 2>/dev/null; true")
}

func (s *story) failures(t *testing.T) {
	s.fails("no token", "there is no HEC token; give it by")
	s.write("/etc/syslog-gateway/hec_token", token+"\n", 0o600)

	s.run("chmod 600 /etc/syslog-gateway/gateway.yaml")
	s.fails("wrong permission", "which has to have access")
	s.run("chmod 644 /etc/syslog-gateway/gateway.yaml")

	taken := s.attach("echo $$ > /run/taken.pid; exec systemd-socket-activate -d -l 1516 true")
	s.must(taken.Start())
	s.eventually("the port is taken", 10*time.Second, func() bool {
		out, _ := s.attach("ss -lnu sport = :1516").Output()
		return strings.Contains(string(out), ":1516")
	})
	s.fails("port taken", "another process holds the port")
	s.run("kill $(cat /run/taken.pid)")
	_ = taken.Wait()

	s.run("mkdir -p /var/lib/syslog-gateway && mount -t tmpfs -o size=1m,mode=755 none /var/lib/syslog-gateway && chown syslog-gateway: /var/lib/syslog-gateway && (dd if=/dev/zero of=/var/lib/syslog-gateway/fill bs=4k 2>/dev/null; true)")
	_, _ = s.try("systemctl start syslog-gateway")
	s.eventually("the full disk is said", 30*time.Second, func() bool {
		out, _ := s.attach("systemctl status syslog-gateway --no-pager").Output()
		return strings.Contains(string(out), "no space left on device")
	})
	_, _ = s.try("systemctl status syslog-gateway --no-pager")
	s.run("systemctl stop syslog-gateway; umount /var/lib/syslog-gateway")

	old := s.limitRestarts()
	if old < 5*time.Second {
		t.Errorf("restarts come after %s", old)
	}
}

// limitRestarts is RestartSec as systemd has it.
func (s *story) limitRestarts() time.Duration {
	out := s.run("systemctl show -P RestartUSec syslog-gateway")
	d, err := time.ParseDuration(out)
	s.must(err)
	return d
}

func (s *story) receives(t *testing.T) {
	s.run("systemctl enable --now syslog-gateway")
	for port := 1514; port <= 1518; port++ {
		s.send("logger", "-n", inside, "-P", fmt.Sprint(port), "-d", fmt.Sprintf("mark=udp%d end", port))
		s.send("logger", "-n", inside, "-P", fmt.Sprint(port), "-T", fmt.Sprintf("mark=tcp%d end", port))
	}
	for port := 1514; port <= 1518; port++ {
		for _, network := range []string{"udp", "tcp"} {
			s.eventually(fmt.Sprintf("what %s %d got is delivered", network, port), 20*time.Second, func() bool {
				return s.got.has(fmt.Sprintf("%s%d", network, port))
			})
		}
	}
	for _, path := range []string{"/healthz", "/readyz", "/stats", "/metrics", "/api/v1/status"} {
		body, code := s.get(path)
		if code != 200 {
			t.Errorf("%s: %d %s", path, code, body)
		}
	}
	s.eventually("the status line has rates", 30*time.Second, func() bool {
		out, _ := s.attach("systemctl show -P StatusText syslog-gateway").Output()
		return strings.HasPrefix(string(out), "receiving ") && strings.Contains(string(out), "0 waiting")
	})
	s.run("systemctl status syslog-gateway --no-pager")
	s.eventually("the sockets are stored", 10*time.Second, func() bool {
		out, _ := s.attach("systemctl show -P NFileDescriptorStore syslog-gateway").Output()
		return strings.TrimSpace(string(out)) == "10"
	})
}

func (s *story) hardened(t *testing.T) {
	if out := s.run("systemd-analyze verify syslog-gateway.service 2>&1"); out != "" {
		// Manual pages and the root file system's own units are not ours.
		for line := range strings.Lines(out) {
			testkit.Lacks(t, "verify", line, "syslog-gateway")
		}
	}
	s.run("systemd-analyze security --no-pager --threshold=15 syslog-gateway.service > /tmp/security; code=$?; tail -1 /tmp/security; exit $code")
	s.run("systemctl show -P MainPID syslog-gateway | xargs -I{} grep -E 'Uid|CapBnd|CapEff|NoNewPrivs|Seccomp:' /proc/{}/status")
	s.run("systemctl show -P MainPID syslog-gateway | xargs -I{} grep 'open files' /proc/{}/limits")
	// The control socket within all of this, and what verbs of root leave.
	s.run("gateway status; code=$?; test $code = 0 -o $code = 3")
	s.run("setpriv --reuid=syslog-gateway --regid=syslog-gateway --clear-groups gateway status >/dev/null; code=$?; test $code = 0 -o $code = 3")
	s.run("gateway deadletter list")
	if out := s.run("find /var/lib/syslog-gateway ! -user syslog-gateway"); strings.TrimSpace(out) != "" {
		t.Errorf("not the service's: %s", out)
	}
}

func (s *story) reload(t *testing.T) {
	pid := s.mainPID()
	s.write("/etc/syslog-gateway/gateway.yaml", configuration+"log: {level: debug}\n", 0o644)
	s.run("systemctl reload syslog-gateway")
	s.eventually("the reload is counted", 20*time.Second, func() bool {
		body, _ := s.get("/metrics")
		return strings.Contains(body, `gateway_config_reloads_total{result="success"} 1`)
	})
	if s.mainPID() != pid {
		t.Error("a reload has started a new process")
	}
	s.write("/etc/syslog-gateway/gateway.yaml", configuration, 0o644)
	s.run("systemctl reload syslog-gateway")
	s.eventually("it is active", 20*time.Second, func() bool { return s.active() == "active" })
	s.notifyReload(t)
}

// notifyReload tries the drop-in for systemd 253 and later: `systemctl reload` then
// returns when the gateway has reloaded.
func (s *story) notifyReload(t *testing.T) {
	var version int
	if _, err := fmt.Sscanf(s.run("systemctl --version"), "systemd %d", &version); err != nil || version < 253 {
		s.note("systemd %d has no Type=notify-reload", version)
		return
	}
	dropIn, err := os.ReadFile("../systemd/notify-reload.conf")
	s.must(err)
	s.run("mkdir -p /etc/systemd/system/syslog-gateway.service.d")
	s.write("/etc/systemd/system/syslog-gateway.service.d/notify-reload.conf", string(dropIn), 0o644)
	s.run("systemctl daemon-reload && systemctl restart syslog-gateway && systemctl reload syslog-gateway")
	body, _ := s.get("/metrics")
	testkit.Holds(t, "systemctl reload came back before the gateway had reloaded", body, `gateway_config_reloads_total{result="success"} 1`)
	testkit.Equal(t, "type", s.run("systemctl show -P Type syslog-gateway"), "notify-reload")
}

// kill ends the process; what comes by UDP until the next one waits in its sockets.
func (s *story) kill(t *testing.T) {
	pid := s.mainPID()
	s.run("kill -9 " + pid)
	s.eventually("it waits for its restart", 5*time.Second, func() bool { return s.active() == "activating" })
	udp, err := s.dial("udp", 1517)
	s.must(err)
	defer udp.Close()
	for i := range 2000 {
		fmt.Fprintf(udp, "<38>Nov 22 17:00:00 web1 sshd[1]: mark=down-%d end", i)
	}
	tcp, err := s.dial("tcp", 1517)
	s.must(err)
	fmt.Fprint(tcp, "<38>Nov 22 17:00:00 web1 sshd[1]: mark=backlog-0 end\n")
	defer tcp.Close()
	s.eventually("another process runs", 30*time.Second, func() bool { return s.active() == "active" && s.mainPID() != pid })
	s.eventually("what came meanwhile is delivered", 20*time.Second, func() bool {
		return s.got.missing("down", 2000) == 0 && s.got.missing("backlog", 1) == 0
	})
	s.note("2000 datagrams and a connection that came while no process ran: all delivered")
}

func (s *story) hang(t *testing.T) {
	pid := s.mainPID()
	begin := time.Now()
	s.run("kill -STOP " + pid)
	s.eventually("the watchdog has seen to it", 90*time.Second, func() bool {
		now := s.mainPID()
		return s.active() == "active" && now != pid && now != "0"
	})
	s.note("a stopped process was replaced after %s", time.Since(begin).Round(time.Second))
	s.run("journalctl -u syslog-gateway --no-pager | grep -i watchdog | grep systemd")
}

// upgrade installs a new version, and restarts once more, while devices send.
func (s *story) upgrade(t *testing.T) {
	path := s.deb("1.1.0")
	udp, err := s.dial("udp", 1517)
	s.must(err)
	defer udp.Close()
	stop := make(chan struct{})
	var senders sync.WaitGroup
	var udpSent, tcpSent int
	begin := time.Now()
	senders.Go(func() { udpSent = testkit.Datagrams(udp, 20, datagram, stop) })
	dial := func() (net.Conn, error) { return s.dial("tcp", 1516) }
	senders.Go(func() { tcpSent = testkit.Reconnecting(dial, asaLine, stop) })
	flow := func() {
		t.Helper()
		enough := s.splunk.Taken() + 40000
		s.eventually("events flow", 60*time.Second, func() bool { return s.splunk.Taken() > enough })
	}
	flow()
	s.run("dpkg -i " + path)
	flow()
	s.run("systemctl restart syslog-gateway")
	flow()
	close(stop)
	senders.Wait()
	took := time.Since(begin)
	s.eventually("the queue is empty", 120*time.Second, func() bool {
		body, _ := s.get("/readyz")
		metrics, code := s.get("/metrics")
		return code == 200 && body != "" && sum(metrics, "gateway_pending_events") == 0
	})
	lostUDP, lostTCP := s.got.missing("udp", udpSent), s.got.missing("tcp", tcpSent)
	s.run("journalctl -u syslog-gateway --no-pager -n 40 -o cat | grep -E 'took over|stopped|ready'")
	s.note("upgrade and restart at %.0f datagrams/s and %.0f lines/s: UDP %d sent, %d lost; TCP %d sent, %d lost",
		float64(udpSent)/took.Seconds(), float64(tcpSent)/took.Seconds(), udpSent, lostUDP, tcpSent, lostTCP)
	if lostUDP != 0 || lostTCP != 0 {
		t.Errorf("lost: UDP %d of %d, TCP %d of %d", lostUDP, udpSent, lostTCP, tcpSent)
	}
	if out := s.run("gateway version"); !strings.Contains(out, "1.1.0") {
		t.Errorf("version %s", out)
	}
}

// refusedUpgrade installs a version that refuses a pack: the running gateway goes on.
func (s *story) refusedUpgrade(t *testing.T) {
	const pack = "/etc/syslog-gateway/packs/acme.yaml"
	path := s.deb("1.2.0")
	s.write(pack, "format: 1\npack: acme_widget\nmach: {program: widgetd}\n", 0o644)
	before := s.run("systemctl show -p MainPID --value syslog-gateway")
	out := s.run("dpkg -i " + path)
	for _, want := range []string{pack + ":3", "is not restarted"} {
		if !strings.Contains(out, want) {
			t.Errorf("the package does not say %q:\n%s", want, out)
		}
	}
	if after := s.run("systemctl show -p MainPID --value syslog-gateway"); after != before {
		t.Errorf("process %s became %s", before, after)
	}
	if _, code := s.get("/readyz"); code != 200 {
		t.Errorf("/readyz answers %d", code)
	}
	s.run("rm " + pack)
	s.run("dpkg -i " + path)
	if after := s.run("systemctl show -p MainPID --value syslog-gateway"); after == before {
		t.Error("the service has not been restarted by a version that accepts its packs")
	}
	s.eventually("the new process is ready", 60*time.Second, func() bool {
		_, code := s.get("/readyz")
		return code == 200
	})
}

func (s *story) stop(t *testing.T) {
	begin := time.Now()
	s.run("systemctl stop syslog-gateway")
	if d := time.Since(begin); d > 5*time.Second {
		t.Errorf("an idle gateway took %s to stop", d)
	} else {
		s.note("an idle gateway stopped within %s", d.Round(100*time.Millisecond))
	}
	s.run("systemctl start syslog-gateway")
	udp, err := s.dial("udp", 1517)
	s.must(err)
	defer udp.Close()
	done := make(chan struct{})
	var sender sync.WaitGroup
	sender.Go(func() { testkit.Datagrams(udp, 20, datagram, done) })
	enough := s.splunk.Taken() + 20000
	s.eventually("it is busy", 30*time.Second, func() bool { return s.splunk.Taken() > enough })
	begin = time.Now()
	s.run("systemctl stop syslog-gateway")
	d := time.Since(begin)
	close(done)
	sender.Wait()
	if d > 30*time.Second {
		t.Errorf("a busy gateway took %s to stop", d)
	}
	s.note("a busy gateway stopped within %s", d.Round(100*time.Millisecond))
	testkit.Equal(t, "the stop ended with", s.run("systemctl show -P Result syslog-gateway"), "success")
}

// reboot fills a small queue while Splunk is away, reboots, and lets Splunk return.
func (s *story) reboot(t *testing.T) {
	s.write("/etc/syslog-gateway/gateway.yaml", strings.Replace(configuration, "hec: {", "hec: {compression: none, ", 1)+
		"balancer: {shards: 1}\n", 0o644)
	s.run(`sed -i 's/^queue: {/queue: {max_size: 16MiB, segment_size: 1MiB, /' /etc/syslog-gateway/gateway.yaml`)
	s.splunk.SetDown(true)
	s.run("systemctl start syslog-gateway")
	tcp, err := s.dial("tcp", 1515)
	s.must(err)
	defer tcp.Close()
	sent := 0
	text := strings.Repeat("x", 400)
	for { // until nothing is taken any more
		_ = tcp.SetWriteDeadline(time.Now().Add(5 * time.Second))
		if _, err := fmt.Fprintf(tcp, "<14>Nov 22 17:00:00 PA-220 %s mark=full-%d end\n", text, sent); err != nil {
			break
		}
		sent++
	}
	s.eventually("the full queue is said", 30*time.Second, func() bool {
		out, _ := s.attach("systemctl show -P StatusText syslog-gateway").Output()
		return strings.Contains(string(out), "the queue is full")
	})
	s.run("systemctl status syslog-gateway --no-pager")
	body, _ := s.get("/metrics")
	queued := int(sum(body, "gateway_queue_events"))
	if queued < 1000 {
		t.Fatalf("%d events are queued", queued)
	}
	begin := time.Now()
	// Off and on, as Proxmox reboots a container: LXC's own reboot in place does not
	// map the owners of an idmapped root file system again.
	_, _ = s.try("systemctl poweroff")
	select {
	case <-s.ended:
	case <-time.After(120 * time.Second):
		t.Fatal("the container did not switch itself off")
	}
	s.boot()
	s.note("reboot with %d events in a full queue: back after %s", queued, time.Since(begin).Round(time.Second))
	s.splunk.SetDown(false)
	s.eventually("all that was accepted is delivered", 60*time.Second, func() bool { return s.got.missing("full", queued) == 0 })
	s.note("all %d accepted events were delivered after the reboot", queued)
	s.run("systemctl status syslog-gateway --no-pager")
}
