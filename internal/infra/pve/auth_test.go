package pve

import (
	"context"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"syslog-gateway/internal/testkit"
)

const password = "correct horse"

// realm is a server with tickets. It takes the newest ticket only.
type realm struct {
	logins atomic.Int32
	writes atomic.Int32
	down   atomic.Bool
	asked  sync.Map // passwords given
}

func (r *realm) answer(_ int, q received) string {
	if strings.HasSuffix(q.Target, "/access/ticket") {
		if r.down.Load() {
			return answer("595 ", "", "")
		}
		f, _ := url.ParseQuery(q.Body)
		r.asked.Store(f.Get("password"), true)
		old := fmt.Sprintf("PVE:root@pam:%08d::sig+/=", r.logins.Load())
		if f.Get("username") != "root@pam" || f.Get("password") != password && f.Get("password") != old {
			return answer("401 authentication failure", "", "")
		}
		n := r.logins.Add(1)
		return data(fmt.Sprintf(`{"ticket":"PVE:root@pam:%08d::sig+/=","CSRFPreventionToken":"csrf%d","username":"root@pam"}`, n, n))
	}
	n := r.logins.Load()
	cookie, _ := url.QueryUnescape(strings.TrimPrefix(q.Header.Get("Cookie"), "PVEAuthCookie="))
	if cookie != fmt.Sprintf("PVE:root@pam:%08d::sig+/=", n) {
		return answer("401 No ticket", "", "")
	}
	if q.Method != http.MethodGet {
		if q.Header.Get("CSRFPreventionToken") != fmt.Sprint("csrf", n) {
			return answer("401 Permission denied - invalid csrf token", "", "")
		}
		r.writes.Add(1)
	}
	return data("null")
}

func byPassword(o *Options) { o.Token, o.Username, o.Password = "", "root@pam", password }

func TestLogin(t *testing.T) {
	r := new(realm)
	c, _ := client(t, serve(t, r.answer), byPassword)
	if !c.IsRoot() || c.User() != "root@pam" {
		t.Error(c.User())
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := c.Write(context.Background(), http.MethodPost, "/pools", form("poolid", "x")); err != nil {
				t.Error(err)
			}
			if err := c.Get(context.Background(), "/version", nil, nil); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if r.logins.Load() != 1 || r.writes.Load() != 8 {
		t.Errorf("%d logins, %d writes", r.logins.Load(), r.writes.Load())
	}
}

func TestTicketIsRenewed(t *testing.T) {
	r := new(realm)
	c, _ := client(t, serve(t, r.answer), byPassword)
	a := c.t.auth.(*login)
	now := time.Now()
	a.now = func() time.Time { return now }
	get := func(logins int32) {
		t.Helper()
		testkit.Must(t, c.Get(context.Background(), "/version", nil, nil))
		if r.logins.Load() != logins {
			t.Errorf("%d logins, want %d", r.logins.Load(), logins)
		}
	}
	get(1)
	now = now.Add(59 * time.Minute)
	get(1)
	now = now.Add(2 * time.Minute) // renewed by the ticket itself
	get(2)
	if _, ok := r.asked.Load("PVE:root@pam:00000001::sig+/="); !ok {
		t.Error("the ticket was not given for its renewal")
	}
	now = now.Add(61 * time.Minute)
	r.down.Store(true) // no renewal can be had: the ticket is good for a while yet
	get(2)
	r.down.Store(false)
	now = now.Add(3 * time.Hour) // too old for that: the password again
	get(3)
}

func TestTicketThatEndedEarly(t *testing.T) {
	r := new(realm)
	c, _ := client(t, serve(t, r.answer), byPassword)
	testkit.Must(t, c.Get(context.Background(), "/version", nil, nil))
	r.logins.Add(5) // the host has new keys: no ticket of before is good
	testkit.Try(c.Write(context.Background(), http.MethodPost, "/pools", form("poolid", "x")))(t)
	if r.writes.Load() != 1 {
		t.Errorf("%d writes", r.writes.Load())
	}
}

func TestWrongCredentials(t *testing.T) {
	r := new(realm)
	s := serve(t, r.answer)
	c, _ := client(t, s, func(o *Options) { byPassword(o); o.Password = "wrong-password" })
	_, err := c.Write(context.Background(), http.MethodPost, "/pools", form("poolid", "x"))
	if !isUnauthorized(err) || IsUnknownOutcome(err) || len(s.requests()) != 1 {
		t.Errorf("%d requests, %v", len(s.requests()), err)
	}
	testkit.Fails(t, err, "log in as root@pam", "authentication failure", "PROXMOX_VE_PASSWORD")
	testkit.Lacks(t, "the error", err.Error(), "wrong-password")
	s, c = talk(t, always(answer("401 invalid token value!", "", "")))
	_, err = c.Write(context.Background(), http.MethodPost, "/pools", form("poolid", "x"))
	if !isUnauthorized(err) || len(s.requests()) != 1 {
		t.Errorf("%d requests, %v", len(s.requests()), err)
	}
	testkit.Fails(t, err, "invalid token value!", "PROXMOX_VE_API_TOKEN")
}

func TestGivenTicket(t *testing.T) {
	r := new(realm)
	r.logins.Store(7)
	s := serve(t, r.answer)
	c, _ := client(t, s, func(o *Options) { o.Token, o.Ticket, o.CSRF = "", "PVE:root@pam:00000007::sig+/=", "csrf7" })
	testkit.Try(c.Write(context.Background(), http.MethodPost, "/pools", form("poolid", "x")))(t)
	r.logins.Add(1)
	if err := c.Get(context.Background(), "/version", nil, nil); !isUnauthorized(err) {
		t.Errorf("a ticket that ended, without a password: %v", err)
	}
}

func TestSecondFactor(t *testing.T) {
	s := serve(t, always(data(`{"ticket":"PVE:!tfa!root@pam:x","CSRFPreventionToken":"c","NeedTFA":1}`)))
	c, _ := client(t, s, byPassword)
	testkit.Fails(t, c.Get(context.Background(), "/version", nil, nil), "second factor", "API token")
}

func TestCredentialsAreChecked(t *testing.T) {
	bad := []Options{
		{},
		{Token: "root@pam"},
		{Token: "root!x=s3cr3t"},
		{Token: "root@pam!x"},
		{Token: "root@pam!x="},
		{Token: "root@pam!x=s3\ncr3t"},
		{Username: "root@pam"},
		{Password: "s3cr3t"},
		{Username: "root", Password: "s3cr3t"},
		{Ticket: "s3cr3t"},
		{Ticket: "PVE:root@pam:a;b"},
	}
	for _, o := range bad {
		o.Endpoint = "https://127.0.0.1:1"
		_, err := New(o)
		if err == nil || strings.Contains(err.Error(), "s3") {
			t.Errorf("%+v: %v", o, err)
		}
	}
	c, err := New(Options{Endpoint: "https://127.0.0.1:1", Token: "PVEAPIToken=root@pam!x=s "})
	if err != nil || c.User() != "root@pam!x" || c.IsRoot() {
		t.Errorf("%v", err)
	}
}

func tlsServer(t *testing.T) (*httptest.Server, string) {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"data":{"version":"9.1"}}`) }))
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // it reports each handshake that fails
	s.StartTLS()
	t.Cleanup(s.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	testkit.Must(t, os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600))
	return s, ca
}

func TestCertificates(t *testing.T) {
	s, ca := tlsServer(t)
	byName := strings.Replace(s.URL, "127.0.0.1", "localhost", 1) // the certificate holds 127.0.0.1 and example.com
	own := ownCA(t)
	cases := []struct {
		name string
		o    Options
		ok   bool
		say  string
	}{
		{"unknown authority", Options{Endpoint: s.URL}, false, "PROXMOX_VE_CACERT"},
		{"pinned", Options{Endpoint: s.URL, CAFile: ca}, true, ""},
		{"pinned, TLS 1.3", Options{Endpoint: s.URL, CAFile: ca, MinTLS: "1.3"}, true, ""},
		{"another CA", Options{Endpoint: s.URL, CAFile: own}, false, "unknown authority"},
		{"another CA, insecure: the signature still counts", Options{Endpoint: s.URL, CAFile: own, Insecure: true}, false, "unknown authority"},
		{"another name", Options{Endpoint: byName, CAFile: ca}, false, "PROXMOX_VE_INSECURE"},
		{"another name, insecure", Options{Endpoint: byName, CAFile: ca, Insecure: true}, true, ""},
		{"insecure", Options{Endpoint: byName, Insecure: true}, true, ""},
		{"plain HTTP there", Options{Endpoint: strings.Replace(plainServer(t), "http:", "https:", 1), CAFile: ca}, false, "no TLS is spoken"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			n := new(naps)
			tc.o.Token, tc.o.Sleep = testToken, n.sleep
			c := testkit.Try(New(tc.o))(t)
			t.Cleanup(c.Close)
			_, err := c.Write(context.Background(), http.MethodPost, "/x", form("a", "b"))
			if (err == nil) != tc.ok || IsUnknownOutcome(err) {
				t.Fatalf("got %v", err)
			}
			if err != nil {
				testkit.Fails(t, err, tc.say)
			}
			if err := c.Get(context.Background(), "/version", nil, nil); (err == nil) != tc.ok || len(n.all()) > 0 {
				t.Errorf("read: %v after %v", err, n.all())
			}
		})
	}
}

func TestCAFileIsChecked(t *testing.T) {
	junk := filepath.Join(t.TempDir(), "junk.pem")
	testkit.Must(t, os.WriteFile(junk, []byte("no certificate"), 0o600))
	for _, o := range []Options{{CAFile: junk}, {CAFile: junk + ".gone"}, {MinTLS: "1.1"}} {
		o.Endpoint, o.Token = "https://127.0.0.1:1", testToken
		if _, err := New(o); err == nil {
			t.Errorf("%+v was taken", o)
		}
	}
}

// ownCA is a file with the certificate of an authority that issued nothing.
func ownCA(t *testing.T) string {
	t.Helper()
	authority := testkit.Try(testkit.NewAuthority())(t)
	path := filepath.Join(t.TempDir(), "other.pem")
	testkit.Must(t, os.WriteFile(path, authority.PEM(), 0o600))
	return path
}

func plainServer(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(s.Close)
	return s.URL
}
