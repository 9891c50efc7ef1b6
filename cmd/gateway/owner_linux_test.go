package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"syslog-gateway/internal/testkit"
)

// serviceUser is the user that the gateway of these tests runs as.
const serviceUser = 64123

// owned is a site whose gateway runs as a user of its own, while verbs are run as root.
func owned(t *testing.T, extra string) (s *site, start func() *process) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can run verbs as root")
	}
	s = newSite(t, extra)
	// The binary lies where only root may enter.
	program := filepath.Join(s.dir, "gateway")
	data, err := os.ReadFile(os.Args[0])
	if err == nil {
		err = os.WriteFile(program, data, 0o755)
	}
	testkit.Must(t, err)
	for dir := s.dir; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		testkit.Must(t, os.Chmod(dir, 0o755))
	}
	state := filepath.Join(s.dir, "state")
	testkit.Must(t, os.Mkdir(state, 0o750))
	s.write(strings.NewReplacer(s.dir+"/queue", state+"/queue", s.dir+"/dead", state+"/dead").Replace(s.read()))
	for _, path := range []string{state, s.file} {
		testkit.Must(t, os.Chown(path, serviceUser, serviceUser))
	}
	return s, func() *process {
		t.Helper()
		cmd := gatewayCommand(s.dir, "run", "-c", s.file)
		cmd.Path = program
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: serviceUser, Gid: serviceUser}}
		p := s.spawn(cmd)
		p.waitReady(s.stats)
		return p
	}
}

// allOwned checks that everything below the service's folder is the service's.
func (s *site) allOwned() {
	s.t.Helper()
	err := filepath.WalkDir(filepath.Join(s.dir, "state"), func(path string, _ fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) { // the gateway works beside
			return nil
		}
		if err != nil {
			return err
		}
		info, err := os.Lstat(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if st := info.Sys().(*syscall.Stat_t); st.Uid != serviceUser || st.Gid != serviceUser {
			s.t.Errorf("%s belongs to %d:%d, mode %v", path, st.Uid, st.Gid, info.Mode())
		}
		return nil
	})
	testkit.Must(s.t, err)
}

// TestVerbsOfRootLeaveNothingOfRoots: verbs that root runs, before the first start, beside
// the running service and after it, leave nothing behind that the service could not use.
func TestVerbsOfRootLeaveNothingOfRoots(t *testing.T) {
	s, start := owned(t, "")
	config := []string{"-c", s.file}
	verb := func(want int, args ...string) string {
		t.Helper()
		out, errs, code := s.gateway("yes\n", args...)
		if code != want {
			t.Errorf("%q: exit %d, want %d: %s%s", args, code, want, out, errs)
		}
		s.allOwned()
		return out + errs
	}
	queue := []string{"--path", s.dir + "/state/queue"}
	verb(0, append([]string{"check"}, config...)...)
	verb(0, append([]string{"deadletter", "list"}, config...)...) // makes the folder
	p := start()
	verb(0, append([]string{"status"}, config...)...)
	c := s.dial("tcp", "linux")
	fmt.Fprintf(c, "%s\n%s\n", line("linux", "mark=POISON1 "), line("linux", "mark=POISON2 "))
	testkit.Eventually(t, "two are dead letters", func() bool { return s.metrics().Sum("gateway_deadlettered_events_total") == 2 })
	out := verb(0, append([]string{"deadletter", "replay"}, config...)...)
	testkit.Holds(t, "replay", out, "refused again 2")
	testkit.Holds(t, "tap by root of another user's gateway", strings.Join(s.tapped(1, nil), ""), "needle")
	s.hec.SetDown(true)
	sendTCP(t, c, "linux", marks("kept", 50))
	testkit.Eventually(t, "50 are queued", func() bool { return s.metrics().Sum("gateway_queue_events") >= 50 })
	testkit.Equal(t, "exit code", p.stop(), 0)
	for _, v := range []string{"status", "verify", "export"} {
		verb(0, append([]string{"queue", v}, queue...)...)
	}
	s.hec.SetDown(false)
	s.sink.forgive.Store(true)
	if out := verb(0, append([]string{"deadletter", "replay"}, config...)...); !strings.Contains(out, "delivered 2") {
		t.Errorf("replay: %s", out)
	}
	p = start()
	s.waitEvents(52)
	testkit.Equal(t, "exit code", p.stop(), 0)
	verb(0, append([]string{"queue", "purge", "--yes"}, queue...)...)
	start()
	s.allOwned()
}

// Root without the right to become another user, as in a container that dropped it, learns
// what to do, and leaves nothing behind.
func TestRootThatMayNotBecomeTheOwner(t *testing.T) {
	s, _ := owned(t, "")
	setpriv := need(t, "setpriv", "util-linux")
	cmd := gatewayCommand(s.dir, "deadletter", "list", "-c", s.file)
	cmd.Args = append([]string{setpriv, "--bounding-set=-setuid,-setgid", "--inh-caps=-setuid,-setgid", cmd.Path}, cmd.Args[1:]...)
	cmd.Path = setpriv
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "sudo -u #64123 gateway") {
		t.Errorf("%v: %s", err, out)
	}
	s.allOwned()
}

// One file of root's in the dead-letter store, as an earlier version left it, ends no start.
func TestStartWithAFileOfRoots(t *testing.T) {
	s, start := owned(t, "")
	dead := s.dir + "/state/dead"
	testkit.Must(t, os.Mkdir(dead, 0o750))
	testkit.Must(t, os.Chown(dead, serviceUser, serviceUser))
	for _, name := range []string{"000000000001.jsonl", "lock", "replay.lock"} {
		testkit.Must(t, os.WriteFile(filepath.Join(dead, name), []byte("{}\n"), 0o640))
	}
	p := start()
	if s.metrics().Sum("gateway_deadletter_unreadable_files") != 1 || !strings.Contains(p.log.String(), "000000000001.jsonl") {
		t.Errorf("it is not counted and logged:\n%s", p.log)
	}
	fmt.Fprintf(s.dial("tcp", "linux"), "%s\n%s\n", line("linux", "mark=POISON "), line("linux", "mark=good "))
	s.waitEvents(1)
	testkit.Eventually(t, "the other is a dead letter", func() bool { return s.metrics().Sum("gateway_deadlettered_events_total") == 1 })
	s.assertBalance()
	if out, err := exec.Command("ls", dead).Output(); err != nil || !strings.Contains(string(out), "000000000002.jsonl") {
		t.Errorf("%s, %v", out, err)
	}
}
