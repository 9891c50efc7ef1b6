package syslog

import (
	"encoding/binary"
	"math/bits"
)

// Scanner is [Scan] for many messages. It remembers how headers of RFC 3164 begin: those of a
// second and a host begin alike, and are then not read again. The zero value is ready. It is
// for one goroutine.
type Scanner struct {
	known [64]beginning // by what is in the place of the host
}

// beginning is the part of a header from the time to the character behind the host.
type beginning struct {
	text   [56]byte
	length uint8 // of text; 0: there is none
	// Where in text they are.
	hostname, host struct{ from, to uint8 }
	stamp          Stamp
}

// Scan reads the header of msg into h, as the function Scan does.
func (s *Scanner) Scan(msg []byte, h *Header) {
	p := h.begin(msg)
	if len(p) < len(beginning{}.text) || !IsUpper(p[0]) {
		h.scan(p)
		return
	}
	b := &s.known[slot(p)]
	if n := int(b.length); n != 0 && string(b.text[:n]) == string(p[:n]) {
		h.Shape, h.Stamp = BSD, b.stamp
		h.Hostname, h.Host = p[b.hostname.from:b.hostname.to], p[b.host.from:b.host.to]
		h.tag(skipSeparator(p[n:]))
		return
	}
	if h.scan(p); h.Shape == BSD && h.Host != nil {
		b.learn(p, h)
	}
}

// slot is where the beginning of p would be remembered: by the host, which is behind
// "Mmm dd hh:mm:ss " or "Mmm dd yyyy hh:mm:ss ".
func slot(p []byte) int {
	at := 16
	if p[15] != ' ' {
		at = 21
	}
	word := binary.LittleEndian.Uint64(p[at:])
	blank := word ^ 0x2020202020202020
	blank = (blank - 0x0101010101010101) & ^blank & 0x8080808080808080
	if blank != 0 { // what follows the host does not count
		word &= 1<<bits.TrailingZeros64(blank) - 1
	}
	return int(word * 0x9e3779b97f4a7c15 >> 58)
}

// learn remembers the beginning of the header h of p. What was read of it depends on nothing
// behind the character behind the host.
func (b *beginning) learn(p []byte, h *Header) {
	from, at := cap(p)-cap(h.Hostname), cap(p)-cap(h.Host)
	end := from + len(h.Hostname) + 1
	if end > len(b.text) {
		return
	}
	b.length = uint8(copy(b.text[:end], p))
	b.hostname.from, b.hostname.to = uint8(from), uint8(end-1)
	b.host.from, b.host.to = uint8(at), uint8(at+len(h.Host))
	b.stamp = h.Stamp
}
