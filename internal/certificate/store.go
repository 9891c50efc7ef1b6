package certificate

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	pollEvery = time.Second
	// retryEvery is how often files that cannot be used are tried again although they look
	// the same: a right that was given, or an owner that was changed, does not show.
	retryEvery = time.Minute
	// WarnBefore is how long before the end of a certificate the warnings begin.
	WarnBefore = 14 * 24 * time.Hour
	warnEvery  = 24 * time.Hour
)

// Store has the certificates of all uses. Its methods are safe for concurrent use.
type Store struct {
	log    *slog.Logger
	expiry *prometheus.Desc
	mu     sync.Mutex // of the list, and of what is known of files
	uses   atomic.Pointer[[]*use]
}

// use is one use of files.
type use struct {
	name  string
	files Files
	names atomic.Pointer[[]string] // that clients have to have one of
	state atomic.Pointer[state]

	// The mutex of the store guards what follows.
	seen   []stamp // at the last look
	tried  []stamp // when they were read
	again  time.Time
	warned map[notice]time.Time
}

// state is what is in force, and why it is not what the files hold; nil if it is.
type state struct {
	*content
	fault error
}

// New returns a store without uses.
func New(log *slog.Logger) *Store {
	s := &Store{log: log, expiry: prometheus.NewDesc("gateway_certificate_expiry_timestamp_seconds",
		"When the first of the certificates of a use expires, in Unix time: source/NAME and stats (certificates, their chains, client_ca_file), hec (ca_file), queue (those of queue.jetstream.tls).",
		[]string{"use"}, nil)}
	s.uses.Store(new([]*use))
	return s
}

// add reads the files of a use for the first time. What has expired is used nevertheless:
// the gateway has nothing better, and [Store.Run] warns of it.
func (s *Store) add(name string, f Files) (*use, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := &use{name: name, files: f, warned: make(map[notice]time.Time)}
	u.seen = u.stamps()
	u.tried = u.seen
	c, err := f.load()
	if err != nil {
		return nil, err
	}
	u.state.Store(&state{content: c})
	all := append(slices.Clone(*s.uses.Load()), u)
	s.uses.Store(&all)
	return u, nil
}

// Server returns the configuration of a listener that always uses what is in force: a
// certificate by the name that the client asks for (SNI), else the first one. Clients are
// asked for a certificate if there is a CAFile; it has to have one of clientNames unless
// there are none. Clients of GnuTLS, such as rsyslog, send no certificate over TLS 1.3 if
// they get a list of CAs, so they get none, and the certificate is verified here, on
// resumed sessions as well.
func (s *Store) Server(name string, f Files, clientNames []string, minVersion uint16) (*tls.Config, error) {
	u, err := s.add(name, f)
	if err != nil {
		return nil, err
	}
	u.names.Store(&clientNames)
	config := &tls.Config{MinVersion: minVersion, GetCertificate: u.certificate}
	if f.CAFile != "" {
		config.ClientAuth = tls.RequireAnyClientCert
		config.VerifyConnection = func(cs tls.ConnectionState) error {
			return u.state.Load().verify(cs.PeerCertificates, *u.names.Load())
		}
	}
	return config, nil
}

// certificate chooses the certificate of a connection.
func (u *use) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	pairs := u.state.Load().pairs
	for i := range pairs {
		if hello.SupportsCertificate(&pairs[i]) == nil {
			return &pairs[i], nil
		}
	}
	return &pairs[0], nil
}

// Roots returns a function for the CAs in force, which a client is to use for each new
// connection. Without a file it returns nil, which means the CAs of the system.
func (s *Store) Roots(name, caFile string) (func() *x509.CertPool, error) {
	if caFile == "" {
		return func() *x509.CertPool { return nil }, nil
	}
	u, err := s.add(name, Files{CAFile: caFile})
	if err != nil {
		return nil, err
	}
	return func() *x509.CertPool { return u.state.Load().cas }, nil
}

// Client returns functions for the certificate and the CAs in force, which a client is to use
// for each new connection. certificate is nil if there is none; the CAs are nil for those of
// the system.
func (s *Store) Client(name string, f Files) (certificate func() (tls.Certificate, error), roots func() (*x509.CertPool, error), err error) {
	if len(f.list()) == 0 {
		return nil, func() (*x509.CertPool, error) { return nil, nil }, nil
	}
	u, err := s.add(name, f)
	if err != nil {
		return nil, nil, err
	}
	if len(f.Pairs) != 0 {
		certificate = func() (tls.Certificate, error) { return u.state.Load().pairs[0], nil }
	}
	return certificate, func() (*x509.CertPool, error) { return u.state.Load().cas, nil }, nil
}

// SetClientNames changes the names of clients of a use, for new connections.
func (s *Store) SetClientNames(name string, clientNames []string) {
	for _, u := range *s.uses.Load() {
		if u.name == name {
			u.names.Store(&clientNames)
		}
	}
}

// Run looks for changed files once a second until ctx is done. It always returns nil.
func (s *Store) Run(ctx context.Context) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		s.look(time.Now())
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Reread reads all files now, whether they have changed or not.
func (s *Store) Reread() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, u := range *s.uses.Load() {
		u.seen = u.stamps()
		s.read(u, time.Now(), true)
	}
}

// look reads the files that have changed and are not being written any more, and warns of
// what ends soon.
func (s *Store) look(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, u := range *s.uses.Load() {
		was := u.seen
		u.seen = u.stamps()
		settled := slices.EqualFunc(was, u.seen, stamp.same)
		changed := !slices.EqualFunc(u.tried, u.seen, stamp.same)
		if settled && (changed || u.state.Load().fault != nil && !now.Before(u.again)) {
			s.read(u, now, changed)
		}
		s.warn(u, now)
	}
}

// read reads the files of a use and puts them in force if they are good. A fault is logged
// if it is another one than before, or tell is set.
func (s *Store) read(u *use, now time.Time, tell bool) {
	u.tried, u.again = u.seen, now.Add(retryEvery)
	old := u.state.Load()
	c, err := u.files.load()
	if err == nil && c.sum != old.sum {
		err = c.unusable
	}
	switch {
	case err != nil:
		if tell || old.fault == nil || old.fault.Error() != err.Error() {
			s.log.Error("certificates are not replaced, those from before stay in force", "use", u.name, "error", err)
		}
		u.state.Store(&state{old.content, err})
	case c.sum != old.sum:
		u.state.Store(&state{content: c})
		clear(u.warned)
		s.log.Info("certificates replaced; new connections use them", "use", u.name, "first_to_expire", c.ends.what, "expires", day(c.ends.at))
	case old.fault != nil:
		u.state.Store(&state{content: old.content})
		s.log.Info("the files of the certificates in force can be used again", "use", u.name)
	}
}

// warn logs what ends soon, once a day.
func (s *Store) warn(u *use, now time.Time) {
	for _, n := range u.state.Load().notices(now) {
		if last, ok := u.warned[n]; ok && now.Sub(last) < warnEvery {
			continue
		}
		u.warned[n] = now
		s.log.Warn(n.message, "use", u.name, "file", n.file, "of", n.what, "until", day(n.at))
	}
}

// notice is something that ends soon, or has ended.
type notice struct {
	ends
	message string
}

func (c *content) notices(now time.Time) (all []notice) {
	if e := c.ends; !e.at.IsZero() && now.After(e.at) {
		all = append(all, notice{e, "a certificate has expired"})
	} else if !e.at.IsZero() && now.After(e.at.Add(-WarnBefore)) {
		all = append(all, notice{e, "a certificate expires soon"})
	}
	if e := c.crlEnds; !e.at.IsZero() && now.After(e.at) {
		all = append(all, notice{e, "a certificate revocation list is out of date; its entries still count"})
	}
	return all
}

// Problems says in sentences what is wrong at a time, for the statistics page.
func (s *Store) Problems(now time.Time) (lines []string) {
	for _, u := range *s.uses.Load() {
		st := u.state.Load()
		if st.fault != nil {
			lines = append(lines, fmt.Sprintf("%s: the new certificates cannot be used, those from before are in force: %v", u.name, st.fault))
		}
		for _, n := range st.notices(now) {
			lines = append(lines, fmt.Sprintf("%s: %s: that of %q in %s (%s).", u.name, n.message, n.what, n.file, day(n.at)))
		}
	}
	return lines
}

// stamp is the state of a file; nil if it is not there.
type stamp struct{ os.FileInfo }

func (u *use) stamps() (all []stamp) {
	for _, path := range u.files.list() {
		info, _ := os.Stat(path) // what is wrong shows when it is read
		all = append(all, stamp{info})
	}
	return all
}

func (a stamp) same(b stamp) bool {
	if a.FileInfo == nil || b.FileInfo == nil {
		return a.FileInfo == nil && b.FileInfo == nil
	}
	return os.SameFile(a.FileInfo, b.FileInfo) && a.Size() == b.Size() && a.Mode() == b.Mode() && a.ModTime().Equal(b.ModTime())
}

// Describe implements prometheus.Collector.
func (s *Store) Describe(ch chan<- *prometheus.Desc) { ch <- s.expiry }

// Collect implements prometheus.Collector.
func (s *Store) Collect(ch chan<- prometheus.Metric) {
	for _, u := range *s.uses.Load() {
		at := u.state.Load().ends.at
		ch <- prometheus.MustNewConstMetric(s.expiry, prometheus.GaugeValue, float64(at.Unix()), u.name)
	}
}
