package dialect

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"syslog-gateway/internal/syslog"
)

// Parser reads the messages of one port. It is immutable and safe for concurrent
// use.
type Parser struct{ name string }

var families = [...]string{familyUniFi, familyPAN, familyCisco, familyLinux, familyWindows, Auto}

// own reads what has no family's mark by the rules of the port's family; false
// when it does not know the message either. (A switch and not a table of
// functions: a call through a pointer would move the line to the heap.)
func (p *Parser) own(l *line, r *Result) bool {
	switch p.name {
	case familyUniFi:
		return ownUniFi(l, r)
	case familyPAN:
		return ownPAN(l, r)
	case familyCisco:
		return ownCisco(l, r)
	case familyLinux:
		return ownLinux(l, r)
	case familyWindows:
		return ownWindows(l, r)
	default:
		return ownAuto(l, r)
	}
}

// New returns the parser of a vendor: unifi, palo_alto, cisco_asa, linux,
// windows, or auto for a port that all of them send to.
func New(vendorName string) (*Parser, error) {
	if !slices.Contains(families[:], vendorName) {
		return nil, fmt.Errorf("vendor: %q is none of %s", vendorName, strings.Join(families[:], ", "))
	}
	return &Parser{name: vendorName}, nil
}

// Names lists what New takes.
func Names() []string { return slices.Clone(families[:]) }

// Name returns the name that the parser was made by.
func (p *Parser) Name() string { return p.name }

// line is a message on its way to a Result.
type line struct {
	// text is where the device's own text begins: behind the header, and behind the
	// header that a relay put in front of it.
	text []byte
	// app is the program tag before text; empty when there is none.
	app    []byte
	procID []byte
	// tagged is text with its tag.
	tagged []byte
	// data is the structured data of RFC 5424.
	data []byte
	// rest is everything behind the PRI.
	rest []byte
	// headed says that there is a time, or all of an RFC 5424 header.
	headed bool
	// sequenced says that the header is one of IOS, with sequence numbers.
	sequenced bool
	// prioritised says that there is a PRI.
	prioritised bool
}

// Parse sets *r to what msg is; h is what syslog.Scan found in msg. It never
// fails and does not allocate, but for the buffer of r when that has to grow.
func (p *Parser) Parse(msg []byte, h *syslog.Header, r *Result) {
	whole := r.whole
	*r = Result{}
	r.Body, r.whole = msg, whole
	if p.rejoin(msg, h, ByHeader, r) {
		return
	}
	l := newLine(h, ByHeader, r)
	p.read(&l, r)
}

// read tells what a line is.
func (p *Parser) read(l *line, r *Result) {
	switch {
	case l.marked(r):
	case p.relayed(l, r):
	case len(l.app) == 0 && l.markedBehind(r):
	case p.own(l, r):
	default:
		r.unknown()
	}
}

// unknown makes a fallback event of what no rule knows.
func (r *Result) unknown() {
	r.setClass(Fallback, ByNothing)
	r.Unparsed = true
}

// newLine makes a line of a header, and of its fields the first guess of the
// Result.
func newLine(h *syslog.Header, by Reason, r *Result) line {
	// Not the header itself: what a Result keeps of a line would move it to the heap.
	l := line{
		text: h.Content, app: h.AppName, procID: h.ProcID, tagged: h.Tagged,
		data: h.StructuredData, rest: h.Rest, headed: h.Shape != syslog.Bare,
		sequenced: h.Shape == syslog.CiscoSequence, prioritised: h.Priority != syslog.NoPriority,
	}
	if string(l.app) == "syslog-ng" && bytes.HasPrefix(l.text, relayError) {
		l.text, l.app, l.procID = l.text[len(relayError):], nil, nil
	}
	if h.Stamp.Exists() {
		r.Stamp, r.TimeBy = r.zoned(h.Stamp), by
	}
	if h.Host != nil {
		r.Host, r.HostBy = h.Host, by
	}
	return l
}

// relayError precedes a message that syslog-ng could not parse and sends all the same:
// an XML event without a header.
var relayError = []byte("Error processing log message: ")

// relayed reads the device's own header where a relay has put its own in front:
// "Sep 25 15:47:07 relay : Sep 25 15:47:07 EDT: %ASA-…", "<13>… 372 <14>1 …". The
// message is then read as if the relay had not touched it; only a host name that
// the device did not give is taken from the relay's header. False, and nothing
// changed, when what follows the header is text that begins with a time.
func (p *Parser) relayed(outer *line, r *Result) bool {
	text, name := outer.inner()
	if len(text) == 0 {
		return false
	}
	text = text[octetCount(text):]
	var inner syslog.Header
	syslog.Scan(text, &inner)
	if inner.Shape == syslog.Bare && inner.Priority == syslog.NoPriority {
		return false
	}
	if p.rejoin(r.Body, &inner, ByInnerHeader, r) {
		return true
	}
	saved := *r
	l := newLine(&inner, ByInnerHeader, r)
	if r.HostBy != ByInnerHeader {
		r.setHost(name, ByTag)
	}
	if l.marked(r) || len(l.app) == 0 && l.markedBehind(r) || inner.Shape == syslog.Bare && p.relayed(&l, r) {
		return true
	}
	named := inner.Shape == syslog.BSD || inner.Shape == syslog.RFC5424 || len(inner.AppName) != 0
	if !named || r.HostBy != ByInnerHeader || len(outer.app) != 0 {
		*r = saved
		return false
	}
	if !p.own(&l, r) {
		r.unknown()
	}
	return true
}

// inner returns where the device's own header may begin behind a relay's; empty when
// it cannot be one. Of IOS a relay takes the sequence number for the tag ("94: Nov
// 30 …: %SYS-…"), or the name of the device ("sw1: 000090: Nov 30 …: %SYS-…").
func (l *line) inner() (text, name []byte) {
	text = syslog.SkipBlanks(l.text)
	switch {
	case len(l.app) == 0:
		text = behindColon(bytes.TrimPrefix(text, invalidPRI))
		if beginsHeader(text) {
			return text, nil
		}
	case len(l.procID) != 0 || len(text) == 0:
	case syslog.IsNumber(l.app):
		if hasIdentifier(text) {
			return l.tagged, nil
		}
	case beginsIOS(text) && hasIdentifier(text):
		return text, l.app
	}
	return nil, nil
}

// invalidPRI is what rsyslog writes for the PRI of a message that begins with '<' and
// has none: an XML event without a header.
var invalidPRI = []byte("<invld>")

// behindColon drops the ':' that stands between a host and what follows.
func behindColon(p []byte) []byte {
	if len(p) > 1 && p[0] == ':' {
		return syslog.SkipBlanks(p[1:])
	}
	return p
}

// beginsIOS is a cheap look at whether a time of IOS or a sequence number may begin
// at p: "*Nov 30 …", "2026 Nov 30 …", "000090: …".
func beginsIOS(p []byte) bool {
	return p[0] == '*' || p[0] == '.' || syslog.IsDigit(p[0]) || len(p) > 3 && p[3] == ' ' && syslog.IsUpper(p[0])
}

// beginsHeader is a cheap look at whether another header may begin at p.
func beginsHeader(p []byte) bool {
	if len(p) < 17 {
		return false
	}
	if p[0] == '*' || p[0] == '.' {
		p = p[1:]
	}
	switch {
	case p[0] == '<':
		return syslog.IsDigit(p[1])
	case p[3] == ' ' && syslog.IsLetter(p[0]):
		return bytes.IndexByte(p[6:16], ':') >= 0
	case p[4] == '-', p[4] == ' ' && syslog.IsUpper(p[5]):
		return syslog.IsDigit(p[0])
	case p[0] == '1' && p[1] == ' ': // RFC 5424, its PRI taken by the relay
		return p[6] == '-'
	}
	return octetCount(p) != 0 || syslog.IsDigit(p[0]) && hasIdentifier(p)
}

// octetCount returns the length of the "NNN " of RFC 6587 before a PRI, or 0.
func octetCount(p []byte) int {
	i := 0
	for i < len(p) && i < 6 && syslog.IsDigit(p[i]) {
		i++
	}
	if i == 0 || i+2 >= len(p) || p[i] != ' ' || p[i+1] != '<' || !syslog.IsDigit(p[i+2]) {
		return 0
	}
	return i + 1
}

// marked looks for a mark that only one family has, at the front of the text, in
// the structured data or as the tag, and reads the message as that family's.
func (l *line) marked(r *Result) bool {
	switch {
	case l.mark(syslog.SkipBlanks(l.text), r):
		return true
	case isNXLogData(l.data):
		return l.windowsSyslog(r)
	}
	return len(l.app) != 0 && l.markedTag(r)
}

// maxWords is how many words without meaning may stand between the header and a
// mark: a doubled host, a colon, "Master", the "May 00 00:00:00" of a clock that was
// never set.
const maxWords = 4

// markedBehind looks for a mark behind the words that devices and relays put
// between the header and the text.
func (l *line) markedBehind(r *Result) bool {
	at := l.text
	var before []byte
	for n := range maxWords {
		i := bytes.IndexByte(head(at, 80), ' ')
		strange := n == 0 && l.headed && len(r.Host) == 0 // in the place of the host
		if i < 0 || !isFiller(at[:i]) && (!strange || bytes.IndexByte(at[:i], ',') >= 0) {
			return false
		}
		before = at[:i]
		at = syslog.SkipBlanks(at[i+1:])
		if l.mark(at, r) {
			if len(r.Host) == 0 {
				r.setHost(bytes.TrimSuffix(before, colonSign), ByHeader)
			}
			return true
		}
	}
	return false
}

// isFiller reports whether a word may stand before a mark: a name, also one that no
// host can have, with or without a colon, or a lone colon or dash; but no word of a text
// with a form of its own.
func isFiller(w []byte) bool {
	for _, c := range w {
		if c <= ' ' || formByte[c] {
			return false
		}
	}
	return true
}

var colonSign = []byte(":")

var formByte = func() (t [256]bool) {
	for _, c := range `,;="%<>{}[]` {
		t[c] = true
	}
	return t
}()

// markedTag looks for the tags that only one family uses.
func (l *line) markedTag(r *Result) bool {
	switch l.app[0] {
	case 'S':
		return string(l.app) == "SFIMS" && l.firepower(r)
	case 'E':
		return string(l.app) == "EvntSLog" && l.windowsSyslog(r)
	case 'M':
		return hasPrefix(l.app, "Microsoft-Windows-") && l.windowsSyslog(r)
	}
	return false
}

// mark reads the message as that of the family whose mark stands at the front of
// p; false when there is none.
func (l *line) mark(p []byte, r *Result) bool {
	if len(p) < 5 {
		return false
	}
	switch p[0] {
	case '%':
		return l.cisco(p, r)
	case '<':
		p = behindProlog(p)
		return isEvent(p) && l.windowsXML(p, r)
	case '{':
		return l.markJSON(p, r)
	case '[':
		return isChain(p) && l.unifiFirewall(r)
	case '(':
		return l.unifiTag(p, r)
	case 'C':
		if hasPrefix(p, "CEF:") {
			return l.cef(p, r)
		}
	case 'L':
		if hasPrefix(p, "LEEF:") {
			return l.leef(p, r)
		}
	case 'M':
		if hasPrefix(p, snareTag) {
			return l.snare(p, nil, r)
		}
	}
	return l.markColumns(p, r)
}

// markColumns looks for the marks that are made of columns: UniFi device tags,
// PAN-OS lines, Snare lines without a syslog header.
func (l *line) markColumns(p []byte, r *Result) bool {
	for i, c := range head(p, 80) {
		switch {
		case c == ',':
			return l.unifiTag(p, r) || l.panCSV(p, i, r)
		case c == '\t':
			return hasPrefix(p[i+1:], snareTag) && l.snare(p[i+1:], p[:i], r)
		case c == '#' && hasPrefix(p[i:], escapedTab+snareTag):
			return l.snare(p[i+len(escapedTab):], p[:i], r)
		case c <= ' ':
			return false
		}
	}
	return false
}

// markJSON looks for the keys that only one family's JSON has.
func (l *line) markJSON(p []byte, r *Result) bool {
	switch {
	case isNetconsole(p):
		return l.netconsole(r)
	case p[1] != '"' && p[1] != ' ':
		return false
	case isNXLogJSON(p):
		return l.nxlogJSON(p, r)
	case isPANJSON(p):
		return l.panJSON(p, r)
	}
	return false
}

// cef reads a CEF message as its vendor's. That of a vendor who is none of the
// families has no mark.
func (l *line) cef(p []byte, r *Result) bool {
	c := parseCEF(p)
	switch {
	case bytes.EqualFold(c.vendor, cefUbiquiti):
		return l.unifiCEF(&c, r)
	case bytes.EqualFold(c.vendor, cefPAN):
		return l.panCEF(&c, r)
	case bytes.EqualFold(c.vendor, cefMicrosoft), bytes.EqualFold(c.vendor, cefMCAS):
		return l.windowsCEF(&c, r)
	}
	return false
}

var (
	cefUbiquiti  = []byte("Ubiquiti")
	cefPAN       = []byte("Palo Alto Networks")
	cefMicrosoft = []byte("Microsoft")
	cefMCAS      = []byte("MCAS")
	cefArcSight  = []byte("ArcSight") // what a connector says of itself
)
