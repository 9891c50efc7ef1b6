package hec

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

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
	// HealthInterval is the time between health probes of an endpoint; 5 s.
	HealthInterval time.Duration
	// StopGrace is how long attempts on the wire may go on after Deliver is told
	// to stop; 5 s.
	StopGrace time.Duration
	// DeadLetter takes what HEC refuses; required.
	DeadLetter *DeadLetters
	// Ledger takes the books; nil opens new ones.
	Ledger *ledger.Ledger
	// Logger is where it says what happens; nil discards.
	Logger *slog.Logger
	// Registerer takes the metrics; nil leaves them unregistered.
	Registerer prometheus.Registerer
}

// RetryOptions bound the wait before the n-th retry: a random time up to
// Initial·2ⁿ, at most Max (full jitter).
type RetryOptions struct {
	Initial time.Duration // 250 ms
	Max     time.Duration // 30 s
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
	// Retry says how long to wait between attempts.
	Retry RetryOptions
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
	s.Retry = s.Retry.withDefaults()
	return s
}

func (r RetryOptions) withDefaults() RetryOptions {
	def(&r.Initial, 250*time.Millisecond)
	def(&r.Max, 30*time.Second)
	r.Max = max(r.Max, r.Initial)
	return r
}

func def[T ~int | ~int64](v *T, d T) {
	if *v <= 0 {
		*v = d
	}
}

// check returns everything that is wrong with the settings. No error holds the
// token or a URL's password.
func (s Settings) check(endpoints []*endpoint) error {
	var errs []error
	if len(endpoints) == 0 {
		errs = append(errs, errors.New("no HEC endpoint: name at least one, such as https://splunk:8088"))
	}
	seen := make(map[string]bool)
	for _, e := range endpoints {
		if seen[e.name] {
			errs = append(errs, fmt.Errorf("HEC endpoint %s is named twice", e.name))
		}
		seen[e.name] = true
		if e.basic == "" && s.Token == "" {
			errs = append(errs, fmt.Errorf("no HEC token for endpoint %s", e.name))
		}
	}
	if strings.ContainsFunc(s.Token, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		errs = append(errs, errors.New("the HEC token holds a blank, a line end or a character outside ASCII"))
	}
	return errors.Join(errs...)
}
