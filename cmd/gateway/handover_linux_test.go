package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"syslog-gateway/internal/testkit"
)

// What the two senders send; each has the place of a number.
const (
	datagram = "<38>Nov 22 17:00:00 web1 sshd[4123]: mark=udp-%d end"
	asaLine  = "<166>Nov 22 17:00:00 fw01 : %%ASA-6-302013: Built mark=tcp-%d end\n"
)

// manager is what the gateway sees of systemd: a notify socket and a store of files.
type manager struct {
	t      *testing.T
	socket string
	conn   *net.UnixConn

	mu     sync.Mutex
	names  []string
	files  []*os.File
	states []string
}

func newManager(t *testing.T) *manager {
	t.Helper()
	m := &manager{t: t, socket: filepath.Join(t.TempDir(), "notify")}
	var err error
	if m.conn, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: m.socket, Net: "unixgram"}); err != nil {
		t.Fatal(err)
	}
	var reading sync.WaitGroup
	reading.Go(m.read)
	t.Cleanup(func() {
		m.conn.Close()
		reading.Wait()
		for _, f := range m.files {
			f.Close()
		}
	})
	return m
}

func (m *manager) read() {
	buf, oob := make([]byte, 4096), make([]byte, unix.CmsgSpace(4*16))
	for {
		n, oobn, _, _, err := m.conn.ReadMsgUnix(buf, oob)
		if err != nil {
			return
		}
		m.take(string(buf[:n]), oob[:oobn])
	}
}

func (m *manager) take(state string, oob []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	vars := make(map[string]string)
	for l := range strings.SplitSeq(state, "\n") {
		k, v, _ := strings.Cut(l, "=")
		vars[k] = v
	}
	switch {
	case vars["FDSTORE"] == "1":
		messages, err := unix.ParseSocketControlMessage(oob)
		if err != nil || len(messages) != 1 {
			m.t.Errorf("FDSTORE=1 without a file: %v", err)
			return
		}
		fds, _ := unix.ParseUnixRights(&messages[0])
		for _, fd := range fds {
			unix.CloseOnExec(fd)
			m.names, m.files = append(m.names, vars["FDNAME"]), append(m.files, os.NewFile(uintptr(fd), vars["FDNAME"]))
		}
	case vars["FDSTOREREMOVE"] == "1":
		for i := len(m.names) - 1; i >= 0; i-- {
			if m.names[i] == vars["FDNAME"] {
				m.files[i].Close()
				m.names, m.files = append(m.names[:i], m.names[i+1:]...), append(m.files[:i], m.files[i+1:]...)
			}
		}
	default:
		m.states = append(m.states, state)
	}
}

// said reports whether one of the notifications holds a text.
func (m *manager) said(text string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.states {
		if strings.Contains(s, text) {
			return true
		}
	}
	return false
}

func (m *manager) stored() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]string(nil), m.names...)
}

// start runs the gateway as systemd would, with the files of the store. Only the
// process itself knows its LISTEN_PID.
func (m *manager) start(s *site) *process {
	m.t.Helper()
	m.mu.Lock()
	gateway := gatewayCommand(s.dir, "run", "-c", s.file)
	cmd := exec.Command("/bin/sh", append([]string{"-c", `LISTEN_PID=$$ exec "$0" "$@"`}, gateway.Args...)...)
	cmd.Dir = gateway.Dir
	cmd.Env = append(gateway.Env, "NOTIFY_SOCKET="+m.socket, "WATCHDOG_USEC=3000000",
		fmt.Sprintf("LISTEN_FDS=%d", len(m.files)), "LISTEN_FDNAMES="+strings.Join(m.names, ":"))
	cmd.ExtraFiles = append(cmd.ExtraFiles, m.files...)
	m.states = nil
	p := s.spawn(cmd)
	m.mu.Unlock()
	testkit.Eventually(m.t, "READY=1", func() bool {
		select {
		case <-p.exited:
			m.t.Fatalf("the gateway ended: %v\n%s", p.err, p.log)
		default:
		}
		return m.said("READY=1")
	})
	return p
}

func TestRestartUnderLoadLosesNothing(t *testing.T) {
	m, s := newManager(t), newSite(t, "")
	p := m.start(s)
	stop := make(chan struct{})
	var senders sync.WaitGroup
	var udpSent, tcpSent int
	udp := s.dial("udp", "linux")
	senders.Go(func() { udpSent = testkit.Datagrams(udp, paced/1000, datagram, stop) })
	dial := func() (net.Conn, error) { return net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.ports["cisco_asa"])) }
	senders.Go(func() { tcpSent = testkit.Reconnecting(dial, asaLine, stop) })
	dropped := 0.0
	for range 3 {
		more := s.sink.count() + paced*3/4
		testkit.Eventually(t, "events flow", func() bool { return s.sink.count() > more })
		if code := p.stop(); code != 0 {
			t.Fatalf("exit code %d", code)
		}
		dropped += p.kernelDrops()
		p = m.start(s)
	}
	close(stop)
	senders.Wait()
	testkit.Eventually(t, "all has come, or the kernel has dropped it", func() bool {
		m := s.metrics()
		now := dropped + m.Sum("gateway_udp_kernel_drops_total")
		return float64(s.sink.count())+now >= float64(udpSent+tcpSent) && m.Sum("gateway_pending_events") == 0
	})
	dropped += s.metrics().Sum("gateway_udp_kernel_drops_total")
	seen := make(map[string]int)
	for _, e := range s.sink.texts() {
		mark, _, _ := strings.Cut(e[strings.Index(e, "mark="):], " ")
		seen[mark]++
	}
	lost := map[string]int{"udp": 0, "tcp": 0}
	for kind, n := range map[string]int{"udp": udpSent, "tcp": tcpSent} {
		for i := range n {
			if seen[fmt.Sprintf("mark=%s-%d", kind, i)] == 0 {
				lost[kind]++
			}
		}
	}
	t.Logf("udp: sent %d, lost %d, dropped by the kernel %.0f; tcp: sent %d, lost %d", udpSent, lost["udp"], dropped, tcpSent, lost["tcp"])
	if float64(lost["udp"]) != dropped {
		t.Errorf("of %d datagrams %d were lost, the kernel has dropped %.0f", udpSent, lost["udp"], dropped)
	}
	if lost["tcp"] != 0 {
		t.Errorf("of %d messages over TCP %d were lost", tcpSent, lost["tcp"])
	}
	testkit.Eventually(t, "one socket of each port is stored", func() bool { return len(m.stored()) == 10 })
	s.assertBalance()
	testkit.Equal(t, "exit code", p.stop(), 0)
}

// kernelDrops is what a process that has ended says that the kernel dropped.
func (p *process) kernelDrops() (n float64) {
	p.t.Helper()
	_, text, _ := strings.Cut(p.log.String(), "udp_kernel_drops=")
	if _, err := fmt.Sscan(text, &n); err != nil {
		p.t.Fatalf("no drops in the log: %v", err)
	}
	return n
}

func TestSocketsSurviveAKill(t *testing.T) {
	t.Parallel()
	m, s := newManager(t), newSite(t, "")
	p := m.start(s)
	udp := s.dial("udp", "linux")
	p.kill()
	all := marks("down", 500)
	for _, mark := range all {
		fmt.Fprint(udp, line("linux", mark+" "))
	}
	tcp := s.dial("tcp", "windows") // into the backlog
	fmt.Fprintln(tcp, line("windows", "mark=backlog "))
	p = m.start(s)
	assertOnce(t, s.waitEvents(501), append(all, "mark=backlog"))
	testkit.Equal(t, "exit code", p.stop(), 0)
}

func TestManagerIsTold(t *testing.T) {
	t.Parallel()
	m, s := newManager(t), newSite(t, "")
	p := m.start(s)
	testkit.Eventually(t, "the watchdog is fed", func() bool { return m.said("WATCHDOG=1") })
	testkit.Eventually(t, "there are rates", func() bool { return m.said("STATUS=receiving 0/s, delivering 0/s, 0 waiting") })
	_ = p.cmd.Process.Signal(syscall.SIGHUP)
	testkit.Eventually(t, "the reload is reported", func() bool { return m.said("RELOADING=1\nMONOTONIC_USEC=") })
	s.hec.SetDown(true)
	testkit.Eventually(t, "trouble is reported", func() bool { return m.said("no HEC endpoint is up") })
	testkit.Equal(t, "exit code", p.stop(), 0)
	if !m.said("STOPPING=1") {
		t.Error("STOPPING=1 was not sent")
	}
}

// TestFailureInOneSentence starts what cannot run and reads what is left in
// `systemctl status`.
func TestFailureInOneSentence(t *testing.T) {
	t.Parallel()
	f := func(name string, spoil func(s *site), want string) {
		t.Helper()
		m, s := newManager(t), newSite(t, "")
		spoil(s)
		cmd := gatewayCommand(s.dir, "run", "-c", s.file)
		cmd.Env = append(cmd.Env, "NOTIFY_SOCKET="+m.socket)
		if name == "no token" {
			cmd.Env = append(cmd.Env, "SPLUNK_HEC_TOKEN=")
		}
		out, err := cmd.CombinedOutput()
		if e := new(exec.ExitError); !errors.As(err, &e) || e.ExitCode() != 1 {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
		testkit.Eventually(t, name+": the failure is reported", func() bool { return m.said("STATUS=failed: ") })
		if !m.said(want) {
			t.Errorf("%s: %q is not in %q", name, want, m.states)
		}
	}
	f("no token", func(*site) {}, "there is no HEC token; give it by")
	f("no file", func(s *site) { os.Remove(s.file) }, "gateway.yaml")
	f("port taken", func(s *site) {
		c := testkit.Try(net.ListenPacket("udp", fmt.Sprintf("127.0.0.1:%d", s.ports["linux"])))(t)
		t.Cleanup(func() { c.Close() })
	}, "another process holds the port")
	f("two problems", func(s *site) { s.write(s.read() + "nonsense: 1\nrubbish: 2\n") }, "(and 1 more in the journal)")
	f("queue path", func(s *site) {
		testkit.Must(t, os.WriteFile(filepath.Join(s.dir, "queue"), nil, 0o600))
	}, "is not a directory")
}
