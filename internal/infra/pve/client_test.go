package pve

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"syslog-gateway/internal/testkit"

	"github.com/luthermonson/go-proxmox"
)

func TestFormsAreEscapedWhole(t *testing.T) {
	s, c := talk(t, always(data("null")))
	params := form("net0", "name=eth0,bridge=vmbr0,tag=5", "tags", "a;b", "size", "+1G", "description", "a=b & c%\nü +", "sshkeys", proxmox.EncodeSSHKeys("ssh-ed25519 AAAA+/= me@x"))
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete} {
		testkit.Try(c.Write(context.Background(), method, "/nodes/pve1/lxc/100/config", params))(t)
	}
	for _, r := range s.requests() {
		raw := r.Body
		if r.Method == http.MethodDelete {
			if r.Body != "" || r.Header.Get("Content-Type") != "" {
				t.Errorf("a DELETE with a body: %q", r.Body)
			}
			_, raw, _ = strings.Cut(r.Target, "?")
		} else if got := r.Header.Get("Content-Type"); got != "application/x-www-form-urlencoded" {
			t.Errorf("content type %q", got)
		}
		if strings.ContainsAny(raw, "+; ,\n") || strings.Count(raw, "=") != len(params) {
			t.Errorf("not all escaped: %s", raw)
		}
		back, err := url.ParseQuery(raw)
		if err != nil || back.Encode() != params.Encode() {
			t.Errorf("%s came as %v, %v", r.Method, back, err)
		}
		if r.Header.Get("Authorization") != "PVEAPIToken="+testToken {
			t.Errorf("token %q", r.Header.Get("Authorization"))
		}
	}
	testkit.Holds(t, "what was written", s.requests()[0].Body, "sshkeys=ssh-ed25519%2520AAAA%252B%252F%253D%2520me%2540x")
}

func TestPath(t *testing.T) {
	got := Path("nodes", "pve1", "storage", "local", "content", "local:vztmpl/a b.tar.zst")
	if want := "/nodes/pve1/storage/local/content/local:vztmpl%2Fa%20b.tar.zst"; got != want {
		t.Errorf("got %s", got)
	}
	s, c := talk(t, always(data("null")))
	testkit.Must(t, c.Get(context.Background(), Path("cluster", "firewall", "ipset", "blk", "10.1.0.0/16"), nil, nil))
	testkit.Equal(t, "sent", s.requests()[0].Target, "/api2/json/cluster/firewall/ipset/blk/10.1.0.0%2F16")
}

func TestReadsAreRepeated(t *testing.T) {
	for _, bad := range []string{cut, answer("596 ", "", ""), answer("595 No route to host", "", ""), answer("503 x", "", ""), answer("429 x", "", "")} {
		s := serve(t, func(n int, _ received) string {
			if n < 2 {
				return bad
			}
			return data(`{"version":"9.1.3","release":"9.1"}`)
		})
		c, n := client(t, s, nil)
		v, err := c.Version(context.Background())
		if err != nil || v.Version != "9.1.3" {
			t.Fatalf("after %.20q: %v, %v", bad, v, err)
		}
		testkit.Equal(t, "waited", fmt.Sprint(n.all()), "[200ms 600ms]")
		testkit.Equal(t, "counted", c.Requests(), (Count{Reads: 3, Repeats: 2}))
	}
}

func TestReadsAreNotRepeatedForever(t *testing.T) {
	s, c := talk(t, always(answer("595 No route to host", "", "")))
	err := c.Get(context.Background(), "/nodes/pve2/status", nil, nil)
	if n := len(s.requests()); n != readTries || status(err) != 595 || IsUnknownOutcome(err) {
		t.Errorf("%d requests, %v", n, err)
	}
	testkit.Fails(t, err, "is the node online?")
}

func TestARefusedReadIsNotRepeated(t *testing.T) {
	for _, bad := range []string{refuse("500", "x does not exist"), refuse("403", "no"), refuse("400", "bad"), answer("401 No ticket", "", ""), answer("200 OK", "text/html", "<p>hello</p>"), data(`"text"`)} {
		s, c := talk(t, always(bad))
		var out struct{ A int }
		if err := c.Get(context.Background(), "/x", nil, &out); err == nil || IsUnknownOutcome(err) {
			t.Errorf("%.30q: %v", bad, err)
		}
		testkit.Equal(t, "requests with "+bad, len(s.requests()), 1)
	}
}

func TestNobodyListens(t *testing.T) {
	n := new(naps)
	c := testkit.Try(New(Options{Endpoint: closedPort(t), Token: testToken, Sleep: n.sleep}))(t)
	_, err := c.Write(context.Background(), http.MethodPost, "/pools", form("poolid", "x"))
	if err == nil || IsUnknownOutcome(err) {
		t.Errorf("a write that was never sent: %v", err)
	}
	if err := c.Get(context.Background(), "/version", nil, nil); err == nil || len(n.all()) != readTries-1 {
		t.Errorf("read: %v after %v", err, n.all())
	}
}

func TestAnUnknownNode(t *testing.T) {
	_, c := talk(t, always(refuse("500", "hostname lookup 'nosuch' failed - failed to get address info for: nosuch: Name or service not known")))
	testkit.Fails(t, c.Get(context.Background(), "/nodes/nosuch/status", nil, nil), "no such node", "PROXMOX_VE_NODE")
}

func TestTimeout(t *testing.T) {
	release := make(chan struct{})
	s := serve(t, func(int, received) string { <-release; return cut })
	t.Cleanup(func() { close(release) }) // before the server is closed
	c, _ := client(t, s, func(o *Options) { o.Timeout = 30 * time.Millisecond })
	_, err := c.Write(context.Background(), http.MethodPost, "/pools", form("poolid", "x"))
	if !IsUnknownOutcome(err) {
		t.Errorf("a write without an answer in time: %v", err)
	}
	testkit.Fails(t, err, "no answer within 30ms", "check before you repeat it")
}

func TestCancelledWriteIsOfUnknownOutcome(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	release := make(chan struct{})
	s := serve(t, func(int, received) string { cancel(); <-release; return cut })
	t.Cleanup(func() { close(release) })
	c, _ := client(t, s, nil)
	_, err := c.Write(ctx, http.MethodPost, "/pools", form("poolid", "x"))
	if !IsUnknownOutcome(err) || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestAContextThatEndedSendsNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	s, c := talk(t, always(data("null")))
	_, err := c.Write(ctx, http.MethodPost, "/pools", form("poolid", "x"))
	if !errors.Is(err, context.Canceled) || IsUnknownOutcome(err) || len(s.requests()) != 0 {
		t.Errorf("got %v, %d requests", err, len(s.requests()))
	}
}

func TestSecretsStaySecret(t *testing.T) {
	log := new(testkit.Log)
	const secret = "hunter2-hunter2"
	s := serve(t, func(n int, r received) string {
		if n == 0 {
			return answer("400 Parameter verification failed.", jsonType, `{"data":null,"message":"bad value '`+secret+`'","errors":{"password":"'`+secret+`' is too weak"}}`)
		}
		return cut
	})
	c, _ := client(t, s, func(o *Options) { o.Logger = debugging(log) })
	params := form("password", secret, "cipassword", secret, "hostname", "web")
	for range 2 {
		_, err := c.Write(context.Background(), http.MethodPost, "/nodes/pve1/lxc", params)
		if err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("error: %v", err)
		}
	}
	_, _ = c.Write(context.Background(), http.MethodDelete, "/x", form("token", secret))
	if strings.Contains(log.String(), secret) || strings.Contains(log.String(), "5555") {
		t.Errorf("log: %s", log)
	}
	testkit.Holds(t, "what was written", log.String(), "hostname=web", "password=<secret>", "/nodes/pve1/lxc")
}

func TestEndpoints(t *testing.T) {
	good := map[string]string{
		"https://pve.example.com:8006":            "https://pve.example.com:8006/api2/json",
		"https://pve.example.com:8006/":           "https://pve.example.com:8006/api2/json",
		"https://pve.example.com:8006/api2/json/": "https://pve.example.com:8006/api2/json",
		"https://[fd00::1]:8006":                  "https://[fd00::1]:8006/api2/json",
		"http://127.0.0.1:1":                      "http://127.0.0.1:1/api2/json",
		"http://localhost:8006":                   "http://localhost:8006/api2/json",
		"https://example.com/proxmox":             "https://example.com/proxmox/api2/json",
	}
	for in, want := range good {
		if got, err := endpoint(in); err != nil || got != want {
			t.Errorf("%s: %s, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "pve", "pve:8006", "ftp://x", "http://pve.example.com:8006", "https://u:p@x:8006", "https://x/?a=b", "https://", "\x7f"} {
		if _, err := New(Options{Endpoint: in, Token: testToken}); err == nil || strings.Contains(err.Error(), "u:p") {
			t.Errorf("%q: %v", in, err)
		}
	}
}

func TestResources(t *testing.T) {
	s, c := talk(t, always(data(`[
		{"id":"lxc/100","type":"lxc","vmid":100,"node":"pve1","name":"web","pool":"infra","tags":"a;b","status":"running","template":0,"maxmem":1073741824,"maxcpu":2,"cpu":0.01,"lock":"backup","hastate":"started"},
		{"id":"qemu/9000","type":"qemu","vmid":"9000","template":"1","maxdisk":"1e+08","mem":1.5},
		{"id":"storage/pve1/local","type":"storage","storage":"local","plugintype":"dir","content":"iso,vztmpl","shared":1,"disk":null}]`)))
	r, err := c.Resources(context.Background())
	if err != nil || len(r) != 3 {
		t.Fatal(r, err)
	}
	want := Resource{ID: "lxc/100", Type: "lxc", VMID: 100, Node: "pve1", Name: "web", Pool: "infra", Tags: "a;b", Status: "running", MaxMem: 1 << 30, MaxCPU: 2, Lock: "backup", HAState: "started"}
	if r[0] != want || !r[0].IsGuest() {
		t.Errorf("got %+v", r[0])
	}
	if r[1].VMID != 9000 || !r[1].Template || r[1].MaxDisk != 100000000 || r[1].Mem != 1 {
		t.Errorf("got %+v", r[1])
	}
	if !r[2].Shared || r[2].IsGuest() || r[2].Content != "iso,vztmpl" {
		t.Errorf("got %+v", r[2])
	}
	if got := s.requests(); len(got) != 1 || got[0].Target != "/api2/json/cluster/resources" {
		t.Errorf("sent %v", got)
	}
}
