package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"syslog-gateway/internal/testkit"
)

// assertOnce checks that the events with these marks were delivered once each.
func assertOnce(t *testing.T, events []string, marks []string) {
	t.Helper()
	seen := make(map[string]int, len(events))
	for _, e := range events {
		if i := strings.Index(e, "mark="); i >= 0 {
			mark, _, _ := strings.Cut(e[i:], " ")
			seen[mark]++
		} else {
			t.Errorf("an event that nobody sent: %q", e)
		}
	}
	lost, twice := 0, 0
	for _, m := range marks {
		switch n := seen[m]; {
		case n == 0:
			lost++
		case n > 1:
			twice++
		}
	}
	if lost != 0 || twice != 0 || len(seen) != len(marks) {
		t.Errorf("of %d messages %d were lost and %d came twice; %d different ones arrived", len(marks), lost, twice, len(seen))
	}
}

// line is a message of a source's family.
func line(source, mark string) string {
	switch source {
	case "unifi":
		return "<30>" + stampBSD() + " U6-Lite 245a4c112233,U6-Lite-6.5.28+14491: hostapd[1]: wifi0ap0: STA 0a:1b:2c:3d:4e:5f " + mark + " associated"
	case "palo_alto":
		return "<14>" + stampBSD() + " PA-220 1,2026/11/22 17:00:00,012801096514,SYSTEM,general,0,2026/11/22 17:00:00,,general,,0,0,general,informational,\"User admin logged in " + mark + " from 10.0.0.5\",123456,0x0"
	case "cisco_asa":
		return "<166>" + stampBSD() + " fw01 : %ASA-6-302013: Built outbound TCP connection 110577675 for outside:198.51.100.7/443 " + mark + " to inside"
	case "windows":
		return "<14>" + stampBSD() + " dc01.corp.example MSWinEventLog\t1\tSecurity\t1377\tSun Nov 22 17:00:00 2026\t4634\tMicrosoft-Windows-Security-Auditing\tN/A\tN/A\tSuccess Audit\tdc01.corp.example\tLogoff\t\t" + mark + " An account was logged off.\t99"
	}
	return "<38>" + stampBSD() + " web1 sshd[4123]: Accepted publickey for deploy " + mark + " from 10.1.2.3"
}

func stampBSD() string { return time.Now().UTC().Format(time.Stamp) }

// sendTCP sends the marked messages over one connection and closes it.
func sendTCP(t *testing.T, c net.Conn, source string, marks []string) {
	var buf bytes.Buffer
	for i, m := range marks {
		msg := line(source, m+" ")
		if i%2 == 0 {
			fmt.Fprintf(&buf, "%s\n", msg)
		} else {
			fmt.Fprintf(&buf, "%d %s\n", len(msg)+1, msg)
		}
		if buf.Len() > 64<<10 {
			if _, err := buf.WriteTo(c); err != nil {
				t.Errorf("send to %s: %v", source, err)
				return
			}
		}
	}
	if _, err := buf.WriteTo(c); err != nil {
		t.Errorf("send to %s: %v", source, err)
	}
	c.Close()
}

// sendUDP sends the marked messages, waiting for the gateway now and then: a
// datagram has no back-pressure, and the receive buffers of a test machine are small.
func (s *site) sendUDP(c net.Conn, source string, marks []string) {
	const window = 100
	for i, m := range marks {
		fmt.Fprint(c, line(source, m+" "))
		if i%window == window-1 {
			testkit.Eventually(s.t, "the datagrams have been received", func() bool {
				return s.metrics().Sum("gateway_received_events_total", `transport="udp"`, `source="`+source+`"`) >= float64(i+1)
			})
		}
	}
}

func marks(prefix string, n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("mark=%s-%06d", prefix, i)
	}
	return all
}

func TestEveryMessageOfAllPortsIsDeliveredOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	p := s.start()
	var wg sync.WaitGroup
	var all []string
	for source := range s.ports {
		tcp, udp := marks("tcp-"+source, 8000), marks("udp-"+source, 1000)
		all = append(append(all, tcp...), udp...)
		c, d := s.dial("tcp", source), s.dial("udp", source)
		wg.Go(func() { sendTCP(t, c, source, tcp) })
		wg.Go(func() { s.sendUDP(d, source, udp) })
	}
	wg.Wait()
	assertOnce(t, s.waitEvents(len(all)), all)
	testkit.Eventually(t, "the queue is empty", func() bool { return s.metrics().Sum("gateway_queue_events") == 0 })
	m := s.metrics()
	for source := range s.ports {
		for name, want := range map[string]float64{
			"gateway_received_events_total": 9000, "gateway_delivered_events_total": 9000,
			"gateway_unparsed_events_total": 0, "gateway_truncated_events_total": 0,
			"gateway_framing_errors_total": 0, "gateway_dropped_events_total": 0, "gateway_udp_kernel_drops_total": 0,
		} {
			if got := m.Sum(name, `source="`+source+`"`); got != want {
				t.Errorf("%s of %s is %v, want %v", name, source, got, want)
			}
		}
	}
	s.assertBalance()
	testkit.Equal(t, "exit code", p.stop(), 0)
}

func TestStopAndRestartDeliverTheRest(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	p := s.start()
	s.hec.SetDown(true)
	all := marks("queued", 20000)
	sendTCP(t, s.dial("tcp", "linux"), "linux", all)
	testkit.Eventually(t, "all are received", func() bool {
		return s.metrics().Sum("gateway_received_events_total") == float64(len(all))
	})
	if code := p.stop(); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	if n := s.sink.count(); n != 0 {
		t.Fatalf("%d events were delivered to an endpoint that was down", n)
	}
	out, errs, code := s.gateway("", "queue", "status", "--path", s.dir+"/queue")
	if code != 0 || !strings.Contains(out, "linux=") || !strings.Contains(out, "20000") {
		t.Errorf("queue status: exit %d\n%s%s", code, out, errs)
	}
	s.hec.SetDown(false)
	p = s.start()
	assertOnce(t, s.waitEvents(len(all)), all)
	testkit.Eventually(t, "the queue is empty", func() bool { return s.metrics().Sum("gateway_queue_events") == 0 })
	s.assertBalance()
	p.stop()
}

// A sender that is in the middle of its work when the gateway is stopped loses
// nothing of what it could write before it saw the end.
func TestStopUnderLoadLosesNothing(t *testing.T) {
	s := newSite(t, "")
	p := s.start()
	const senders = 4
	var wg sync.WaitGroup
	var mu sync.Mutex
	var all []string
	var sent atomic.Int64
	for i := range senders {
		c := s.dial("tcp", "linux").(*net.TCPConn)
		wg.Go(func() {
			ended := make(chan struct{})
			go func() { // as rsyslog and syslog-ng do, it looks for the receiver's end
				defer close(ended)
				_, _ = io.Copy(io.Discard, c)
			}()
			var mine []string
		sending:
			for n := 0; ; n++ {
				select {
				case <-ended:
					break sending
				default:
				}
				var buf bytes.Buffer
				group := marks(fmt.Sprintf("s%d-%d", i, n), 50)
				for _, m := range group {
					fmt.Fprintf(&buf, "%s\n", line("linux", m+" "))
				}
				if _, err := buf.WriteTo(c); err != nil {
					break
				}
				mine = append(mine, group...)
				sent.Add(int64(len(group)))
			}
			c.Close()
			<-ended
			mu.Lock()
			defer mu.Unlock()
			all = append(all, mine...)
		})
	}
	testkit.Eventually(t, "the senders are at work", func() bool { return sent.Load() > 20000 })
	began := time.Now()
	code := p.stop()
	if code != 0 || time.Since(began) > 20*time.Second {
		t.Errorf("exit code %d after %v", code, time.Since(began))
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	if s.sink.count() < len(all) {
		s.start()
		s.waitEvents(len(all))
	}
	assertOnce(t, s.sink.texts(), all)
}

func TestKillLosesNothingAccepted(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	p := s.start()
	s.hec.SetDown(true)
	all := marks("accepted", 10000)
	sendTCP(t, s.dial("tcp", "linux"), "linux", all)
	testkit.Eventually(t, "all are in the queue", func() bool { return s.metrics().Sum("gateway_queue_events") == float64(len(all)) })
	p.kill()
	s.hec.SetDown(false)
	p = s.start()
	s.waitEvents(len(all))
	testkit.Eventually(t, "the queue is empty", func() bool { return s.metrics().Sum("gateway_queue_events") == 0 })
	seen := make(map[string]bool)
	for _, e := range s.sink.texts() {
		mark, _, _ := strings.Cut(e[strings.Index(e, "mark="):], " ")
		seen[mark] = true
	}
	for _, m := range all {
		if !seen[m] {
			t.Fatalf("%s was accepted and is lost", m)
		}
	}
	s.assertBalance()
	p.stop()
}

// A full queue stops the senders, and nothing is lost when there is room again.
func TestFullQueueStopsTCP(t *testing.T) {
	t.Parallel()
	s := newSite(t, "queue: {path: DIR/queue, min_free: 1MB, max_size: 2MiB}\nbatch: {max_bytes: 32KiB}\nbalancer: {shards: 2}\n")
	s.uncompressed()
	p := s.start()
	s.hec.SetDown(true)
	all := marks("pressed", 40000)
	done := make(chan struct{})
	c := s.dial("tcp", "linux")
	go func() {
		defer close(done)
		sendTCP(t, c, "linux", all)
	}()
	testkit.Eventually(t, "the queue is full", func() bool {
		return s.metrics().Sum("gateway_queue_bytes") > 1.2e6
	})
	s.hec.SetDown(false)
	assertOnce(t, s.waitEvents(len(all)), all)
	<-done
	s.assertBalance()
	p.stop()
}

func TestDropPolicies(t *testing.T) {
	t.Parallel()
	for _, policy := range []string{"drop_newest", "drop_oldest"} {
		s := newSite(t, "queue: {path: DIR/queue, min_free: 1MB, max_size: 1MiB, when_full: "+policy+"}\nbatch: {max_bytes: 32KiB}\nbalancer: {shards: 2}\n")
		s.uncompressed()
		p := s.start()
		s.hec.SetDown(true)
		all := marks("dropped", 20000)
		sendTCP(t, s.dial("tcp", "linux"), "linux", all) // never blocks for long
		testkit.Eventually(t, "all are received", func() bool {
			return s.metrics().Sum("gateway_received_events_total") == float64(len(all))
		})
		s.hec.SetDown(false)
		testkit.Eventually(t, "the queue is empty", func() bool { return s.metrics().Sum("gateway_queue_events") == 0 })
		m := s.metrics()
		if m.Sum("gateway_dropped_events_total", `reason="`+policy+`"`) == 0 {
			t.Errorf("%s: nothing was dropped out of a full queue", policy)
		}
		s.assertBalance()
		if code := p.stop(); code != 0 {
			t.Errorf("%s: exit code %d", policy, code)
		}
	}
}

func TestSecondSignalDoesNotWait(t *testing.T) {
	s := newSite(t, "")
	p := s.start()
	c := s.dial("tcp", "linux") // a sender that never ends and never stops
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			if _, err := fmt.Fprintf(c, "%s\n", line("linux", "mark=endless ")); err != nil {
				return
			}
		}
	})
	testkit.Eventually(t, "the sender is at work", func() bool { return s.metrics().Sum("gateway_received_events_total") > 1000 })
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	testkit.Eventually(t, "the gateway is stopping", func() bool { return strings.Contains(p.log.String(), "stopping") })
	began := time.Now()
	if code := p.stop(); code != 0 || time.Since(began) > 5*time.Second {
		t.Errorf("exit code %d after %v", code, time.Since(began))
	}
	close(stop)
	c.Close()
	wg.Wait()
}
