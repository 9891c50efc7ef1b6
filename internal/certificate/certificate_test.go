package certificate_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"

	"github.com/prometheus/client_golang/prometheus"

	"syslog-gateway/internal/certificate"
	"syslog-gateway/internal/testkit"
)

// ca is a CA of a test.
type ca struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	next int64
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	return testkit.Try(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))(t)
}

func newCA(t *testing.T, name string) *ca {
	t.Helper()
	c := &ca{t: t, key: newKey(t), next: 100}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(1000 * time.Hour),
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	der := testkit.Try(x509.CreateCertificate(rand.Reader, template, template, c.key.Public(), c.key))(t)
	c.cert = testkit.Try(x509.ParseCertificate(der))(t)
	return c
}

// issued is a certificate in PEM with its key.
type issued struct {
	pair      tls.Certificate
	cert, key []byte
}

// issue makes a certificate with a common name, DNS names and IP addresses, until end.
func (c *ca) issue(end time.Time, usage x509.ExtKeyUsage, cn string, names ...string) issued {
	c.t.Helper()
	c.next++
	template := &x509.Certificate{
		SerialNumber: big.NewInt(c.next), Subject: pkix.Name{CommonName: cn},
		NotBefore: end.Add(-2000 * time.Hour), NotAfter: end, ExtKeyUsage: []x509.ExtKeyUsage{usage},
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	key := newKey(c.t)
	der := testkit.Try(x509.CreateCertificate(rand.Reader, template, c.cert, key.Public(), c.key))(c.t)
	raw := testkit.Try(x509.MarshalPKCS8PrivateKey(key))(c.t)
	i := issued{cert: encode("CERTIFICATE", der), key: encode("PRIVATE KEY", raw)}
	i.pair = testkit.Try(tls.X509KeyPair(i.cert, i.key))(c.t)
	return i
}

func (c *ca) server(cn string, names ...string) issued {
	return c.issue(time.Now().Add(500*time.Hour), x509.ExtKeyUsageServerAuth, cn, names...)
}

func (c *ca) client(cn string, names ...string) issued {
	return c.issue(time.Now().Add(500*time.Hour), x509.ExtKeyUsageClientAuth, cn, names...)
}

// revoke makes a list of revoked certificates in DER.
func (c *ca) revoke(next time.Time, revoked ...issued) []byte {
	list := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: next.Add(-time.Hour), NextUpdate: next}
	for _, r := range revoked {
		list.RevokedCertificateEntries = append(list.RevokedCertificateEntries,
			x509.RevocationListEntry{SerialNumber: r.pair.Leaf.SerialNumber, RevocationTime: time.Now()})
	}
	return testkit.Try(x509.CreateRevocationList(rand.Reader, list, c.cert, c.key))(c.t)
}

func (c *ca) pem() []byte { return encode("CERTIFICATE", c.cert.Raw) }

func encode(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// rig is a store that follows files, and a listener with it.
type rig struct {
	t     *testing.T
	dir   string
	log   testkit.Log
	store *certificate.Store
	addr  string
}

// newRig runs a store until the test ends.
func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t, dir: t.TempDir()}
	r.store = certificate.New(slog.New(slog.NewTextHandler(&r.log, nil)))
	return r
}

func (r *rig) run() {
	ctx, stop := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() { _ = r.store.Run(ctx) })
	r.t.Cleanup(func() { stop(); done.Wait() })
}

func (r *rig) path(name string) string { return filepath.Join(r.dir, name) }

// write writes a file in place.
func (r *rig) write(name string, data []byte) string {
	r.t.Helper()
	testkit.Must(r.t, os.WriteFile(r.path(name), data, 0o600))
	return r.path(name)
}

func (r *rig) pair(name string, i issued) certificate.Pair {
	r.t.Helper()
	return certificate.Pair{CertFile: r.write(name+".pem", i.cert), KeyFile: r.write(name+".key", i.key)}
}

// serve makes the use "source/a" and a listener that answers each connection with "hello"
// and then echoes.
func (r *rig) serve(f certificate.Files, clientNames ...string) {
	r.t.Helper()
	config := testkit.Try(r.store.Server("source/a", f, clientNames, tls.VersionTLS12))(r.t)
	ln := testkit.Try(tls.Listen("tcp", "127.0.0.1:0", config))(r.t)
	r.addr = ln.Addr().String()
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer c.Close()
				if err := c.(*tls.Conn).Handshake(); err != nil {
					fmt.Fprintf(&r.log, "handshake: %v\n", err)
					return
				}
				_, _ = io.WriteString(c, "hello")
				_, _ = io.Copy(c, c)
			})
		}
	})
	r.t.Cleanup(func() { ln.Close(); serving.Wait() })
}

// dial connects and waits for the answer that shows that the server has let it in.
func (r *rig) dial(config *tls.Config) (*tls.Conn, error) {
	d := &net.Dialer{Timeout: 5 * time.Second}
	c, err := tls.DialWithDialer(d, "tcp", r.addr, config)
	if err != nil {
		return nil, err
	}
	_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, err := io.ReadFull(c, make([]byte, 5)); err != nil {
		c.Close()
		return nil, err
	}
	_ = c.SetReadDeadline(time.Time{})
	return c, nil
}

// shown is the common name of the certificate that new connections get.
func (r *rig) shown(serverName string) string {
	c, err := r.dial(&tls.Config{ServerName: serverName, InsecureSkipVerify: true})
	if err != nil {
		return err.Error()
	}
	defer c.Close()
	return c.ConnectionState().PeerCertificates[0].Subject.CommonName
}

// let reports whether a client with this certificate is let in, with TLS 1.2 and 1.3.
func (r *rig) let(i issued) bool {
	r.t.Helper()
	var in [2]bool
	for k, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		config := &tls.Config{InsecureSkipVerify: true, MaxVersion: version}
		if i.pair.Certificate != nil {
			config.Certificates = []tls.Certificate{i.pair}
		}
		c, err := r.dial(config)
		if in[k] = err == nil; in[k] {
			c.Close()
		}
	}
	if in[0] != in[1] {
		r.t.Errorf("TLS 1.2 lets in: %v, TLS 1.3: %v", in[0], in[1])
	}
	return in[0]
}

// soon waits for what a change of files brings, and notes how long it took.
func (r *rig) soon(what string, cond func() bool) {
	r.t.Helper()
	begin := time.Now()
	testkit.Eventually(r.t, what, cond)
	r.t.Logf("%s: %v", what, time.Since(begin))
}

// TestRenewalUnderLoad: a certificate is replaced by renaming, in place and by exchanging
// links as certbot does, while connections are open and others are made. None is broken.
func TestRenewalUnderLoad(t *testing.T) {
	t.Parallel()
	r, a := newRig(t), newCA(t, "ca")
	testkit.Must(t, os.MkdirAll(r.path("archive"), 0o700))
	link := func(n int, i issued) {
		for _, name := range []string{"cert", "key"} {
			data := map[string][]byte{"cert": i.cert, "key": i.key}[name]
			target := r.write(fmt.Sprintf("archive/%s%d.pem", name, n), data)
			_ = os.Remove(r.path(name + ".pem")) // certbot removes the link and makes another one
			testkit.Must(t, os.Symlink(target, r.path(name+".pem")))
		}
	}
	link(1, a.server("one"))
	r.serve(certificate.Files{Pairs: []certificate.Pair{{CertFile: r.path("cert.pem"), KeyFile: r.path("key.pem")}}})
	r.run()

	ctx, stop := context.WithCancel(context.Background())
	var load sync.WaitGroup
	var lines, conns, broken atomic.Int64
	defer func() { stop(); load.Wait() }()
	fail := func(err error) {
		broken.Add(1)
		t.Error("a connection is broken:", err)
	}
	for range 20 { // long connections
		c := testkit.Try(r.dial(&tls.Config{InsecureSkipVerify: true}))(t)
		load.Go(func() {
			defer c.Close()
			for buf := make([]byte, 4); ctx.Err() == nil; lines.Add(1) {
				if _, err := io.WriteString(c, "line"); err != nil {
					fail(err)
					return
				}
				if _, err := io.ReadFull(c, buf); err != nil {
					fail(err)
					return
				}
			}
		})
	}
	for range 2 { // short ones
		load.Go(func() {
			for ctx.Err() == nil {
				c, err := r.dial(&tls.Config{InsecureSkipVerify: true})
				if err != nil {
					fail(err)
					return
				}
				c.Close()
				conns.Add(1)
			}
		})
	}
	see := func(name string) {
		t.Helper()
		r.soon("new connections get the certificate "+name, func() bool { return r.shown("") == name })
	}
	see("one")
	link(2, a.server("two"))
	see("two")
	three := a.server("three")
	for name, data := range map[string][]byte{"cert.pem": three.cert, "key.pem": three.key} {
		testkit.Must(t, os.Rename(r.write("new", data), r.path(name)))
	}
	see("three")
	four := a.server("four")
	r.write("key.pem", four.key)
	r.write("cert.pem", four.cert)
	see("four")
	stop()
	load.Wait()
	t.Logf("%d lines over 20 connections, %d short connections, %d broken", lines.Load(), conns.Load(), broken.Load())
	if lines.Load() < 1000 || conns.Load() < 20 {
		t.Error("there was hardly any load")
	}
}

// TestBadFilesChangeNothing: each kind of bad file leaves the old certificate in force, is
// logged once, and again only when something changes.
func TestBadFilesChangeNothing(t *testing.T) {
	t.Parallel()
	r, a := newRig(t), newCA(t, "ca")
	good := a.server("good")
	r.serve(certificate.Files{Pairs: []certificate.Pair{r.pair("s", good)}, CAFile: r.write("ca.pem", a.pem())})
	r.run()
	client := a.client("client")
	expired := a.issue(time.Now().Add(-time.Hour), x509.ExtKeyUsageServerAuth, "expired")
	other := a.server("other")
	now := func() string {
		c, err := r.dial(&tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{client.pair}})
		if err != nil {
			return err.Error()
		}
		defer c.Close()
		return c.ConnectionState().PeerCertificates[0].Subject.CommonName
	}
	logged := 0
	for _, c := range []struct {
		name, want string
		spoil      func()
	}{
		{"half a certificate", "not complete", func() { r.write("s.pem", good.cert[:len(good.cert)/2]) }},
		{"half a chain", "not complete", func() { r.write("s.pem", append(bytes.Clone(good.cert), a.pem()[:200]...)) }},
		{"empty", "holds no PEM certificate", func() { r.write("s.pem", nil) }},
		{"another key", "private key does not match", func() { r.write("s.pem", good.cert); r.write("s.key", other.key) }},
		{"expired", "has expired on", func() { r.write("s.pem", expired.cert); r.write("s.key", expired.key) }},
		{"no file", "no such file", func() { testkit.Must(t, os.Remove(r.path("s.pem"))) }},
		{"a folder", "is not a file", func() { testkit.Must(t, os.Mkdir(r.path("s.pem"), 0o700)) }},
		{"junk for a CA", "client_ca_file", func() {
			testkit.Must(t, os.Remove(r.path("s.pem")))
			r.write("s.pem", good.cert)
			r.write("s.key", good.key)
			r.write("ca.pem", []byte("junk"))
		}},
	} {
		c.spoil()
		logged++
		r.soon(c.name+" is logged", func() bool { return strings.Count(r.log.String(), "certificates are not replaced") == logged })
		last := r.log.String()[strings.LastIndex(r.log.String(), "level=ERROR"):]
		testkit.Holds(t, c.name, last, c.want)
		testkit.Lacks(t, "a key is logged", last, "PRIVATE")
		testkit.Equal(t, c.name+": the certificate in force", now(), "good")
		testkit.Holds(t, c.name+" on the page", strings.Join(r.store.Problems(time.Now()), "\n"), "source/a: the new certificates cannot be used")
	}
	r.store.Reread() // SIGHUP says it again
	testkit.Equal(t, "lines after SIGHUP", strings.Count(r.log.String(), "certificates are not replaced"), logged+1)
	r.write("ca.pem", a.pem())
	r.soon("the end is logged", func() bool { return strings.Contains(r.log.String(), "can be used again") })
	testkit.Equal(t, "problems", len(r.store.Problems(time.Now())), 0)
	testkit.Equal(t, "the certificate in force", now(), "good")
	fresh := a.server("fresh")
	r.pair("s", fresh)
	r.store.Reread()
	testkit.Equal(t, "SIGHUP reads at once", now(), "fresh")
}

// TestFirstReading: at the start bad files are an error that names key and file; an expired
// certificate is used, because there is nothing better.
func TestFirstReading(t *testing.T) {
	r, a, b := newRig(t), newCA(t, "ca"), newCA(t, "other")
	pair := r.pair("s", a.server("s"))
	crl := r.write("crl", b.revoke(time.Now().Add(time.Hour)))
	caFile := r.write("ca.pem", a.pem())
	for want, f := range map[string]certificate.Files{
		"load cert_file " + r.path("none") + " with key_file": {Pairs: []certificate.Pair{{CertFile: r.path("none"), KeyFile: pair.KeyFile}}},
		"is not a file": {Pairs: []certificate.Pair{{CertFile: r.dir, KeyFile: pair.KeyFile}}},
		"client_ca_file " + pair.KeyFile + ": holds no PEM certificate": {Pairs: []certificate.Pair{pair}, CAFile: pair.KeyFile},
		"ca_file " + pair.KeyFile + ": holds no PEM certificate":        {CAFile: pair.KeyFile},
		"is of none of the CAs in client_ca_file":                       {Pairs: []certificate.Pair{pair}, CAFile: caFile, CRLFile: crl},
		"holds no certificate revocation list":                          {Pairs: []certificate.Pair{pair}, CAFile: caFile, CRLFile: caFile},
	} {
		if _, err := r.store.Server("source/a", f, nil, tls.VersionTLS12); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %s", f, err, want)
		}
	}
	forged := newCA(t, "ca") // the same name, another key
	r.write("crl", forged.revoke(time.Now().Add(time.Hour)))
	err := certificate.Files{Pairs: []certificate.Pair{pair}, CAFile: caFile, CRLFile: crl}.Check()
	if err == nil || !strings.Contains(err.Error(), "the signature of the list") {
		t.Error(err)
	}
	r.serve(certificate.Files{Pairs: []certificate.Pair{r.pair("e", a.issue(time.Now().Add(-time.Hour), x509.ExtKeyUsageServerAuth, "expired"))}})
	testkit.Equal(t, "certificate", r.shown(""), "expired")
	testkit.Holds(t, "page", strings.Join(r.store.Problems(time.Now()), "\n"), "a certificate has expired")
}

func TestServerNames(t *testing.T) {
	r, a := newRig(t), newCA(t, "ca")
	r.serve(certificate.Files{Pairs: []certificate.Pair{
		r.pair("a", a.server("first", "a.example.com")),
		r.pair("b", a.server("second", "b.example.com", "*.lab.example.com")),
	}})
	for name, want := range map[string]string{
		"a.example.com": "first", "b.example.com": "second", "x.lab.example.com": "second", "other.example.com": "first", "": "first", "192.0.2.1": "first",
	} {
		testkit.Equal(t, name, r.shown(name), want)
	}
}

func TestClients(t *testing.T) {
	r, a, b := newRig(t), newCA(t, "ca"), newCA(t, "other")
	good, revoked := a.client("good"), a.client("revoked")
	crl := append(encode("X509 CRL", b.revoke(time.Now().Add(time.Hour))), encode("X509 CRL", a.revoke(time.Now().Add(-time.Minute), revoked))...)
	f := certificate.Files{
		Pairs:  []certificate.Pair{r.pair("s", a.server("s"))},
		CAFile: r.write("ca.pem", append(a.pem(), b.pem()...)), CRLFile: r.write("crl.pem", crl),
	}
	r.serve(f)
	for what, c := range map[string]struct {
		issued
		in bool
	}{
		"good":                      {good, true},
		"of the other CA":           {b.client("b"), true},
		"none":                      {issued{}, false},
		"revoked":                   {revoked, false},
		"expired":                   {a.issue(time.Now().Add(-time.Minute), x509.ExtKeyUsageClientAuth, "old"), false},
		"for servers":               {a.server("server"), false},
		"of a CA that is not known": {newCA(t, "ca").client("good"), false},
	} {
		if got := r.let(c.issued); got != c.in {
			t.Errorf("%s: let in %v, want %v", what, got, c.in)
		}
	}
	log := r.log.String()
	for _, want := range []string{
		`the client's certificate "revoked" is revoked by crl_file`, "client didn't provide a certificate",
		`the client's certificate "old": tls: failed to verify certificate: x509: certificate has expired`, "unknown authority",
	} {
		testkit.Holds(t, "why", log, want)
	}
	// DER, of one of the CAs alone.
	r.write("crl.pem", a.revoke(time.Now().Add(time.Hour), good))
	r.store.Reread()
	if r.let(good) || !r.let(revoked) {
		t.Error("the new list does not count")
	}
}

func TestClientNames(t *testing.T) {
	r, a := newRig(t), newCA(t, "ca")
	r.serve(certificate.Files{Pairs: []certificate.Pair{r.pair("s", a.server("s"))}, CAFile: r.write("ca.pem", a.pem())})
	for what, c := range map[string]struct {
		names string
		issued
		in bool
	}{
		"DNS name":          {"x fw1.example.com", a.client("c", "fw1.example.com"), true},
		"capitals, dot":     {"FW1.example.com.", a.client("c", "fw1.Example.com"), true},
		"wildcard":          {"*.example.com", a.client("c", "fw1.example.com"), true},
		"two labels":        {"*.example.com", a.client("c", "a.b.example.com"), false},
		"the domain":        {"*.example.com", a.client("c", "example.com"), false},
		"no label":          {"*.example.com", a.client(".example.com"), false},
		"the end of a name": {"*.example.com", a.client("c", "fw1.badexample.com"), false},
		"common name":       {"fw1", a.client("fw1"), true},
		"IP address":        {"192.0.2.1", a.client("c", "192.0.2.1"), true},
		"mapped":            {"::ffff:192.0.2.1", a.client("c", "192.0.2.1"), true},
		"IPv6":              {"2001:db8:0::1", a.client("c", "2001:db8::1"), true},
		"another address":   {"192.0.2.1", a.client("c", "192.0.2.2"), false},
		"another name":      {"fw1.example.com", a.client("fw2", "fw2.example.com"), false},
		"wildcard and IP":   {"*.0.2.1", a.client("c", "fw1.example.com"), false},
		"no names":          {"", a.client("anything"), true},
	} {
		r.store.SetClientNames("source/a", strings.Fields(c.names))
		if got := r.let(c.issued); got != c.in {
			t.Errorf("%s: let in %v, want %v", what, got, c.in)
		}
	}
	testkit.Holds(t, "why", r.log.String(), `has none of the client_names; it has ["fw2.example.com" "fw2"]`)
}

// TestResumption: a session that is resumed is checked like a new one. The control, a
// client that nothing has changed for, resumes.
func TestResumption(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		r, a := newRig(t), newCA(t, "ca")
		crl := r.write("crl.pem", a.revoke(time.Now().Add(time.Hour)))
		r.serve(certificate.Files{Pairs: []certificate.Pair{r.pair("s", a.server("s"))}, CAFile: r.write("ca.pem", a.pem()), CRLFile: crl})
		client := a.client("fw1")
		// A cache that forgets nothing: Go's own drops a session that was refused.
		config := &tls.Config{InsecureSkipVerify: true, MaxVersion: version, Certificates: []tls.Certificate{client.pair}, ClientSessionCache: new(cache)}
		dial := func() (resumed bool, err error) {
			c, err := r.dial(config)
			if err != nil {
				return false, err
			}
			defer c.Close()
			return c.ConnectionState().DidResume, nil
		}
		_, err := dial()
		testkit.Must(t, err)
		if resumed, err := dial(); !resumed || err != nil {
			t.Fatalf("the control resumes %v, %v", resumed, err)
		}
		r.store.SetClientNames("source/a", []string{"fw2"})
		if _, err := dial(); err == nil {
			t.Error("a client that lost its name is let in by its session")
		}
		r.store.SetClientNames("source/a", nil)
		if resumed, err := dial(); !resumed || err != nil {
			t.Fatalf("the control resumes %v, %v", resumed, err)
		}
		r.write("crl.pem", a.revoke(time.Now().Add(time.Hour), client))
		r.store.Reread()
		if _, err := dial(); err == nil {
			t.Error("a revoked client is let in by its session")
		}
	}
}

// cache keeps the first session.
type cache struct {
	session atomic.Pointer[tls.ClientSessionState]
}

func (c *cache) Get(string) (*tls.ClientSessionState, bool) {
	s := c.session.Load()
	return s, s != nil
}

func (c *cache) Put(_ string, s *tls.ClientSessionState) {
	if s != nil {
		c.session.Store(s)
	}
}

// TestRoots: who asks gets the CAs that the file has now.
func TestRoots(t *testing.T) {
	r, a, b := newRig(t), newCA(t, "a"), newCA(t, "b")
	file := r.write("ca.pem", a.pem())
	roots := testkit.Try(r.store.Roots("hec", file))(t)
	verify := func(c *ca) error {
		_, err := c.server("s", "s").pair.Leaf.Verify(x509.VerifyOptions{DNSName: "s", Roots: roots()})
		return err
	}
	if verify(a) != nil || verify(b) == nil {
		t.Error("the CAs at the start")
	}
	// The first look, a second later at most, sees the change, the next one reads the file.
	r.write("ca.pem", b.pem())
	at := time.Now()
	certificate.Look(r.store, at)
	if verify(a) != nil {
		t.Error("a file is read while it may still be written")
	}
	certificate.Look(r.store, at)
	if verify(a) == nil || verify(b) != nil {
		t.Error("the new CA is not in force after two looks")
	}
	if system := testkit.Try(r.store.Roots("hec", ""))(t); system() != nil {
		t.Error("without a file the CAs of the system are meant")
	}
}

func TestExpiry(t *testing.T) {
	r, a := newRig(t), newCA(t, "ca")
	end := time.Now().Add(20 * 24 * time.Hour).Truncate(time.Second)
	crlEnd := time.Now().Add(30 * 24 * time.Hour)
	r.serve(certificate.Files{
		Pairs:  []certificate.Pair{r.pair("s", a.server("s")), r.pair("t", a.issue(end, x509.ExtKeyUsageServerAuth, "t"))},
		CAFile: r.write("ca.pem", a.pem()), CRLFile: r.write("crl", a.revoke(crlEnd)),
	})
	_ = testkit.Try(r.store.Roots("hec", r.path("ca.pem")))(t)
	metrics := make(map[string]float64)
	registry := prometheus.NewRegistry()
	testkit.Must(t, registry.Register(r.store))
	for _, family := range testkit.Try(registry.Gather())(t) {
		testkit.Equal(t, "name", family.GetName(), "gateway_certificate_expiry_timestamp_seconds")
		for _, m := range family.GetMetric() {
			metrics[labelOf(m)] = m.GetGauge().GetValue()
		}
	}
	testkit.Equal(t, "source", metrics["source/a"], float64(end.Unix()))
	testkit.Equal(t, "hec", metrics["hec"], float64(a.cert.NotAfter.Unix()))

	page := func(at time.Time) string { return strings.Join(r.store.Problems(at), "\n") }
	testkit.Equal(t, "15 days before", page(end.AddDate(0, 0, -15)), "")
	testkit.Holds(t, "13 days before", page(end.AddDate(0, 0, -13)), `source/a: a certificate expires soon: that of "t" in `+r.path("t.pem"))
	testkit.Holds(t, "after", page(crlEnd.AddDate(0, 0, 1)), "source/a: a certificate has expired", "source/a: a certificate revocation list is out of date; its entries still count")

	look := func(at time.Time) int {
		certificate.Look(r.store, at)
		return strings.Count(r.log.String(), "level=WARN")
	}
	begin := end.AddDate(0, 0, -13)
	testkit.Equal(t, "lines 15 days before", look(end.AddDate(0, 0, -15)), 0)
	testkit.Equal(t, "lines 13 days before", look(begin), 1)
	testkit.Equal(t, "lines a second later", look(begin.Add(time.Second)), 1)
	testkit.Equal(t, "lines a day later", look(begin.AddDate(0, 0, 1)), 2)
	testkit.Equal(t, "lines at the end", look(end.Add(time.Second)), 3)
}

func labelOf(m *dto.Metric) string { return m.GetLabel()[0].GetValue() }

// TestRightsAreTriedAgain: a change of the owner does not show in size, mode and time. So files
// that cannot be used are read again now and then, without another line in the log.
func TestRightsAreTriedAgain(t *testing.T) {
	r, a := newRig(t), newCA(t, "ca")
	r.serve(certificate.Files{Pairs: []certificate.Pair{r.pair("s", a.server("one"))}})
	soon := a.issue(time.Now().Add(2000*time.Hour+2*time.Second), x509.ExtKeyUsageServerAuth, "two") // not valid yet
	r.pair("s", soon)
	at := time.Now()
	certificate.Look(r.store, at)
	certificate.Look(r.store, at)
	testkit.Holds(t, "log", r.log.String(), "is not valid before", "check the clock")
	testkit.Equal(t, "certificate", r.shown(""), "one")
	testkit.Eventually(t, "it is taken when it has become valid", func() bool {
		at = at.Add(time.Minute)
		certificate.Look(r.store, at)
		return r.shown("") == "two"
	})
	testkit.Equal(t, "lines", strings.Count(r.log.String(), "level=ERROR"), 1)
}

// FuzzFiles: no file makes it panic.
func FuzzFiles(f *testing.F) {
	a := newCA(&testing.T{}, "ca")
	s := a.server("s")
	f.Add(s.cert, s.key, a.pem(), a.revoke(time.Now(), s))
	f.Add(s.cert[:100], s.key, a.pem()[:50], encode("X509 CRL", []byte{0x30, 0}))
	f.Fuzz(func(t *testing.T, cert, key, ca, crl []byte) {
		dir := t.TempDir()
		write := func(name string, data []byte) string {
			path := filepath.Join(dir, name)
			testkit.Must(t, os.WriteFile(path, data, 0o600))
			return path
		}
		_ = certificate.Files{
			Pairs:  []certificate.Pair{{CertFile: write("cert", cert), KeyFile: write("key", key)}},
			CAFile: write("ca", ca), CRLFile: write("crl", crl),
		}.Check()
		_ = certificate.Files{CAFile: write("ca", ca), CRLFile: write("crl", crl)}.Check()
	})
}
