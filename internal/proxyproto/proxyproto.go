package proxyproto

import (
	"bytes"
	"errors"
	"net/netip"
	"strconv"
	"unsafe"
)

// MaxLength is the length in bytes of the longest header that is read: version 2 with 4 KiB
// of addresses and TLVs.
const MaxLength = fixedV2 + 4<<10

// Why bytes are not a header.
var (
	ErrNone      = errors.New("the bytes do not begin with a PROXY header")
	errTooLong   = errors.New("the PROXY header is too long")
	errNoCRLF    = errors.New("the PROXY header of version 1 does not end with CR LF")
	errWord      = errors.New("the PROXY header of version 1 names no known protocol")
	errAddress   = errors.New("the PROXY header of version 1 has no valid addresses and ports")
	errVersion   = errors.New("the PROXY header has another version than 1 or 2, or an unknown command")
	errFamily    = errors.New("the PROXY header of version 2 has an unknown address family or protocol")
	errTooShort  = errors.New("the PROXY header of version 2 is shorter than its addresses")
	errTLV       = errors.New("the PROXY header of version 2 has a TLV that does not fit into it")
	errCorrupted = errors.New("the PROXY header of version 2 does not have its own CRC32C")
)

const (
	beginV1 = "PROXY "
	// maxV1 is the longest header of version 1 with its CR LF, in bytes (section 2.1).
	maxV1 = 107
)

// Parse reads the header at the front of p. client is the address that the proxy was
// contacted from, an IPv4-mapped one as IPv4. It is the zero Addr where the header names no
// IP address (LOCAL, UNKNOWN, AF_UNSPEC, AF_UNIX): the proxy speaks for itself, as in a
// health check, or cannot say for whom. n is the length of the header in bytes. It is 0,
// without an error, while p may be the beginning of a header: all of p belongs to it then.
// Parse keeps nothing of p, and does not allocate for a valid header.
func Parse(p []byte) (client netip.Addr, n int, err error) {
	switch {
	case hasBegin(p, beginV1):
		return parseV1(p)
	case hasBegin(p, beginV2):
		return parseV2(p)
	}
	return client, 0, ErrNone
}

// hasBegin reports whether p begins with begin, as far as p goes.
func hasBegin(p []byte, begin string) bool {
	k := min(len(p), len(begin))
	return string(p[:k]) == begin[:k]
}

// parseV1 reads a header of version 1 (section 2.1):
// PROXY, protocol, source, destination, source's port, destination's port.
func parseV1(p []byte) (client netip.Addr, n int, err error) {
	end := bytes.IndexByte(p[:min(len(p), maxV1)], '\n')
	switch {
	case end < 0 && len(p) >= maxV1:
		return client, 0, errTooLong
	case end < 0:
		return client, 0, nil
	case p[end-1] != '\r':
		return client, 0, errNoCRLF
	}
	protocol, rest, _ := bytes.Cut(p[len(beginV1):end-1], []byte(" "))
	switch string(protocol) {
	case "UNKNOWN": // what follows is to be ignored
		return client, end + 1, nil
	case "TCP4", "TCP6", "UDP4", "UDP6":
	default:
		return client, 0, errWord
	}
	source, rest, _ := bytes.Cut(rest, []byte(" "))
	destination, rest, _ := bytes.Cut(rest, []byte(" "))
	sourcePort, destinationPort, _ := bytes.Cut(rest, []byte(" "))
	client = address(source)
	if !client.IsValid() || !address(destination).IsValid() || !isPort(sourcePort) || !isPort(destinationPort) {
		return netip.Addr{}, 0, errAddress
	}
	return client, end + 1, nil
}

// address reads an IP address without a zone; the zero Addr is none.
func address(p []byte) netip.Addr {
	if len(p) == 0 || bytes.IndexByte(p, '%') >= 0 {
		return netip.Addr{}
	}
	// The string is gone before p can change: an address without a zone keeps no text.
	a, err := netip.ParseAddr(unsafe.String(&p[0], len(p)))
	if err != nil {
		return netip.Addr{}
	}
	return a.Unmap()
}

// isPort reports whether p is a decimal number of 16 bits without leading zeros.
func isPort(p []byte) bool {
	if len(p) == 0 || len(p) > 5 || p[0] == '+' || p[0] == '0' && len(p) > 1 {
		return false
	}
	_, err := strconv.ParseUint(unsafe.String(&p[0], len(p)), 10, 16)
	return err == nil
}
