package pve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"syslog-gateway/internal/testkit"
)

const (
	upid      = "UPID:pve1:000F4240:0A1B2C3D4:6740A1B2:vzcreate:311:prov@pve!t1:"
	vmUPID    = "UPID:pve1:000F4240:0A1B2C3D:6740A1B2:qmclone:9000:root@pam:"
	flockText = "can't lock file '/var/lock/qemu-server/lock-101.conf' - got timeout"
)

// task is a task's status, one answer for each poll; the last is repeated.
type task struct {
	states []string // running, or the exit status; or a whole HTTP answer
	log    []string // lines that are there at the n-th poll: n+1, all at the end
	polls  int
}

func (k *task) answer(r received) string {
	if strings.Contains(r.Target, "/log") {
		u, _ := url.Parse(r.Target)
		start, _ := strconv.Atoi(u.Query().Get("start"))
		limit, _ := strconv.Atoi(u.Query().Get("limit"))
		n := min(k.polls, len(k.log))
		if k.polls >= len(k.states) {
			n = len(k.log)
		}
		lines := []map[string]any{}
		for i := start; i < min(n, start+limit); i++ {
			lines = append(lines, map[string]any{"n": i + 1, "t": k.log[i]})
		}
		b, _ := json.Marshal(lines)
		return data(string(b))
	}
	state := k.states[min(k.polls, len(k.states)-1)]
	k.polls++
	switch {
	case strings.HasPrefix(state, "HTTP/"), state == cut:
		return state
	case state == "running":
		return data(`{"status":"running","upid":"x"}`)
	case state == "stopped":
		return data(`{"status":"stopped"}`)
	}
	b, _ := json.Marshal(map[string]any{"status": "stopped", "exitstatus": state})
	return data(string(b))
}

func follow(t *testing.T, k *task) (*Client, *naps, *server) {
	t.Helper()
	s := serve(t, func(_ int, r received) string { return k.answer(r) })
	c, n := client(t, s, nil)
	return c, n, s
}

func TestWaitEnds(t *testing.T) {
	for _, exit := range []string{"OK", "WARNINGS: 2"} {
		c, n, s := follow(t, &task{states: []string{"running", "running", exit}})
		if err := c.Wait(context.Background(), upid, nil); err != nil {
			t.Errorf("%s: %v", exit, err)
		}
		testkit.Equal(t, "waited", fmt.Sprint(n.all()), "[20ms 32ms 51.2ms]")
		want := "/api2/json/nodes/pve1/tasks/UPID:pve1:000F4240:0A1B2C3D4:6740A1B2:vzcreate:311:prov@pve%21t1:/status"
		testkit.Equal(t, "asked for", s.requests()[0].Target, want)
	}
}

func TestWaitSlowsDown(t *testing.T) {
	states := slices.Repeat([]string{"running"}, 40)
	c, n, _ := follow(t, &task{states: append(states, "OK")})
	testkit.Must(t, c.Wait(context.Background(), upid, nil))
	all := n.all()
	if all[len(all)-1] != 2*time.Second || !slices.IsSorted(all) || slices.Index(all, 2*time.Second) > 12 {
		t.Errorf("waited %v", all)
	}
}

func TestWaitFails(t *testing.T) {
	const why = "unable to create CT 311 - no space left"
	c, _, _ := follow(t, &task{states: []string{"running", why}, log: []string{"one", "two", "TASK ERROR: " + why}})
	err := c.Wait(context.Background(), upid, nil)
	e, ok := errors.AsType[*TaskError](err)
	if !ok || e.Exit != why || e.Unknown || !slices.Equal(e.Log, []string{"one", "two"}) {
		t.Fatalf("got %#v", err)
	}
	if want := "pve: task vzcreate 311 on pve1 failed: " + why + "; its log ends: one | two"; err.Error() != want {
		t.Errorf("got %s", err)
	}
}

func TestWaitDeadWorker(t *testing.T) {
	for _, state := range []string{"unexpected status", "stopped"} {
		c, n, _ := follow(t, &task{states: []string{state}, log: []string{"extracting archive"}})
		err := c.Wait(context.Background(), upid, nil)
		if !IsUnknownOutcome(err) || len(n.all()) != 1 {
			t.Errorf("%s: %v", state, err)
		}
		testkit.Fails(t, err, "vzcreate 311 on pve1 died", "check what it left", "extracting archive", upid)
	}
}

func TestWaitTellsProgress(t *testing.T) {
	k := &task{states: []string{"running", "running", "running", "OK"}, log: []string{"a", "b", "c", "d", "e"}}
	c, _, _ := follow(t, k)
	var lines []string
	var last TaskStatus
	calls := 0
	err := c.Wait(context.Background(), upid, func(s TaskStatus) {
		calls++
		lines = append(lines, s.Lines...)
		last = s
	})
	if err != nil || strings.Join(lines, "") != "abcde" || calls != 4 {
		t.Errorf("%v, %d calls, lines %v", err, calls, lines)
	}
	if !last.OK() || last.Type != "vzcreate" || last.ID != "311" || last.Node != "pve1" || last.Waited != 20*time.Millisecond+32*time.Millisecond+51200*time.Microsecond+81920*time.Microsecond {
		t.Errorf("last %+v", last)
	}
}

func TestWaitReadsALongLogInPages(t *testing.T) {
	log := make([]string, 1203)
	for i := range log {
		log[i] = fmt.Sprint("line ", i)
	}
	c, _, _ := follow(t, &task{states: []string{"disk is full"}, log: log})
	err := c.Wait(context.Background(), upid, nil)
	e, ok := errors.AsType[*TaskError](err)
	if !ok || len(e.Log) != lastLines || e.Log[lastLines-1] != "line 1202" {
		t.Errorf("got %v", err)
	}
}

func TestWaitSitsOutASilentNode(t *testing.T) {
	lost := answer("596 ", "", "")
	states := append(slices.Repeat([]string{lost}, 6), cut, "running", "OK")
	c, _, _ := follow(t, &task{states: states})
	testkit.Must(t, c.Wait(context.Background(), upid, nil))
}

func TestWaitGivesUpASilentNode(t *testing.T) {
	c, n, _ := follow(t, &task{states: []string{answer("595 ", "", "")}})
	err := c.Wait(context.Background(), upid, nil)
	if !IsUnknownOutcome(err) {
		t.Errorf("got %v", err)
	}
	testkit.Fails(t, err, "595", "cannot be followed and may go on", upid)
	total := time.Duration(0)
	for _, d := range n.all() {
		total += d
	}
	if total < followFor || total > 3*followFor {
		t.Errorf("gave up after %s", total)
	}
}

func TestWaitStopsAtARefusal(t *testing.T) {
	for _, state := range []string{refuse("400", "no such task"), refuse("403", "no")} {
		c, n, _ := follow(t, &task{states: []string{state}})
		if err := c.Wait(context.Background(), upid, nil); !IsUnknownOutcome(err) || IsNotFound(err) || IsForbidden(err) || len(n.all()) != 1 {
			t.Errorf("got %v after %v", err, n.all())
		}
	}
}

func TestWaitCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	c, _, _ := follow(t, &task{states: []string{"running"}})
	err := c.Wait(ctx, upid, func(TaskStatus) { cancel() })
	if !errors.Is(err, context.Canceled) || !IsUnknownOutcome(err) {
		t.Errorf("got %v", err)
	}
	testkit.Fails(t, err, upid)
}

func TestWaitForWhatIsNoTask(t *testing.T) {
	c, _, s := follow(t, &task{states: []string{"OK"}})
	for _, id := range []string{"", "null", "UPID:a:b:c:d:e:f", "unable to do it", "UPID:pve/../x:00000000:00000000:00000000:a:b:c:"} {
		if err := c.Wait(context.Background(), id, nil); err == nil {
			t.Errorf("%q was waited for", id)
		}
	}
	if len(s.requests()) != 0 {
		t.Error("something was sent")
	}
}

func TestTaskOf(t *testing.T) {
	if got, ok := TaskOf(json.RawMessage(`"` + upid + `"`)); !ok || got != upid {
		t.Error(got, ok)
	}
	for _, no := range []string{"null", `"100"`, `{"a":1}`, `"UPID:x"`, "", "7"} {
		if got, ok := TaskOf(json.RawMessage(no)); ok {
			t.Errorf("%s is a task: %s", no, got)
		}
	}
	u, err := ParseUPID("UPID:pve1:000F4240:0A1B2C3D:6740A1B2:acmenewcert::root@pam:")
	if err != nil || u.ID != "" || u.Type != "acmenewcert" || u.User != "root@pam" || u.Start.Unix() != 0x6740A1B2 {
		t.Error(u, err)
	}
}

func TestFileLockIsTriedAgain(t *testing.T) {
	s := serve(t, func(n int, _ received) string {
		if n < 2 {
			return refuse("500", flockText)
		}
		return data("null")
	})
	c, n := client(t, s, nil)
	testkit.Try(c.Write(context.Background(), http.MethodPut, "/nodes/pve1/qemu/101/config", form("cores", "2")))(t)
	testkit.Equal(t, "waited", fmt.Sprint(n.all()), "[1s 2s]")
	if s.requests()[0].Body != s.requests()[2].Body {
		t.Error("the repeat was another request")
	}
}

func TestFileLockThatStays(t *testing.T) {
	s, c := talk(t, always(refuse("500", flockText)))
	_, err := c.Write(context.Background(), http.MethodPut, "/nodes/pve1/qemu/101/config", form("cores", "2"))
	if !isLocked(err) || len(s.requests()) != lockTries {
		t.Errorf("%d requests, %v", len(s.requests()), err)
	}
	testkit.Fails(t, err, "another task works on it")
}

func TestConfigLock(t *testing.T) {
	_, c := talk(t, func(n int, _ received) string {
		if n == 0 {
			return refuse("500", "VM is locked (clone)")
		}
		return data("null")
	})
	testkit.Try(c.Write(context.Background(), http.MethodPut, "/nodes/pve1/qemu/101/config", form("cores", "2")))(t)
	s := serve(t, always(refuse("500", "CT is locked (backup)")))
	c, n := client(t, s, func(o *Options) { o.LockWait = 3 * time.Second })
	_, err := c.Write(context.Background(), http.MethodPut, "/nodes/pve1/lxc/101/config", form("cores", "2"))
	if got := fmt.Sprint(n.all()); got != "[1s 1s 1s]" || ConfigLock(err) != "backup" {
		t.Errorf("waited %s, %v", got, err)
	}
	testkit.Fails(t, err, "CT is locked (backup)", "`pct unlock VMID`")
}

func TestRunBeginsAgainAfterAFileLockOfTheTask(t *testing.T) {
	tasks := []*task{{states: []string{flockText}}, {states: []string{"running", "OK"}}}
	begun := 0
	_, c := talk(t, func(_ int, r received) string {
		if r.Method == http.MethodPost {
			begun++
			return data(`"` + vmUPID + `"`)
		}
		return tasks[begun-1].answer(r)
	})
	var put []string
	w := Request{Method: http.MethodPost, Path: "/nodes/pve1/qemu/9000/clone", Params: form("newid", "101")}
	err := c.Run(context.Background(), w, func(u string) error { put = append(put, u); return nil }, nil)
	if err != nil || begun != 2 || len(put) != 2 || put[0] != vmUPID {
		t.Errorf("%v, begun %d, journal %v", err, begun, put)
	}
}

func TestRunStopsWhereTheTaskCannotBePutDown(t *testing.T) {
	s, c := talk(t, always(data(`"`+vmUPID+`"`)))
	full := errors.New("disk full")
	err := c.Run(context.Background(), Request{Method: http.MethodPost, Path: "/x"}, func(string) error { return full }, nil)
	if !errors.Is(err, full) || len(s.requests()) != 1 {
		t.Errorf("got %v", err)
	}
}

func TestRunWithoutATask(t *testing.T) {
	s, c := talk(t, always(data("null")))
	if err := c.Run(context.Background(), Request{Method: http.MethodPut, Path: "/x"}, nil, nil); err != nil || len(s.requests()) != 1 {
		t.Error(err)
	}
}

func FuzzUPID(f *testing.F) {
	f.Add(upid)
	f.Add("UPID:pve1:000F4240:0A1B2C3D:6740A1B2:acmenewcert::root@pam:")
	f.Fuzz(func(t *testing.T, s string) {
		u, err := ParseUPID(s)
		if err == nil && (u.Node == "" || strings.ContainsAny(u.Node, "/.?#% ")) {
			t.Errorf("node %q of %q", u.Node, s)
		}
	})
}
