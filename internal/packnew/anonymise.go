package packnew

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// anonymiser replaces what names people, devices and places of a site. The same name gets the
// same replacement in all lines of a run.
type anonymiser struct {
	// replaced are the replacements by kind and name; count is how many there are of a kind.
	replaced map[string]string
	count    map[string]int
	// hosts and users are names that were seen where only such names are. They are replaced
	// wherever they stand.
	hosts, users map[string]bool
	// parts are the replacements of the line at hand. In the text stands their number, so
	// that no rule sees what another has written.
	parts []string
}

func newAnonymiser() *anonymiser {
	return &anonymiser{replaced: map[string]string{}, count: map[string]int{}, hosts: map[string]bool{}, users: map[string]bool{}}
}

var (
	email  = regexp.MustCompile(`[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}`)
	mac    = regexp.MustCompile(`\b(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}\b|\b[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\b`)
	ipv6   = regexp.MustCompile(`[0-9A-Fa-f]*:[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*[0-9A-Fa-f]`)
	ipv4   = regexp.MustCompile(`\b\d{1,3}(?:\.\d{1,3}){3}\b`)
	fqdn   = regexp.MustCompile(`\b[A-Za-z0-9][A-Za-z0-9-]*(?:\.[A-Za-z0-9][A-Za-z0-9-]*)*\.(?:com|net|org|edu|gov|io|eu|local|localdomain|lan|corp|internal|intranet|intra|home|arpa|cloud|info|de|at|ch|fr|uk|us|nl|es|it|pl|cz|se|no|dk|fi|be|ca|au|jp|cn|in|br|ru)\b`)
	serial = regexp.MustCompile(`\b[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\b|\b[0-9a-f]{12,}\b|\b[A-Z0-9]{8,}\b|\d{7,}`)
	token  = regexp.MustCompile(`[A-Za-z0-9][A-Za-z0-9_.-]*`)

	// A key and its value: name, what is between them, the value in quotes or without.
	secretKey = keyed(`pass|password|passwd|passphrase|pwd|secret|token|api_?key|psk|community`)
	userKey   = keyed(`user|usr|user_?name|usr_?name|user_?id|uname|login|account|account_?name|acct|logname|owner|admin`)
	hostKey   = keyed(`host|host_?name|dev_?name|device_?name|computer|computer_?name|machine|workstation|server|server_?name|sysname|node|node_?name|dvchost|domain`)
	userWord  = regexp.MustCompile(`(?i)(\b(?:(?:for|by|of) (?:invalid )?user |user ["'\[]))()["'\[]?([A-Za-z0-9_.@\\-]+)`)
	userPath  = regexp.MustCompile(`(?i)((?:/home/|\\Users\\))()([A-Za-z0-9_.-]+)`)
)

func keyed(names string) *regexp.Regexp {
	return regexp.MustCompile(`(?i)(\b(?:[a-z0-9]+[_.-]|src_?|dst_?|remote_?|local_?|s|d)?(?:` + names + `)(?:"?\s*=\s*|"\s*:\s*))(?:"([^"]*)"|'?([A-Za-z0-9][^\s",;|&'\]\)}]*))`)
}

// common are values of user keys that name nobody, and words that are no name of a host.
var common = map[string]bool{
	"root": true, "admin": true, "administrator": true, "user": true, "system": true, "none": true, "unknown": true, "null": true,
	"nobody": true, "guest": true, "true": true, "false": true, "yes": true, "no": true, "localhost": true, "local": true, "any": true,
	"login": true, "logout": true, "success": true, "failed": true, "failure": true, "n/a": true, "name": true, "test": true,
}

// learn remembers the names in a line that are in places where only such names are.
func (a *anonymiser) learn(line string) {
	for _, m := range hostKey.FindAllStringSubmatch(line, -1) {
		a.learnHost(m[2] + m[3])
	}
	for _, re := range []*regexp.Regexp{userKey, userWord, userPath} {
		for _, m := range re.FindAllStringSubmatch(line, -1) {
			name := m[2] + m[3]
			if i := strings.LastIndexAny(name, `\`); i >= 0 {
				name = name[i+1:]
			}
			if name = strings.ToLower(name); len(name) >= 3 && !common[name] && strings.Trim(name, "0123456789") != "" {
				a.users[name] = true
			}
		}
	}
}

// learnHost remembers the name of a device, with and without its domain, if it can be told
// from a word.
func (a *anonymiser) learnHost(name string) {
	if _, err := netip.ParseAddr(name); err == nil {
		return
	}
	name = strings.ToLower(name)
	short, _, _ := strings.Cut(name, ".")
	for _, name := range []string{name, short} {
		if !common[name] && (len(name) >= 4 || strings.ContainsAny(name, "0123456789-")) {
			a.hosts[name] = true
		}
	}
}

// line returns a line without names. The first head bytes and the words of keep stay.
func (a *anonymiser) line(text string, head int, keep []string) string {
	type span struct{ from, to int }
	spans := []span{{0, head}}
	for _, word := range keep {
		if i := strings.Index(text[head:], word); i >= 0 && word != "" {
			spans = append(spans, span{head + i, head + i + len(word)})
		}
	}
	slices.SortFunc(spans, func(x, y span) int { return x.from - y.from })
	var out strings.Builder
	at := 0
	for _, s := range spans {
		if s.from < at {
			if s.to <= at {
				continue
			}
			s.from = at
		}
		out.WriteString(a.text(text[at:s.from]))
		out.WriteString(text[s.from:s.to])
		at = s.to
	}
	out.WriteString(a.text(text[at:]))
	return out.String()
}

// text returns a part of a line without names.
func (a *anonymiser) text(text string) string {
	a.parts = a.parts[:0]
	text = each(email, text, func(m string) (string, bool) {
		name, _, _ := strings.Cut(m, "@")
		return a.user(name) + "@example.com", true
	}, a)
	text = each(mac, text, a.mac, a)
	text = each(ipv6, text, a.ipv6, a)
	text = each(ipv4, text, a.ipv4, a)
	text = a.values(secretKey, text, func(string) string { return "secret" })
	for _, re := range []*regexp.Regexp{userKey, userWord, userPath} {
		text = a.values(re, text, a.user)
	}
	text = a.values(hostKey, text, a.host)
	text = each(fqdn, text, func(m string) (string, bool) { return a.host(m), true }, a)
	text = each(token, text, a.learned, a)
	text = each(serial, text, a.serial, a)
	return part.ReplaceAllStringFunc(text, func(m string) string {
		n, _ := strconv.Atoi(strings.Trim(m, begin+end))
		return a.parts[n]
	})
}

// The marks around the number of a replacement: characters of private use.
const begin, end = "\uE000", "\uE001"

var part = regexp.MustCompile(begin + `\d+` + end)

// mark returns what stands for a replacement until the line is done.
func (a *anonymiser) mark(text string) string {
	a.parts = append(a.parts, text)
	return begin + strconv.Itoa(len(a.parts)-1) + end
}

// each replaces what an expression finds, if new says so.
func each(re *regexp.Regexp, text string, replace func(string) (string, bool), a *anonymiser) string {
	return re.ReplaceAllStringFunc(text, func(m string) string {
		if out, ok := replace(m); ok {
			return a.mark(out)
		}
		return m
	})
}

// values replaces the values of keys.
func (a *anonymiser) values(re *regexp.Regexp, text string, replace func(string) string) string {
	var out strings.Builder
	at := 0
	for _, m := range re.FindAllStringSubmatchIndex(text, -1) {
		from, to := m[4], m[5]
		if from < 0 || from == to {
			from, to = m[6], m[7]
		}
		if from < 0 || from == to || strings.Contains(text[from:to], begin) {
			continue
		}
		out.WriteString(text[at:from])
		out.WriteString(a.mark(replace(text[from:to])))
		at = to
	}
	return out.String() + text[at:]
}

// as returns the replacement of a name of a kind, made by its number from 0 on first use.
func (a *anonymiser) as(kind, name string, make func(n int) string) string {
	key := kind + " " + strings.ToLower(name)
	if _, ok := a.replaced[key]; !ok {
		a.replaced[key] = make(a.count[kind])
		a.count[kind]++
	}
	return a.replaced[key]
}

// letters returns a, b, …, z, aa, ab, …
func letters(n int) string {
	if n < 26 {
		return string(rune('a' + n))
	}
	return letters(n/26-1) + letters(n%26)
}

// host returns the replacement of a host, short or with its domain.
func (a *anonymiser) host(name string) string {
	if out, ok := a.ipv4(name); ok {
		return out
	}
	if out, ok := a.ipv6(name); ok {
		return out
	}
	short, _, full := strings.Cut(name, ".")
	out := a.as("host", short, func(n int) string { return "host-" + letters(n) })
	if full {
		out += ".example.com"
	}
	return out
}

func (a *anonymiser) user(name string) string {
	if i := strings.LastIndexAny(name, `\`); i >= 0 {
		name = name[i+1:]
	}
	name, _, _ = strings.Cut(name, "@")
	return a.as("user", name, func(n int) string { return "user-" + letters(n) })
}

// learned replaces a name that stands somewhere else as well.
func (a *anonymiser) learned(word string) (string, bool) {
	name := strings.ToLower(strings.TrimRight(word, "."))
	rest := word[len(name):]
	switch {
	case a.hosts[name]:
		return a.host(name) + rest, true
	case a.users[name]:
		return a.user(name) + rest, true
	}
	return "", false
}

func (a *anonymiser) mac(text string) (string, bool) {
	plain := strings.NewReplacer(":", "", "-", "", ".", "").Replace(text)
	if strings.Trim(plain, "0") == "" || strings.Trim(plain, "fF") == "" {
		return "", false
	}
	hex := a.as("mac", plain, func(n int) string { return fmt.Sprintf("00005e0053%02x", n%256) })
	size, separator := 2, text[2:3]
	if strings.Contains(text, ".") {
		size, separator = 4, "."
	}
	var groups []string
	for i := 0; i < len(hex); i += size {
		groups = append(groups, hex[i:i+size])
	}
	return strings.Join(groups, separator), true
}

// networks are those of RFC 5737, for documents.
var networks = [...]string{"192.0.2.", "198.51.100.", "203.0.113."}

func (a *anonymiser) ipv4(text string) (string, bool) {
	ip, err := netip.ParseAddr(text)
	if err != nil || !ip.Is4() || ip.IsUnspecified() || ip.IsLoopback() || ip.As4()[0] == 255 {
		return "", false
	}
	return a.as("ipv4", text, func(n int) string { return networks[n/254%len(networks)] + strconv.Itoa(n%254+1) }), true
}

func (a *anonymiser) ipv6(text string) (string, bool) {
	ip, err := netip.ParseAddr(text)
	if err != nil || !ip.Is6() || ip.IsUnspecified() || ip.IsLoopback() {
		return "", false
	}
	return a.as("ipv6", ip.String(), func(n int) string { return fmt.Sprintf("2001:db8::%x", n+1) }), true
}

// serial replaces the digits of serial numbers and long numbers. A number that can be a time
// stays.
func (a *anonymiser) serial(text string) (string, bool) {
	numbers, capitals := 0, 0
	for _, c := range text {
		switch {
		case c >= '0' && c <= '9':
			numbers++
		case c != '-':
			capitals++
		}
	}
	if numbers < 4 || capitals == 0 && isTime(text) || compactTime.MatchString(text) {
		return "", false
	}
	return a.as("serial", text, func(n int) string {
		n++
		out := []byte(text)
		for i := len(out) - 1; i >= 0; i-- {
			if c := out[i]; c >= '0' && c <= '9' {
				out[i] = byte('0' + n%10)
				n /= 10
			} else if strings.Contains(text, "-") || len(text) >= 12 && strings.ToLower(text) == text { // hexadecimal
				out[i] = map[bool]byte{true: '-', false: 'a'}[c == '-']
			}
		}
		return string(out)
	}), true
}

var compactTime = regexp.MustCompile(`^20\d{6}(?:T?\d{6}Z?)?$`)

// isTime reports whether a number can be a time since 1970, in s, ms, µs or ns, or written
// without separators.
func isTime(text string) bool {
	if compactTime.MatchString(text) {
		return true
	}
	for _, unit := range []int{10, 13, 16, 19} {
		if len(text) == unit {
			seconds, err := strconv.ParseInt(text[:10], 10, 64)
			year := time.Unix(seconds, 0).UTC().Year()
			return err == nil && year >= 2010 && year < 2045
		}
	}
	return false
}
