package rules

import (
	"bytes"
	"net/netip"

	"syslog-gateway/internal/syslog"
)

// The lengths of card numbers (ISO/IEC 7812), and how many digits at the end of a cut text
// may be the begin of one.
const (
	minCard   = 13
	maxCard   = 19
	beginCard = 8
)

// hideCards hides card numbers: 13 to 19 digits that begin with 2 to 6 and have the check
// digit of Luhn, with or without single blanks or dashes between groups.
func (h *hider) hideCards(m *mask, p []byte, cut bool) {
	for i := 0; i < len(p); i++ {
		if p[i]-'0' > 9 {
			continue
		}
		end := runEnd(p, i)
		if end-i >= minCard || cut && end == len(p) && end-i >= beginCard {
			h.hideRun(m, p, i, end, cut && end == len(p))
		}
		i = end
	}
}

// runEnd returns the end of the digits that begin at p[i], with single blanks and dashes
// between them.
func runEnd(p []byte, i int) int {
	for {
		for i < len(p) && p[i]-'0' <= 9 {
			i++
		}
		if i+1 >= len(p) || p[i] != ' ' && p[i] != '-' || p[i+1]-'0' > 9 {
			return i
		}
		i++
	}
}

// hideRun hides the card numbers in a run of groups of digits. A number begins and ends where
// a group does, because other numbers may stand beside it.
func (h *hider) hideRun(m *mask, p []byte, from, to int, cut bool) {
	for i := from; i < to; {
		end, next := 0, i
		digits := 0
		for j := i; j < to && digits <= maxCard; j++ {
			if p[j]-'0' > 9 {
				if next == i {
					next = j + 1
				}
				continue
			}
			digits++
			if last := j+1 == to || p[j+1]-'0' > 9; last && digits >= minCard && digits <= maxCard && isCard(p[i:j+1]) {
				end = j + 1
			} else if cut && j+1 == to && digits >= beginCard && digits <= maxCard && p[i] >= '2' && p[i] <= '6' {
				end = j + 1
			}
		}
		if next == i { // the group is longer than any number, or the last one
			for next < to && p[next]-'0' <= 9 {
				next++
			}
		}
		if end != 0 {
			h.add(m, i, end, nil)
			next = max(next, end)
		}
		i = next
		for i < to && p[i]-'0' > 9 {
			i++
		}
	}
}

// isCard checks the first digit and the check digit.
func isCard(p []byte) bool {
	if p[0] < '2' || p[0] > '6' {
		return false
	}
	sum, double := 0, false
	for i := len(p) - 1; i >= 0; i-- {
		d := int(p[i]) - '0'
		if d < 0 || d > 9 {
			continue
		}
		if double {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
		double = !double
	}
	return sum%10 == 0
}

// hideEmails hides mail addresses, also those of URLs ("%40").
func (h *hider) hideEmails(m *mask, p []byte, cut bool) {
	plain, encoded := -1, -1 // the next signs
	for at := 0; at < len(p); {
		plain, encoded = nextAt(p, at, plain, atSign), nextAt(p, at, encoded, percentAt)
		i, n := plain, len(atSign)
		if encoded < i {
			i, n = encoded, len(percentAt)
		}
		if i == len(p) {
			return
		}
		at = i + n
		from, to, dot := i, at, -1
		for from > 0 && i-from < maxLocal && localByte[p[from-1]] {
			from--
		}
		for to < len(p) && (nameByte[p[to]] && p[to] != '_' || p[to] >= 0x80) {
			if p[to] == '.' {
				dot = to
			}
			to++
		}
		open := cut && to == len(p)
		for !open && to > at && (p[to-1] == '.' || p[to-1] == '-') {
			to--
		}
		if from < i && to > at && (open || dot > at && dot < to-1) {
			h.add(m, from, to, nil)
			if open {
				h.goesOn(m)
			}
			at = to
		}
	}
}

// nextAt returns the position of the next sign from at on, if the one that was found before
// is passed; len(p) if there is none.
func nextAt(p []byte, at, before int, sign []byte) int {
	if before >= at {
		return before
	}
	if i := bytes.Index(p[at:], sign); i >= 0 {
		return at + i
	}
	return len(p)
}

// maxLocal bounds what is before the '@' (RFC 5321 section 4.5.3.1.1: 64 bytes, which may be
// encoded).
const maxLocal = 192

var atSign, percentAt = []byte("@"), []byte("%40")

// goesOn notes that a word ends with the text.
func (h *hider) goesOn(m *mask) { h.ends(open{kind: openWord, mask: m}) }

// localByte are the bytes before the '@'.
var localByte = func() (t [256]bool) {
	for c := range t {
		b := byte(c)
		t[c] = nameByte[b] || b == '+' || b == '%' || b == '\'' || b == '!' || b == '#' || b == '$' || b == '~' || b >= 0x80
	}
	return t
}()

// hideAddresses hides addresses of IPv4 and IPv6.
func (h *hider) hideAddresses(m *mask, p []byte) {
	for i := 0; i < len(p); {
		if !addressByte[p[i]] {
			i++
			continue
		}
		end := i
		dots, colons, double := 0, 0, false
		for ; end < len(p) && addressByte[p[end]]; end++ {
			switch p[end] {
			case '.':
				dots++
			case ':':
				colons++
				double = double || end > i && p[end-1] == ':'
			}
		}
		word := i > 0 && (syslog.IsLetter(p[i-1]) || p[i-1] == '_')
		six := colons >= 7 || double && colons >= 2
		if six {
			h.hideIPv6(m, p, behindWord(p, i, end, word), end)
		}
		if dots >= 3 {
			h.hideIPv4(m, p, i, end)
		}
		i = end
	}
}

// behindWord skips the end of a word in p[from:to] up to a colon: "inside:".
func behindWord(p []byte, from, to int, word bool) int {
	if i := bytes.IndexByte(p[from:to], ':'); word && i > 0 {
		return from + i + 1
	}
	return from
}

var addressByte = func() (t [256]bool) {
	for c := range t {
		b := byte(c)
		t[c] = b >= '0' && b <= '9' || b|0x20 >= 'a' && b|0x20 <= 'f' || b == '.' || b == ':'
	}
	return t
}()

// maxAddr is the length of the longest address.
const maxAddr = 45

// hideIPv6 hides addresses in p[from:to], which may have a port, a colon or a word beside
// them.
func (h *hider) hideIPv6(m *mask, p []byte, from, to int) {
	for to > from && (p[to-1] == '.' || p[to-1] == ':' && (to-2 < from || p[to-2] != ':')) {
		to--
	}
	for from < to && (p[from] == '.' || p[from] == ':' && (from+1 == to || p[from+1] != ':')) {
		from++
	}
next:
	for i := from; i < to; {
		for j := min(to, i+maxAddr); j > i+1; {
			if _, ok := parseAddr(p[i:j]); ok && bytes.IndexByte(p[i:j], ':') >= 0 {
				h.add(m, i, j, nil)
				i = j
				continue next
			}
			k := bytes.LastIndexByte(p[i:j-1], ':')
			if k < 0 {
				break
			}
			if j = i + k; j+1 < to && p[j+1] == ':' { // "2001:db8::" may end with both
				j += 2
				if _, ok := parseAddr(p[i:j]); ok {
					h.add(m, i, j, nil)
					i = j
					continue next
				}
				j -= 2
			}
		}
		k := bytes.IndexByte(p[i:to], ':')
		if k < 0 {
			return
		}
		i += k + 1
	}
}

// hideIPv4 hides the addresses of four numbers in p[from:to].
func (h *hider) hideIPv4(m *mask, p []byte, from, to int) {
	for i := from; i < to; i++ {
		if p[i]-'0' > 9 || i > 0 && (p[i-1]-'0' <= 9) {
			continue
		}
		if n := ipv4(p[i:to]); n != 0 {
			h.add(m, i, i+n, nil)
			i += n
		}
	}
}

// ipv4 returns the length of the address of four numbers at the front of p, or 0.
func ipv4(p []byte) int {
	i := 0
	for part := range 4 {
		if part > 0 {
			if i == len(p) || p[i] != '.' {
				return 0
			}
			i++
		}
		v, digits := 0, 0
		for i < len(p) && p[i]-'0' <= 9 && digits < 4 {
			v = v*10 + int(p[i]-'0')
			digits++
			i++
		}
		if digits == 0 || digits > 3 || v > 255 {
			return 0
		}
	}
	if i < len(p) && p[i]-'0' <= 9 {
		return 0
	}
	return i
}

// parseAddr reads an address without allocating.
func parseAddr(p []byte) (netip.Addr, bool) {
	if len(p) < 2 || len(p) > 45 {
		return netip.Addr{}, false
	}
	if bytes.IndexByte(p, ':') < 0 {
		if ipv4(p) != len(p) {
			return netip.Addr{}, false
		}
		var four [4]byte
		part := 0
		for _, c := range p {
			if c == '.' {
				part++
			} else {
				four[part] = four[part]*10 + c - '0'
			}
		}
		return netip.AddrFrom4(four), true
	}
	return ipv6(p)
}

// ipv6 reads an address of IPv6 (RFC 4291 section 2.2).
func ipv6(p []byte) (netip.Addr, bool) {
	var out [16]byte
	n, gap := 0, -1
	if p[0] == ':' {
		if len(p) < 2 || p[1] != ':' {
			return netip.Addr{}, false
		}
		gap = 0
		p = p[2:]
	}
	for len(p) != 0 {
		if n == 16 {
			return netip.Addr{}, false
		}
		if n <= 12 && bytes.IndexByte(p, ':') < 0 && ipv4(p) == len(p) && len(p) > 6 {
			four, _ := parseAddr(p)
			b := four.As4()
			copy(out[n:], b[:])
			n += 4
			break
		}
		v, digits := 0, 0
		for digits < len(p) && digits < 5 && syslog.IsHex(p[digits]) {
			v = v<<4 | int(syslog.HexDigit(p[digits]))
			digits++
		}
		if digits == 0 || digits > 4 {
			return netip.Addr{}, false
		}
		out[n], out[n+1] = byte(v>>8), byte(v)
		n += 2
		if p = p[digits:]; len(p) == 0 {
			break
		}
		if p[0] != ':' || len(p) == 1 {
			return netip.Addr{}, false
		}
		if p = p[1:]; p[0] == ':' {
			if gap >= 0 {
				return netip.Addr{}, false
			}
			gap = n
			p = p[1:]
		}
	}
	if gap < 0 {
		return netip.AddrFrom16(out), n == 16
	}
	if n > 14 {
		return netip.Addr{}, false
	}
	copy(out[16-(n-gap):], out[gap:n])
	clear(out[gap : 16-(n-gap)])
	return netip.AddrFrom16(out), true
}
