package stats

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"syslog-gateway/internal/stats/auth"
	"syslog-gateway/internal/stats/control"
	"syslog-gateway/internal/tap"
	"syslog-gateway/internal/testkit"
)

// bySocket asks over a control socket.
func bySocket(t *testing.T, path, request string, change ...func(*http.Request)) answer {
	t.Helper()
	c := &http.Client{
		Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return control.Dial(ctx, path)
		}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	r := testkit.Try(http.NewRequest("GET", "http://localhost"+request, nil))(t)
	for _, f := range change {
		f(r)
	}
	resp := testkit.Try(c.Do(r))(t)
	defer resp.Body.Close()
	body := testkit.Try(io.ReadAll(resp.Body))(t)
	return answer{resp.StatusCode, resp.Header, string(body)}
}

// Who runs a command on this machine as root or as the gateway's user needs no password,
// also where the path is too long for a socket's address.
func TestControlSocket(t *testing.T) {
	for name, folder := range map[string]string{"short": "q", "long": strings.Repeat("a long name/", 12)} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), folder, control.Name)
			testkit.Must(t, os.MkdirAll(filepath.Dir(path), 0o755))
			p := open(t, func(o *Options) {
				o.Unknown = new(tap.Ring)
				o.Socket, o.Taps, o.Operator, o.Users = path, new(tap.Hub), p0(o), []auth.User{{Name: "ops", Password: "s3cret"}}
			})
			info, err := os.Stat(path)
			if err != nil || info.Mode() != fs.ModeSocket|control.Mode {
				t.Fatalf("%v, %v", info.Mode(), err)
			}
			for _, request := range []string{"/api/v1/tap?format=ndjson&seconds=1", "/api/v1/deadletters", "/api/v1/unparsed", "/stats", "/metrics"} {
				testkit.Equal(t, request, bySocket(t, path, request).code, http.StatusOK)
			}
			testkit.Equal(t, "an action", bySocket(t, path, "/stats", func(r *http.Request) { *r = *mustPost(r.URL.String(), "s=0&action=drain&b=shards", r) }).code, http.StatusSeeOther)
			testkit.Holds(t, "the log does not say who did it", p.log.String(), "by the control socket")
			testkit.Must(t, p.stop())
			if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("after the stop: %v", err)
			}
		})
	}
}

// A user of this machine who is neither root nor the gateway's gets nothing.
func TestControlSocketRefusesOthers(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can ask as another user")
	}
	curl := testkit.Tool(t, "curl", "curl")
	dir := testkit.Try(os.MkdirTemp("", "control"))(t)
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, control.Name)
	p := open(t, func(o *Options) { o.Socket, o.Taps, o.Operator = path, new(tap.Hub), p0(o) })
	ask := func(uid, gid uint32, args ...string) string {
		t.Helper()
		cmd := exec.Command(curl, append([]string{"-s", "-m", "10", "-w", " status=%{http_code} exit=%{exitcode}", "--unix-socket", path}, args...)...)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: gid}}
		out, _ := cmd.Output()
		return string(out)
	}
	// The folder keeps others out, and the mode of the socket those who get into the folder.
	if out := ask(65534, 65534, "http://x/metrics"); !strings.Contains(out, "status=000") {
		t.Errorf("past the folder's mode: %s", out)
	}
	testkit.Must(t, os.Chmod(dir, 0o755))
	if out := ask(65534, 65534, "http://x/metrics"); !strings.Contains(out, "status=000") {
		t.Errorf("past the socket's mode: %s", out)
	}
	// Whom the group lets connect is known by the credentials.
	for _, request := range [][]string{
		{"http://x/api/v1/tap?format=ndjson&seconds=1"}, {"http://x/stats"}, {"http://x/metrics"},
		{"-u", "ops:s3cret", "http://x/stats"}, {"-d", "s=0&action=drain&b=shards", "http://x/stats"},
	} {
		if out := ask(65534, 0, request...); !strings.Contains(out, "status=403") || !strings.Contains(out, "UID 65534") {
			t.Errorf("%v as another user: %s", request, out)
		}
	}
	if len(p.stages.orders) > 0 {
		t.Errorf("it did %q", p.stages.orders)
	}
	if out := ask(0, 0, "http://x/metrics"); !strings.Contains(out, "status=200") {
		t.Errorf("as root: %s", out)
	}
}

// What a crash has left is replaced; what is no socket is not; and a server that ends late
// does not take the socket of the next one away.
func TestControlSocketIsReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), control.Name)
	stale := testkit.Try(net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"}))(t)
	stale.SetUnlinkOnClose(false)
	stale.Close()
	with := func(o *Options) { o.Socket = path }
	first := open(t, with)
	testkit.Equal(t, "after a crash", bySocket(t, path, "/metrics").code, 200)
	if err := first.server.Close(t.Context()); err != nil { // and with it goes the lock of the queue
		t.Fatal(err)
	}
	second := open(t, with)
	testkit.Must(t, first.stop())
	testkit.Equal(t, "after the first has ended", bySocket(t, path, "/metrics").code, 200)
	second.stop()

	testkit.Must(t, os.WriteFile(path, []byte("mine"), 0o600))
	third := open(t, with)
	third.get("/metrics") // the port still works
	if text, _ := os.ReadFile(path); string(text) != "mine" || !strings.Contains(third.log.String(), "cannot open the control socket") {
		t.Errorf("a file in its place: %q, the log says %s", text, third.log)
	}
}
