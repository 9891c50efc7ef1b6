package pve

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"syslog-gateway/internal/testkit"

	"github.com/luthermonson/go-proxmox"
)

// The tests of this file show one by one that what go-proxmox v0.8.2 gets wrong does
// not reach those who use it through Typed, or us.

func TestGoProxmoxTakesNoFailureForSuccess(t *testing.T) {
	for _, status := range []string{"404 Not Found", "429 Too Many Requests", "503 Service Unavailable", "595 No route to host", "596 Connection timed out", "599 Too many redirections"} {
		s := serve(t, always(answer(status, "", "")))
		raw := proxmox.NewClient(s.URL + "/api2/json")
		if err := raw.Post(context.Background(), "/pools", nil, nil); err != nil {
			t.Errorf("go-proxmox by itself now sees %s: %v", status, err)
		}
		c, _ := client(t, s, nil)
		if err := c.Typed().Post(context.Background(), "/pools", nil, nil); err == nil {
			t.Errorf("%s: a lost write counts as done", status)
		}
		var out struct{ A string }
		err := c.Typed().Get(context.Background(), "/pools", &out)
		if err == nil || strings.Contains(err.Error(), "unexpected end of JSON") {
			t.Errorf("%s: read gives %v", status, err)
		}
		testkit.Fails(t, err, status[:3])
	}
}

func TestGoProxmoxKeepsReasons(t *testing.T) {
	for _, tc := range []struct{ answer, reason string }{
		{refuse("403", "Permission check failed (/vms/100, VM.Allocate)"), "(/vms/100, VM.Allocate)"},
		{answer("401 Permission denied - invalid csrf token", "", ""), "invalid csrf token"},
		{answer("500 ", jsonType, `{"data":null,"message":"CT 310 already exists on node 'pve1'\n"}`), "CT 310 already exists"},
		{answer("501 ", jsonType, `{"data":null,"message":"Method 'GET /x' not implemented\n"}`), "not implemented"},
		{answer("400 Parameter verification failed.", jsonType, badParam), "net0.tag: value must have a maximum value of 4094"},
	} {
		for _, set := range []func(*Options){nil, func(o *Options) {
			o.Token, o.Ticket = "", "PVE:root@pam:x"
		}} {
			s := serve(t, always(tc.answer))
			c, _ := client(t, s, set)
			err := plain(c.Typed().Get(context.Background(), "/x", nil))
			if _, ok := errors.AsType[*Error](err); !ok {
				t.Errorf("not typed: %v", err)
				continue
			}
			testkit.Fails(t, err, tc.reason)
		}
	}
}

func TestGoProxmoxTaskThatFails(t *testing.T) {
	c, _, _ := follow(t, &task{states: []string{"no space left"}})
	if err := c.Wait(context.Background(), upid, nil); err == nil {
		t.Error("a failed task counts as done")
	}
	c, _, _ = follow(t, &task{states: []string{"WARNINGS: 1"}})
	if err := c.Wait(context.Background(), upid, nil); err != nil {
		t.Errorf("warnings count as a failure: %v", err)
	}
}

func TestBigIntegersStayWhole(t *testing.T) {
	s, c := talk(t, always(data("null")))
	ctx := context.Background()
	testkit.Must(t, c.Get(ctx, "/cluster/nextid", form("vmid", "100000000"), nil))
	testkit.Try(c.Write(ctx, http.MethodDelete, "/pools", form("vms", "100000000")))(t)
	for _, r := range s.requests() {
		testkit.Holds(t, "what was written", r.Target, "=100000000")
	}
}

func TestAnErrorInPlaceOfATaskDoesNotPanic(t *testing.T) {
	if _, ok := TaskOf([]byte(`"UPID:a:b:c:d:e:f"`)); ok {
		t.Error("seven fields are no task")
	}
}

func TestGoProxmoxLogsNoSecrets(t *testing.T) {
	log := new(testkit.Log)
	s := serve(t, always(data("null")))
	c, _ := client(t, s, func(o *Options) { o.Logger = debugging(log) })
	testkit.Must(t, c.Typed().Post(context.Background(), "/nodes/pve1/lxc", map[string]string{"password": "hunter2"}, nil))
	testkit.Lacks(t, "the log", log.String(), "hunter2")
	testkit.Holds(t, "what was written", log.String(), "/nodes/pve1/lxc")
}

func TestGoProxmoxNeverRepeatsAWrite(t *testing.T) {
	s, c := talk(t, always(cut))
	err := c.Typed().Post(context.Background(), "/pools", map[string]string{"poolid": "x"}, nil)
	if !IsUnknownOutcome(err) || len(s.requests()) != 1 {
		t.Errorf("%d requests, %v", len(s.requests()), err)
	}
}

func TestTypedReads(t *testing.T) {
	s := serve(t, func(_ int, r received) string {
		switch {
		case strings.Contains(r.Target, "/access/permissions"):
			return data(`{"/":{"Sys.Audit":1}}`)
		}
		return data(`{"version":"9.1.3","release":"9.1","repoid":"abc"}`)
	})
	c, _ := client(t, s, func(o *Options) { o.Node = "pve1" })
	ctx := context.Background()
	if v, err := c.Version(ctx); err != nil || v != (Version{"9.1.3", "9.1", "abc"}) {
		t.Error(v, err)
	}
	if p, err := c.Permissions(ctx); err != nil || !bool(p["/"]["Sys.Audit"]) {
		t.Error(p, err)
	}
}
