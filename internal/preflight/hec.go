package preflight

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"syslog-gateway/internal/hec/endpoints"
	"syslog-gateway/internal/printable"
	"syslog-gateway/internal/redact"
)

// HEC is how the gateway reaches Splunk.
type HEC struct {
	Endpoints []string // base URLs
	Token     string   // "": there is none, and what needs it is not checked
	TLS       *tls.Config
	CAFile    string // of TLS, for sentences
	Ack       bool   // hec.ack.enabled
	// Indexes are those that events may go to; "" is the default one of the token.
	Indexes []string
	// SendEvents sends one event to each index; otherwise no event is sent.
	SendEvents bool
}

// The limits of a check of one endpoint, in which it ends whatever the server does.
const (
	endpointTime = 4 * time.Second
	stepTime     = 2 * time.Second
	maxAnswer    = 64 << 10
	maxIndexes   = 64 // that get an event
	maxShown     = 160
)

// Checks returns one check for each endpoint.
func (h HEC) Checks() []Check {
	var checks []Check
	for _, raw := range h.Endpoints {
		checks = append(checks, func(ctx context.Context) []Finding {
			all, err := endpoints.Parse([]string{raw})
			if err != nil {
				return one("hec.endpoints", Failed, err.Error())
			}
			ctx, cancel := context.WithTimeout(ctx, endpointTime)
			defer cancel()
			p := &probe{HEC: h, at: all[0], channel: endpoints.NewChannel()}
			p.hide.Add(h.Token)
			p.transport = endpoints.NewTransport(h.TLS)
			defer p.transport.CloseIdleConnections()
			p.run(ctx)
			return p.found
		})
	}
	return checks
}

// probe is the check of one endpoint.
type probe struct {
	HEC
	at        endpoints.Address
	transport *http.Transport
	channel   string
	hide      redact.Secrets
	clock     bool // the clock is compared
	found     []Finding
}

func (p *probe) say(what string, result Result, format string, args ...any) {
	text := p.hide.Text(fmt.Sprintf(format, args...))
	p.found = append(p.found, Finding{p.at.Name + " " + what, result, printable.Fold(printable.Dots(text))})
}

// run takes one step after the other, until one shows that the next cannot work.
func (p *probe) run(ctx context.Context) {
	if proxy, err := p.transport.Proxy(&http.Request{URL: p.at.Event}); err == nil && proxy != nil {
		p.say("proxy", OK, "%s is used, as HTTPS_PROXY or HTTP_PROXY says here; the service needs the same variable (/etc/default/syslog-gateway)", proxy.Host)
	} else if !p.resolve(ctx) || !p.connect(ctx) {
		return
	}
	if p.health(ctx) && p.token(ctx) {
		p.ack(ctx)
		p.indexes(ctx)
	}
}

// resolve finds the addresses of the host.
func (p *probe) resolve(ctx context.Context) bool {
	host := p.at.Event.Hostname()
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, stepTime)
	defer cancel()
	all, err := net.DefaultResolver.LookupHost(ctx, host)
	dns := new(net.DNSError)
	switch {
	case err == nil:
		p.say("name", OK, "%s is %s", host, strings.Join(all[:min(len(all), 8)], ", "))
	case errors.As(err, &dns) && dns.IsNotFound:
		p.say("name", Failed, "there is no host %s: correct hec.endpoints, or the name servers of this machine (/etc/resolv.conf)", host)
	default:
		p.say("name", Failed, "the name servers of this machine give no answer for %s (%v): correct /etc/resolv.conf, or a firewall that blocks port 53", host, reason(err))
	}
	return err == nil
}

// connect makes a connection, and with https a handshake, to see what exactly is wrong.
func (p *probe) connect(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, stepTime)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", p.address())
	switch {
	case err == nil:
	case errors.Is(err, syscall.ECONNREFUSED):
		p.say("connection", Failed, "nothing listens at %s: is HEC enabled in Splunk (Settings, Data inputs, HTTP Event Collector, Global Settings), and is the port right? HEC uses 8088", p.address())
	case ctx.Err() != nil || isTimeout(err):
		p.say("connection", Failed, "%s does not answer: a firewall drops the connection, or the host is down", p.address())
	default:
		p.say("connection", Failed, "%s cannot be reached: %v. Check the address, the route and firewalls", p.address(), reason(err))
	}
	if err != nil {
		return false
	}
	defer conn.Close()
	if p.at.Event.Scheme == "http" {
		p.say("connection", OK, "%s answers, without TLS: whoever reads the network can read the token", p.address())
		return true
	}
	conf := p.tlsConfig()
	secure := tls.Client(conn, conf)
	if err := secure.HandshakeContext(ctx); err != nil {
		p.handshakeFailed(ctx, conf, err)
		return false
	}
	p.certificate(conf, secure.ConnectionState())
	return true
}

func (p *probe) tlsConfig() *tls.Config {
	conf := p.TLS.Clone()
	if conf == nil {
		conf = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if conf.ServerName == "" {
		conf.ServerName = p.at.Event.Hostname()
	}
	return conf
}

// address is host and port to connect to.
func (p *probe) address() string { return p.hostPort(p.at.Event) }

func (*probe) hostPort(u *url.URL) string {
	if u.Port() != "" {
		return u.Host
	}
	return net.JoinHostPort(u.Hostname(), map[string]string{"http": "80", "https": "443"}[u.Scheme])
}

// certificate says what the server has shown.
func (p *probe) certificate(conf *tls.Config, state tls.ConnectionState) {
	leaf := state.PeerCertificates[0]
	what := fmt.Sprintf("%s, certificate of %q by %q", tls.VersionName(state.Version), leaf.Subject.CommonName, leaf.Issuer.CommonName)
	left := time.Until(leaf.NotAfter)
	switch {
	case conf.InsecureSkipVerify:
		p.say("TLS", Warning, "%s is not verified: hec.tls.insecure_skip_verify is set, so whoever is between can read the token. Set hec.tls.ca_file instead", what)
	case left < warnBefore:
		p.say("TLS", Warning, "%s ends on %s: renew it before", what, leaf.NotAfter.UTC().Format(time.DateOnly))
	default:
		p.say("TLS", OK, "%s, valid until %s", what, leaf.NotAfter.UTC().Format(time.DateOnly))
	}
}

// warnBefore is how long before its end a certificate is warned about.
const warnBefore = 14 * 24 * time.Hour

// handshakeFailed says why there is no TLS.
func (p *probe) handshakeFailed(ctx context.Context, conf *tls.Config, err error) {
	var (
		unknown x509.UnknownAuthorityError
		name    x509.HostnameError
		invalid x509.CertificateInvalidError
		plain   tls.RecordHeaderError
	)
	switch {
	case errors.As(err, &plain):
		p.say("TLS", Failed, "%s does not speak TLS: write http:// in hec.endpoints, or better turn on SSL in Splunk (HTTP Event Collector, Global Settings, Enable SSL)", p.address())
	case errors.As(err, &unknown):
		trusts := "the CAs of this machine do not have it"
		if p.CAFile != "" {
			trusts = p.CAFile + " does not have it"
		}
		issuer := "an unknown CA"
		if unknown.Cert != nil {
			issuer = fmt.Sprintf("%q", unknown.Cert.Issuer.CommonName)
		}
		p.say("TLS", Failed, "the certificate is signed by %s, and %s: put the certificate of that CA into a file and name it in hec.tls.ca_file", issuer, trusts)
	case errors.As(err, &name):
		names := slices.Concat(name.Certificate.DNSNames, addresses(name.Certificate))
		if len(names) == 0 {
			p.say("TLS", Failed, "the certificate has the name %s only as its common name, which does not count (RFC 9525): give HEC a certificate with subject alternative names, for one `gateway tls init`",
				name.Certificate.Subject.CommonName)
			return
		}
		p.say("TLS", Failed, "the certificate is not for %s but for %s: use such a name in hec.endpoints, or set hec.tls.server_name to one", conf.ServerName, strings.Join(names[:min(len(names), 5)], ", "))
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		p.say("TLS", Failed, "the certificate is valid from %s until %s, and this machine's clock says %s: renew the certificate, or correct the clock",
			invalid.Cert.NotBefore.UTC().Format(time.DateOnly), invalid.Cert.NotAfter.UTC().Format(time.DateOnly), time.Now().UTC().Format(time.DateOnly))
	case ctx.Err() != nil || isTimeout(err):
		p.say("TLS", Failed, "%s takes the connection and then says nothing: is this port really HEC? Otherwise the server hangs, or a firewall between them does", p.address())
	default:
		p.say("TLS", Failed, "the TLS handshake fails: %v", reason(err))
	}
}

func addresses(c *x509.Certificate) (all []string) {
	for _, ip := range c.IPAddresses {
		all = append(all, ip.String())
	}
	return all
}

// answer is what came back of a request.
type answer struct {
	status int
	isHEC  bool
	code   int
	text   string // of HEC, or what came instead
	acks   bool
	date   time.Time
}

// String is the answer in a sentence.
func (a answer) String() string {
	if a.isHEC {
		return fmt.Sprintf("%d %s (HEC code %d)", a.status, a.text, a.code)
	}
	return fmt.Sprintf("%d, which is no answer of HEC: %s", a.status, a.text)
}

// ask sends one request and reads its answer.
func (p *probe) ask(ctx context.Context, method string, to *url.URL, token bool, body any) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, stepTime)
	defer cancel()
	var data []byte
	if body != nil {
		var err error
		if data, err = json.Marshal(body); err != nil {
			return answer{}, err
		}
	}
	request, err := http.NewRequestWithContext(ctx, method, to.String(), bytes.NewReader(data))
	if err != nil {
		return answer{}, err
	}
	request.Header.Set("User-Agent", "syslog-gateway")
	if token {
		request.Header.Set("Authorization", "Splunk "+p.Token)
		request.Header.Set("X-Splunk-Request-Channel", p.channel)
	}
	response, err := p.transport.RoundTrip(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	got, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	a := answer{status: response.StatusCode}
	a.date, _ = http.ParseTime(response.Header.Get("Date")) // zero without one
	p.read(&a, got)
	return a, err
}

// read understands the body of an answer.
func (p *probe) read(a *answer, body []byte) {
	var h struct {
		Text string          `json:"text"`
		Code *int            `json:"code"`
		Acks map[string]bool `json:"acks"`
	}
	parsed := json.Unmarshal(body, &h) == nil
	switch {
	case parsed && h.Code != nil:
		a.isHEC, a.code, a.text = true, *h.Code, h.Text
	case parsed && h.Acks != nil:
		a.isHEC, a.acks = true, true
	case len(body) == 0:
		a.text = "nothing"
	default:
		a.text = string(body[:min(len(body), 1000)])
	}
	a.text = printable.Cut(printable.Fold(printable.Dots(p.hide.Text(a.text))), maxShown)
}

// health asks whether HEC is there and well.
func (p *probe) health(ctx context.Context) bool {
	before := time.Now()
	a, err := p.ask(ctx, http.MethodGet, p.at.Health, false, nil)
	switch {
	case err != nil:
		p.unanswered(ctx, "health", err)
		return false
	case a.status == http.StatusBadRequest && p.at.Event.Scheme == "http" && p.speaksTLS(ctx):
		p.say("health", Failed, "the server speaks TLS: write https:// in hec.endpoints")
		return false
	}
	p.compareClocks(a, before)
	switch {
	case a.isHEC && a.status == http.StatusOK:
		p.say("health", OK, "%s", a)
		return true
	case a.isHEC && a.status == http.StatusServiceUnavailable:
		p.say("health", Failed, "HEC is there but takes nothing now: %s. The gateway would keep its events on disk until it does", a)
		return true
	case a.isHEC:
		p.say("health", Warning, "HEC answers with %s", a)
		return true
	case a.status == http.StatusNotFound, a.status/100 == 3, a.status == http.StatusOK, a.status == http.StatusMethodNotAllowed:
		p.say("health", Failed, "there is no HEC at %s: it answers %s. Splunk's page is on port 8000 and its management on 8089; HEC is on 8088", p.at.Health, a)
		return false
	}
	// A proxy may keep the path of the health to itself: the token will show.
	p.say("health", Warning, "%s answers %s", p.at.Health, a)
	return true
}

// unanswered says why a request has no answer.
func (p *probe) unanswered(ctx context.Context, what string, err error) {
	switch {
	case p.at.Event.Scheme == "http" && p.speaksTLS(ctx):
		p.say(what, Failed, "the server speaks TLS: write https:// in hec.endpoints")
	case ctx.Err() != nil || isTimeout(err):
		p.say(what, Failed, "%s takes requests and does not answer: the server is overloaded, or this is not HEC", p.address())
	default:
		p.say(what, Failed, "no answer: %v", reason(err))
	}
}

// speaksTLS reports whether there is TLS behind an http URL.
func (p *probe) speaksTLS(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	d := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}} // nothing is sent
	conn, err := d.DialContext(ctx, "tcp", p.address())
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

// The clocks of two machines with NTP differ by less.
const maxSkew = 5 * time.Second

// compareClocks compares the endpoint's clock, which has whole seconds, with this one.
func (p *probe) compareClocks(a answer, before time.Time) {
	if a.date.IsZero() || p.clock {
		return
	}
	p.clock = true
	skew := time.Duration(0)
	switch after := time.Now(); {
	case a.date.Add(time.Second).Before(before):
		skew = before.Sub(a.date)
	case a.date.After(after):
		skew = after.Sub(a.date)
	}
	switch {
	case skew.Abs() <= maxSkew:
		p.say("clock", OK, "the same as here")
	case skew > 0:
		p.say("clock", Warning, "this machine is %s ahead of the endpoint: turn on NTP on both (`timedatectl`), or events have wrong times", skew.Round(time.Second))
	default:
		p.say("clock", Warning, "this machine is %s behind the endpoint: turn on NTP on both (`timedatectl`), or events have wrong times", (-skew).Round(time.Second))
	}
}

// token posts nothing: HEC looks at the token first, and answers code 5 to a good one.
func (p *probe) token(ctx context.Context) bool {
	if p.Token == "" {
		p.say("token", NotChecked, "there is no token here, so neither indexes nor acknowledgement are checked")
		return false
	}
	a, err := p.ask(ctx, http.MethodPost, p.at.Event, true, nil)
	if err != nil {
		p.unanswered(ctx, "token", err)
		return false
	}
	const (
		accepted, disabled, required, malformed, invalid, noData, busy = 0, 1, 2, 3, 4, 5, 9
	)
	switch {
	case !a.isHEC:
		p.say("token", Failed, "posts are answered with %s. Does a proxy in between let POST %s through?", a, p.at.Event.Path)
		return false
	case a.code == noData, a.code == accepted && a.status == http.StatusOK:
		p.say("token", OK, "it is accepted")
		return true
	case a.code == disabled:
		p.say("token", Failed, "the token is disabled: enable it in Splunk (Settings, Data inputs, HTTP Event Collector)")
	case a.code == invalid, a.code == required, a.code == malformed:
		p.say("token", Failed, "the token is not accepted (%s): copy it again from Splunk (Settings, Data inputs, HTTP Event Collector); "+
			"it must exist on each server behind this address", a)
	case a.code == busy, a.status == http.StatusServiceUnavailable:
		p.say("token", Warning, "HEC is too busy to say (%s): try again", a)
	default:
		p.say("token", Failed, "HEC refuses posts: %s", a)
	}
	return false
}

// ack polls an acknowledgement: HEC answers code 14 where the token has none.
func (p *probe) ack(ctx context.Context) {
	const ackDisabled = 14
	a, err := p.ask(ctx, http.MethodPost, p.at.Ack, true, map[string][]int64{"acks": {0}})
	switch {
	case err != nil:
		p.unanswered(ctx, "acknowledgement", err)
	case a.acks && p.Ack:
		p.say("acknowledgement", OK, "the token has it, and hec.ack.enabled is set")
	case a.acks:
		p.say("acknowledgement", Warning, "the token has it, but hec.ack.enabled is not set, so Splunk keeps acknowledgements that nobody asks for, and refuses events in the end: set it, or turn it off for the token")
	case a.code == ackDisabled && p.Ack:
		p.say("acknowledgement", Failed, "hec.ack.enabled is set, but the token has no indexer acknowledgement: turn it on in Splunk (Edit the token, Enable indexer acknowledgement), or set hec.ack.enabled: false")
	case a.code == ackDisabled:
		p.say("acknowledgement", OK, "off for the token, as hec.ack.enabled says")
	case p.Ack:
		p.say("acknowledgement", Failed, "it cannot be asked for: %s", a)
	default:
		p.say("acknowledgement", OK, "the endpoint has none, and hec.ack.enabled is not set")
	}
}

// indexes sends one event to each index, if it may.
func (p *probe) indexes(ctx context.Context) {
	if len(p.Indexes) == 0 {
		return
	}
	names := make([]string, len(p.Indexes))
	for i, index := range p.Indexes {
		names[i] = indexWord(index)
	}
	if !p.SendEvents {
		p.say("indexes", NotChecked, "only an event shows whether the token may write to %s: --send-events sends one to each", brief(names))
		return
	}
	host, _ := os.Hostname() // an event without a host is good, too
	var taken []string
	for i, index := range p.Indexes[:min(len(p.Indexes), maxIndexes)] {
		event := map[string]string{"event": "gateway check --send-events: may this token write to this index?", "host": host, "source": "gateway check", "sourcetype": "syslog_gateway:check"}
		if index != "" {
			event["index"] = index
		}
		a, err := p.ask(ctx, http.MethodPost, p.at.Event, true, event)
		const accepted, incorrectIndex = 0, 7
		switch {
		case err != nil:
			p.unanswered(ctx, "index "+names[i], err)
			return
		case a.isHEC && a.code == accepted && a.status == http.StatusOK:
			taken = append(taken, names[i])
		case a.isHEC && a.code == incorrectIndex:
			p.say("index "+names[i], Failed, "it does not exist, or the token may not write to it: make the index in Splunk, and add it to the token's allowed indexes; until then its events become dead letters")
		default:
			p.say("index "+names[i], Failed, "an event is refused: %s", a)
		}
	}
	if len(taken) > 0 {
		p.say("indexes", OK, "an event was taken for %s; search in Splunk: index=* sourcetype=syslog_gateway:check", brief(taken))
	}
	if n := len(p.Indexes) - maxIndexes; n > 0 {
		p.say("indexes", NotChecked, "%d more: no more than %d events are sent", n, maxIndexes)
	}
}

func indexWord(index string) string {
	if index == "" {
		return "the default index of the token"
	}
	return index
}

// brief lists names, and says how many more there are.
func brief(names []string) string {
	const most = 12
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}

func isTimeout(err error) bool {
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout() || errors.Is(err, context.DeadlineExceeded)
}

// reason is the innermost text of a network error, without addresses that the sentence has.
func reason(err error) error {
	var op *net.OpError
	if errors.As(err, &op) && op.Err != nil {
		return op.Err
	}
	var at *url.Error
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}
