package hec

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"syslog-gateway/internal/status"
	"syslog-gateway/internal/throttle"
)

// The states of an endpoint, as /stats shows them.
const (
	stateUp      = "up"
	stateDown    = "down"    // does not answer, or not as HEC
	stateRefused = "refused" // answers that token, channel or certificate are wrong
)

// downAfter is how many failures in a row take an endpoint out, each on a connection of
// its own: one may be a keep-alive connection that the peer had closed, or the one sick
// server behind a balancer.
const downAfter = 2

// endpoint is one HEC and what is known of it. The fields below the line are
// guarded by the pool's mutex. The view is a hint for choosing, never a reason
// not to try: a proxy without a health page must not stop delivery.
type endpoint struct {
	name   string // the URL as people may see it
	event  *url.URL
	ack    *url.URL
	health *url.URL
	basic  string // Authorization by user and password of the URL; else ""
	// address is host and port, to connect to.
	address string
	series  series
	// ---
	state     string
	since     time.Time
	failures  int       // of posts in a row
	sick      int       // failed probes in a row
	busyUntil time.Time // it asked for less
	strained  int       // rounds of asking for less since it has last taken something
	crowded   bool      // its last probe said that its queues are full
	limit     limit     // of inFlight
	retryAt   time.Time // when out: the next trial
	// probation: one request at a time until one has succeeded. It keeps an
	// endpoint that passes its probes but hangs on posts from taking all workers.
	probation bool
	trial     int       // the attempt that is to show whether it works; 0: none
	tried     time.Time // when that began
	trials    int       // such attempts under way, with those no longer waited for
	inFlight  int
	moved     time.Time // the last answer, or the begin of what waits for the first
	requests  uint64
	failed    uint64
	latency   time.Duration // moving average of answered posts
	last      string
	lastAt    time.Time
	unmended  bool // last is the answer to a post that failed: it stays until one succeeds
	aside     Aside
	auth      string // the Authorization of the present settings
	links     links
	gone      bool // it is no longer configured
	confirm   confirm
	probing   bool
	alarm     throttle.Throttle // of the endpoint
	limps     throttle.Throttle // of single connections
}

// EndpointStatus is the state of an endpoint at one moment. State is up, busy, down or
// refused.
type EndpointStatus struct {
	status.Endpoint
	InARow    int       // failures since the last success
	RetryTime time.Time // of the next trial; zero while it is up
}

const collector = "/services/collector"

// newEndpoint reads a configured URL. No error shows its password.
func newEndpoint(raw string, now time.Time) (*endpoint, error) {
	u, err := url.Parse(strings.TrimSpace(raw))
	if err != nil {
		return nil, errors.New("a HEC endpoint is not a URL such as https://splunk:8088 (it is not shown here: it may hold a password)")
	}
	if (u.Scheme != "https" && u.Scheme != "http") || u.Hostname() == "" {
		return nil, fmt.Errorf("HEC endpoint %q is not a URL such as https://splunk:8088", bare(u))
	}
	e := &endpoint{state: stateUp, since: now, limit: unlimited(), address: hostPort(u)}
	if u.User != nil {
		pass, _ := u.User.Password()
		e.basic = "Basic " + base64.StdEncoding.EncodeToString([]byte(u.User.Username()+":"+pass))
	}
	u.User, u.Fragment = nil, ""
	base, path, err := collectorPath(u.Path)
	if err != nil {
		return nil, fmt.Errorf("HEC endpoint %s: %w", bare(u), err)
	}
	at := func(path, query string) *url.URL {
		return &url.URL{Scheme: u.Scheme, Host: u.Host, Path: path, RawQuery: query}
	}
	e.event, e.health, e.ack = at(path, u.RawQuery), at(base+"/health", ""), at(base+"/ack", "")
	e.name = bare(&url.URL{Scheme: u.Scheme, Host: u.Host, Path: strings.TrimSuffix(u.Path, "/")})
	return e, nil
}

// hostPort is what a URL says to connect to.
func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// collectorPath returns the collector's path without and with its last part.
func collectorPath(path string) (base, event string, err error) {
	path = strings.TrimRight(path, "/")
	i := strings.LastIndex(path, collector)
	if i < 0 {
		return path + collector, path + collector + "/event", nil
	}
	base = path[:i+len(collector)]
	switch rest := path[i+len(collector):]; {
	case rest == "" || rest == "/event" || strings.HasPrefix(rest, "/event/"):
		return base, path, nil
	case strings.HasPrefix(rest, "/"):
		return "", "", fmt.Errorf("path %s does not take event objects; name the host only, or %s/event", path, base)
	}
	return path + collector, path + collector + "/event", nil
}

// bare is the URL without user, password, query and fragment.
func bare(u *url.URL) string {
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

// newChannel returns a random GUID, as the header X-Splunk-Request-Channel wants.
func newChannel() string {
	var b [16]byte
	rand.Read(b[:]) // never fails, by its contract
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// authorization is the header that tells HEC who posts.
func (e *endpoint) authorization(token string) string {
	if e.basic != "" {
		return e.basic
	}
	return "Splunk " + token
}

// secrets are what must not be seen of the URL.
func (e *endpoint) secrets() []string {
	if e.basic == "" {
		return nil
	}
	code := strings.TrimPrefix(e.basic, "Basic ")
	plain, _ := base64.StdEncoding.DecodeString(code) // newEndpoint has made it
	_, pass, _ := strings.Cut(string(plain), ":")
	return []string{pass, code}
}

// alike is how long an answer may take for an endpoint to be as good as a faster one.
const alike = 20 * time.Millisecond

// proven reports whether posts are known to work: else there is one at a time.
func (e *endpoint) proven() bool { return e.state == stateUp && !e.probation }

// rank says how good a choice the endpoint is; 0 is best.
func (e *endpoint) rank() int {
	if e.crowded {
		return 1
	}
	return 0
}

// load is the work under way, in microseconds: how many posts, times how long one
// takes. One that answers nothing any more takes as long as that lasts already.
func (e *endpoint) load(now time.Time) int {
	each := max(e.latency, alike)
	if e.inFlight > 0 {
		each = max(each, now.Sub(e.moved))
	}
	return e.inFlight * int(each/time.Microsecond)
}

// strain notes that the endpoint asked for less: it is left alone for a moment, a
// little longer each time.
func (e *endpoint) strain(a answer, now time.Time, r RetryOptions) {
	if !now.Before(e.busyUntil) { // not one of many equal answers
		e.strained++
	}
	rest := min(ceiling(r, e.strained-1), max(r.Initial, busyMax))
	e.rest(max(a.after, rest), now)
}

// rest leaves the endpoint alone for a time.
func (e *endpoint) rest(d time.Duration, now time.Time) {
	if until := now.Add(d); until.After(e.busyUntil) {
		e.busyUntil = until
	}
}

// succeed notes a post that HEC answered as HEC. It reports whether the endpoint
// was out.
func (e *endpoint) succeed(now time.Time) (back bool) {
	back = e.state != stateUp
	if back {
		e.state, e.since = stateUp, now
	}
	e.failures, e.probation = 0, false
	e.retryAt, e.confirm = time.Time{}, confirm{}
	return back
}

// fail notes a failure. It reports whether that took the endpoint out.
func (e *endpoint) fail(a answer, now time.Time, r RetryOptions) (out bool) {
	e.failures++
	e.renewChannels()
	was := e.state
	switch {
	case a.unconfirmed:
		e.state = stateRefused
		e.retryAt = now.Add(unconfirmedRest)
		e.confirm.missing = true
	case was == stateUp && !e.probation && e.failures < downAfter:
		e.rest(a.after, now)
		return false
	case a.condition == refusing:
		e.state = stateRefused
		e.retryAt = now.Add(r.Max)
	default:
		e.state = stateDown
		e.retryAt = now.Add(max(ceiling(r, e.failures), a.after))
	}
	if was != e.state {
		e.since = now
	}
	if was == stateUp {
		e.probation = true
	}
	return was == stateUp
}

// renewChannels is for whatever may have been a restart, and one failure may be all that
// is seen of it: the indexer then counts its ackIds from 0 again, and on a new channel an
// old one cannot be taken for a new one.
func (e *endpoint) renewChannels() {
	for _, l := range e.links.open {
		if l.channel != "" {
			l.channel = newChannel()
		}
	}
}

func (e *endpoint) status(now time.Time, unacked, bound int) EndpointStatus {
	s := EndpointStatus{InARow: e.failures, Endpoint: status.Endpoint{
		URL: e.name, Up: e.state == stateUp, State: e.state, Since: e.since,
		LastAnswer: e.last, InFlight: e.inFlight, Limit: 1, Requests: e.requests, Failures: e.failed,
		LatencyMillis: float64(e.latency) / float64(time.Millisecond),
		Unacked:       unacked, Aside: string(e.aside), Unconfirmed: e.confirm.missing,
	}}
	if e.proven() {
		s.Limit = e.limit.now(bound)
	}
	if s.Up && (e.crowded || now.Before(e.busyUntil)) {
		s.State = "busy"
	}
	if !s.Up {
		s.RetryTime = e.retryAt
	}
	return s
}
