package state

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"syslog-gateway/internal/testkit"
)

func hold(t *testing.T, d *Dir, h Holder) {
	t.Helper()
	b := testkit.Try(json.Marshal(h))(t)
	write(t, d.file(lockName), string(b))
}

func TestLockIsExclusive(t *testing.T) {
	d := open(t)
	var inside, entered atomic.Int32
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			l, err := d.Lock(context.Background(), LockOptions{Command: "provision apply", Wait: 10 * time.Second})
			if err != nil {
				t.Error(err)
				return
			}
			if inside.Add(1) != 1 {
				t.Error("two have the lock")
			}
			if err := l.mine(); err != nil {
				t.Error(err)
			}
			entered.Add(1)
			inside.Add(-1)
			testkit.Must(t, l.Release())
		})
	}
	wg.Wait()
	if entered.Load() != 4 {
		t.Errorf("%d got it", entered.Load())
	}
	if _, held, err := d.read(); held || err != nil {
		t.Error("still held", err)
	}
}

func TestLockShowsItsHolder(t *testing.T) {
	d := open(t)
	l := testkit.Try(d.Lock(context.Background(), LockOptions{Command: "provision apply --yes"}))(t)
	_, err := d.Lock(context.Background(), LockOptions{Command: "provision plan", Wait: -1})
	held, ok := errors.AsType[*HeldError](err)
	if !ok || held.Holder.PID != os.Getpid() || held.Holder.Host == "" || held.Holder.Since.IsZero() {
		t.Fatalf("got %v", err)
	}
	testkit.Fails(t, err, "provision apply --yes", "provision state unlock", "process", "since")
	info, err := os.Stat(d.file(lockName))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Error(info, err)
	}
	testkit.Must(t, l.Release())
}

func TestLockWaits(t *testing.T) {
	d := open(t)
	first := testkit.Try(d.Lock(context.Background(), LockOptions{Command: "first"}))(t)
	var reported []string
	second, err := d.Lock(context.Background(), LockOptions{Command: "second", Wait: 10 * time.Second, Waiting: func(h fmt.Stringer) {
		reported = append(reported, h.(Holder).Command)
		testkit.Must(t, first.Release())
	}})
	if err != nil || len(reported) != 1 || reported[0] != "first" {
		t.Fatalf("%v, reported %v", err, reported)
	}
	ctx, cancel := context.WithCancel(context.Background())
	_, err = d.Lock(ctx, LockOptions{Command: "third", Waiting: func(fmt.Stringer) { cancel() }})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	testkit.Must(t, second.Release())
}

// ended is the number of a process that was and is no more.
func ended(t *testing.T) int {
	t.Helper()
	cmd := exec.Command("/bin/true")
	testkit.Must(t, cmd.Run())
	return cmd.Process.Pid
}

func TestStaleLockIsTakenOver(t *testing.T) {
	me := self("provision apply")
	dead, rebooted, reused := me, me, me
	dead.PID = ended(t)
	rebooted.Boot = "00000000-0000-0000-0000-000000000000"
	reused.Start = "1"
	for name, h := range map[string]Holder{"dead": dead, "rebooted": rebooted, "number used again": reused} {
		d := open(t)
		hold(t, d, h)
		var took []Holder
		l, err := d.Lock(context.Background(), LockOptions{Wait: -1, Took: func(h fmt.Stringer) { took = append(took, h.(Holder)) }})
		if err != nil || len(took) != 1 || took[0].ID != h.ID {
			t.Errorf("%s: %v, %v", name, err, took)
			continue
		}
		testkit.Must(t, l.Release())
	}
}

func TestALockThatMayBeAliveIsLeftAlone(t *testing.T) {
	me := self("provision apply")
	elsewhere := me
	elsewhere.Host, elsewhere.PID = "another-host", ended(t)
	for name, content := range map[string]string{"elsewhere": string(testkit.Try(json.Marshal(elsewhere))(t)), "damaged": `{"pid":`, "empty": ""} {
		d := open(t)
		write(t, d.file(lockName), content)
		if _, err := d.Lock(context.Background(), LockOptions{Wait: -1}); err == nil {
			t.Errorf("%s: taken over", name)
		}
		if _, was, err := d.Unlock("", false); !was || err != nil {
			t.Errorf("%s: not unlocked: %v", name, err)
		}
		if _, held, _ := d.read(); held {
			t.Errorf("%s: still held", name)
		}
	}
}

func TestUnlock(t *testing.T) {
	d := open(t)
	if _, was, err := d.Unlock("", false); was || err != nil {
		t.Error("unlocked what is not locked", err)
	}
	l := testkit.Try(d.Lock(context.Background(), LockOptions{Command: "provision apply"}))(t)
	_, _, err := d.Unlock("", false)
	testkit.Fails(t, err, "still runs")
	h, was, err := d.Unlock("", true)
	if !was || err != nil || h.Command != "provision apply" {
		t.Error(h, was, err)
	}
	testkit.Fails(t, l.mine(), "taken away")
	testkit.Fails(t, l.Release(), "taken away")
	other := testkit.Try(d.Lock(context.Background(), LockOptions{Command: "other"}))(t)
	testkit.Fails(t, l.Release(), "now held by", "other")
	testkit.Must(t, other.mine())
	testkit.Must(t, other.Release())
}

// TestLockOfAKilledProcess takes the lock in a process that is killed with it.
func TestLockOfAKilledProcess(t *testing.T) {
	const dirVariable = "STATE_TEST_LOCK_DIR"
	if path := os.Getenv(dirVariable); path != "" {
		d := testkit.Try(Open(path))(t)
		testkit.Try(d.Lock(context.Background(), LockOptions{Command: "child", Wait: -1}))(t)
		os.Stdout.WriteString("locked\n")
		select {} // until killed
	}
	d := open(t)
	cmd := exec.Command(os.Args[0], "-test.run=^TestLockOfAKilledProcess$")
	cmd.Env = append(os.Environ(), dirVariable+"="+d.path)
	out := testkit.Try(cmd.StdoutPipe())(t)
	testkit.Must(t, cmd.Start())
	line := make([]byte, 7)
	if _, err := out.Read(line); err != nil || !strings.HasPrefix(string(line), "locked") {
		t.Fatalf("child said %q, %v", line, err)
	}
	if _, err := d.Lock(context.Background(), LockOptions{Wait: -1}); err == nil {
		t.Error("two have the lock")
	}
	testkit.Must(t, cmd.Process.Kill())
	_ = cmd.Wait()
	l := testkit.Try(d.Lock(context.Background(), LockOptions{Wait: -1}))(t)
	testkit.Must(t, l.Release())
}
