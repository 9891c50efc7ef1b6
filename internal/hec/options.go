package hec

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"syslog-gateway/internal/deadletter"
	"syslog-gateway/internal/hec/endpoints"
	"syslog-gateway/internal/ledger"

	"github.com/prometheus/client_golang/prometheus"
)

// Options configure a Client. Zero durations and counts take the default named.
type Options struct {
	Settings // may change while the Client runs

	// InFlight is how many records one Deliver posts at a time; 4.
	InFlight int
	// Ack is indexer acknowledgement.
	Ack AckOptions
	// TLS is for https endpoints; nil is the system's roots.
	TLS *tls.Config
	// Roots are the CAs that verify https endpoints, asked for with each new connection;
	// optional. It needs TLS.
	Roots func() *x509.CertPool
	// HealthInterval is the time between health probes of an endpoint; 5 s.
	HealthInterval time.Duration
	// StopGrace is how long attempts under way may continue after Deliver is asked
	// to stop; 5 s.
	StopGrace time.Duration
	// DeadLetter takes what HEC refuses; required.
	DeadLetter *deadletter.Store
	// ConnAge is the greatest age of a connection; 5 min.
	ConnAge time.Duration
	// Ledger counts what becomes of events; nil is a new one.
	Ledger *ledger.Ledger
	// Logger is optional.
	Logger *slog.Logger
	// Registerer takes the metrics; optional.
	Registerer prometheus.Registerer
}

// AckOptions configure indexer acknowledgement. When enabled, a record is freed
// when the indexer says that it has been indexed, not when it has been accepted.
type AckOptions struct {
	Enabled      bool
	PollInterval time.Duration // 10 s
	// Timeout is how long to wait for an acknowledgement before the record is
	// sent again; 5 min.
	Timeout time.Duration
	// MaxOutstanding is how many records of one Deliver may wait for theirs; 4096.
	MaxOutstanding int
}

// Settings are the options that may change while a Client runs, by
// [Client.Reconfigure].
type Settings struct {
	// Endpoints are URLs such as https://splunk:8088; /services/collector/event
	// is appended unless the path is already one of a collector. A user and
	// password in a URL are sent as Basic authentication instead of the token
	// (HEC takes its token as the password); they are never shown.
	Endpoints []string
	// Token is the HEC token.
	Token string
	// FallbackIndex takes the events that HEC refuses for their index (code 7), which
	// then hold it in the field original_index. Empty: they become dead letters.
	FallbackIndex string
	// Timeout is for one attempt, from dialling to the end of the answer; 60 s.
	// A short one means duplicates, not speed.
	Timeout time.Duration
	// Retry bounds the pauses between attempts; 250 ms and 30 s.
	Retry endpoints.Backoff
}

func (o Options) withDefaults() Options {
	def(&o.InFlight, 4)
	o.Settings = o.Settings.withDefaults()
	def(&o.Ack.PollInterval, 10*time.Second)
	def(&o.Ack.Timeout, 5*time.Minute)
	def(&o.Ack.MaxOutstanding, 4096)
	def(&o.HealthInterval, 5*time.Second)
	def(&o.StopGrace, 5*time.Second)
	if o.Ledger == nil {
		o.Ledger = ledger.New()
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

func (s Settings) withDefaults() Settings {
	def(&s.Timeout, time.Minute)
	def(&s.Retry.Initial, 250*time.Millisecond)
	def(&s.Retry.Max, 30*time.Second)
	s.Retry.Max = max(s.Retry.Max, s.Retry.Initial)
	return s
}

func def[T ~int | ~int64](v *T, d T) {
	if *v <= 0 {
		*v = d
	}
}

// check returns what is wrong with the token for these endpoints. No error holds it.
func (s Settings) check(list []endpoints.Address) error {
	var errs []error
	for _, a := range list {
		if a.NeedsToken() && s.Token == "" {
			errs = append(errs, fmt.Errorf("no HEC token for endpoint %s", a.Name))
		}
	}
	if strings.ContainsFunc(s.Token, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		errs = append(errs, errors.New("the HEC token holds a blank, a line end or a character outside ASCII"))
	}
	return errors.Join(errs...)
}
