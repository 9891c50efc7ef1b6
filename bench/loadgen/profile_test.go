package loadgen

import (
	"crypto/tls"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"syslog-gateway/internal/testkit"
)

func TestProfile(t *testing.T) {
	p := testkit.Try(ParseProfile("10s:1000, 20s:1000-3000,5s:0"))(t)
	for _, c := range []struct {
		at   time.Duration
		want uint64
	}{{0, 0}, {time.Second, 1000}, {10 * time.Second, 10_000}, {20 * time.Second, 25_000}, {30 * time.Second, 50_000}, {time.Hour, 50_000}} {
		if got := p.due(c.at); got != c.want {
			t.Errorf("due after %v = %d, want %d", c.at, got, c.want)
		}
	}
	if p.Total() != 50_000 || p.highest() != 3000 || p.length() != 35*time.Second {
		t.Errorf("total %d, highest %d, length %v", p.Total(), p.highest(), p.length())
	}
	for _, bad := range []string{"", "10s", "x:1", "1s:a", "1s:1-b", "-1s:5", "1s:-5", "1s:5,"} {
		if _, err := ParseProfile(bad); err == nil {
			t.Errorf("ParseProfile(%q) gives no error", bad)
		}
	}
}

func TestProfileEndsTheSending(t *testing.T) {
	r := newReceiver(t)
	o := options(r.port())
	o.Count, o.Connections = 0, 3
	o.Profile = Profile{{100 * time.Millisecond, 1000, 20_000}, {50 * time.Millisecond, 20_000, 20_000}}
	res, err := Run(t.Context(), o)
	if err != nil || res.Sent != o.Profile.Total() {
		t.Fatalf("sent %d of %d: %v", res.Sent, o.Profile.Total(), err)
	}
	wantEach(t, seen(r.all(t)), 0, res.Sent)
}

func TestManyConnectionsShareSenders(t *testing.T) {
	r := newReceiver(t)
	o := options(r.port())
	o.Connections, o.Count = 3*maxSenders+1, 200_000
	res, err := Run(t.Context(), o)
	if err != nil || res.Sockets != o.Connections {
		t.Fatalf("%d sockets: %v", res.Sockets, err)
	}
	wantEach(t, seen(r.all(t)), 0, o.Count)
}

func TestOwnLines(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lines")
	testkit.Must(t, os.WriteFile(path, []byte("<13>one\r\n\n<14>two\n<15>three"), 0o600))
	r := newReceiver(t)
	o := options(r.port())
	o.File, o.Count = path, 10
	var last Progress
	o.Progress = func(p Progress) { last = p }
	testkit.Try(Run(t.Context(), o))(t)
	data := r.all(t)
	wantEach(t, seen(data), 0, 10)
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	for i, want := range []string{"<13>one ~seq=", "<14>two ~seq=", "<15>three ~seq="} {
		if !strings.HasPrefix(lines[i], want) || !strings.HasPrefix(lines[i+3], want) {
			t.Errorf("line %d is %q", i, lines[i])
		}
	}
	if last.Sent != 10 || last.Total != 10 {
		t.Errorf("the last progress is %+v", last)
	}
	empty := filepath.Join(t.TempDir(), "empty")
	testkit.Must(t, os.WriteFile(empty, []byte("\n\n"), 0o600))
	for _, bad := range []string{empty, empty + "x"} {
		o.File = bad
		if _, err := Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), bad) {
			t.Errorf("sending %s: %v", bad, err)
		}
	}
}

func TestTLS(t *testing.T) {
	srv := httptest.NewTLSServer(nil) // for its certificate
	cert := srv.TLS.Certificates[0]
	srv.Close()
	ln := testkit.Try(tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}}))(t)
	defer ln.Close()
	var wg sync.WaitGroup
	var data []byte
	wg.Go(func() {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		data, _ = io.ReadAll(conn)
	})
	o := options(ln.Addr().(*net.TCPAddr).Port)
	o.Transport, o.Count = TLS, 5000
	testkit.Try(Run(t.Context(), o))(t)
	wg.Wait()
	wantEach(t, seen(data), 0, 5000)
	o.CAFile = filepath.Join(t.TempDir(), "none")
	if _, err := Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), "CA") {
		t.Errorf("a CA file that is not there: %v", err)
	}
}
