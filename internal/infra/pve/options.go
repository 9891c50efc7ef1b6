package pve

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// Options says which API to talk to, as whom, and how patiently. The names in
// parentheses are the environment variables that they usually come from; reading
// those is up to the caller.
type Options struct {
	Endpoint string // https://host:8006, with or without /api2/json (PROXMOX_VE_ENDPOINT)

	Token    string // user@realm!name=secret (PROXMOX_VE_API_TOKEN); goes before the others
	Ticket   string // a ticket made elsewhere (PROXMOX_VE_AUTH_TICKET)
	CSRF     string // the ticket's other half (PROXMOX_VE_CSRF_PREVENTION_TOKEN)
	Username string // user@realm (PROXMOX_VE_USERNAME)
	Password string // (PROXMOX_VE_PASSWORD)

	CAFile   string // PEM; only certificates it signed, or holds, are trusted (PROXMOX_VE_CACERT)
	Insecure bool   // trust any certificate; with CAFile: any host name (PROXMOX_VE_INSECURE)
	MinTLS   string // "1.2" (default) or "1.3" (PROXMOX_VE_MIN_TLS)

	Node string // the default node, for Client.Node (PROXMOX_VE_NODE)

	Timeout  time.Duration // of one request; default 60s: the API itself gives up on a node after 30s
	LockWait time.Duration // how long to wait for a guest's config lock to go; default 5s

	Transport http.RoundTripper // in place of our own, for tests; CAFile, Insecure, MinTLS are then ignored
	Logger    *slog.Logger      // default: none

	// Sleep waits between polls and attempts; the default waits on the clock. It
	// returns ctx's error as soon as ctx is done.
	Sleep func(ctx context.Context, d time.Duration) error
}

const (
	defaultTimeout  = 60 * time.Second
	defaultLockWait = 5 * time.Second

	// idleFor is shorter than the five seconds after which pveproxy closes an idle
	// connection: a write must not meet that, or its outcome would be unknown.
	idleFor = 3 * time.Second
)

// New builds a client. It sends nothing: with a user name and password, the ticket is
// fetched before the first request.
func New(o Options) (*Client, error) {
	base, err := endpoint(o.Endpoint)
	if err != nil {
		return nil, err
	}
	o.defaults()
	rt := o.Transport
	if rt == nil {
		if rt, err = newTransport(o); err != nil {
			return nil, err
		}
	}
	t := &transport{base: base, next: rt, timeout: o.Timeout, sleep: o.Sleep, log: o.Logger}
	if t.auth, err = newAuth(o, t); err != nil {
		return nil, err
	}
	return newClient(t, o), nil
}

func (o *Options) defaults() {
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	if o.LockWait <= 0 {
		o.LockWait = defaultLockWait
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Sleep == nil {
		o.Sleep = Sleep
	}
}

// endpoint gives the root of the API, without a slash at its end. Plain HTTP is for
// loopback only: a token in clear on a network is no secret any more.
func endpoint(s string) (string, error) {
	if s == "" {
		return "", errors.New("pve: no endpoint: set PROXMOX_VE_ENDPOINT to https://HOST:8006")
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		return "", fmt.Errorf("pve: endpoint %q is not a URL: it should look like https://HOST:8006", s)
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", fmt.Errorf("pve: endpoint of %s: only scheme, host and port belong there, like https://HOST:8006", u.Host)
	}
	if u.Scheme == "http" && !loopback(u.Hostname()) {
		return "", fmt.Errorf("pve: endpoint %q: credentials are sent over plain HTTP only to this machine: use https", s)
	}
	path := strings.TrimSuffix(strings.TrimRight(u.Path, "/"), "/api2/json")
	return u.Scheme + "://" + u.Host + path + "/api2/json", nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func newTransport(o Options) (*http.Transport, error) {
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	switch o.MinTLS {
	case "", "1.2":
	case "1.3":
		conf.MinVersion = tls.VersionTLS13
	default:
		return nil, fmt.Errorf("pve: lowest TLS version %q: only 1.2 and 1.3 are allowed (PROXMOX_VE_MIN_TLS)", o.MinTLS)
	}
	if err := trust(conf, o); err != nil {
		return nil, err
	}
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
		TLSHandshakeTimeout: 10 * time.Second,
		TLSClientConfig:     conf,
		MaxIdleConnsPerHost: 16,
		IdleConnTimeout:     idleFor,
	}, nil
}

// trust sets which certificates conf accepts. A node's certificate is signed by the
// cluster's own CA (/etc/pve/pve-root-ca.pem) and often reached by a name or address
// that it does not hold: CAFile with Insecure checks the signature and not the name.
func trust(conf *tls.Config, o Options) error {
	if o.CAFile == "" {
		conf.InsecureSkipVerify = o.Insecure
		return nil
	}
	pem, err := os.ReadFile(o.CAFile)
	if err != nil {
		return fmt.Errorf("pve: certificates to trust: %w (PROXMOX_VE_CACERT)", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return fmt.Errorf("pve: %s holds no PEM certificate: copy /etc/pve/pve-root-ca.pem from a node", o.CAFile)
	}
	conf.RootCAs = pool
	if !o.Insecure {
		return nil
	}
	conf.InsecureSkipVerify = true
	conf.VerifyConnection = func(cs tls.ConnectionState) error {
		opts := x509.VerifyOptions{Roots: pool, Intermediates: x509.NewCertPool()}
		for _, c := range cs.PeerCertificates[1:] {
			opts.Intermediates.AddCert(c)
		}
		_, err := cs.PeerCertificates[0].Verify(opts)
		return err
	}
	return nil
}

// Sleep waits for d, or until ctx ends: then it returns the error of ctx.
func Sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
