package dialect

import (
	"bytes"

	"syslog-gateway/internal/syslog"
)

// A firewall line is a line of netfilter with the chain in brackets:
// "[WAN_LOCAL-4001-D]IN=eth8 OUT= MAC=… SRC=…". Gateways before 4.x cut lines at the
// front: "kernel: TTL=126 ID=15317 DF PROTO=TCP …".

// isChain reports whether p begins with the name of a firewall chain in brackets.
func isChain(p []byte) bool {
	if len(p) < 5 || p[0] != '[' {
		return false
	}
	end := bytes.IndexByte(head(p, 64), ']')
	return end > 0 && isChainName(p[1:end])
}

// isChainName reports whether p is the name of a firewall chain. One part of the name is
// the verdict about the packet: "LAN_IN-D-2000", "LAN_LOCAL-RET-2147483647",
// "WAN_LOCAL-4001-D", "LAN_LOCAL-default-A".
func isChainName(p []byte) bool {
	if len(p) == 0 || !syslog.IsUpper(p[0]) {
		return false
	}
	verdict, start := false, 0
	for i, c := range p {
		switch {
		case c == '-':
			verdict = verdict || start > 0 && isVerdict(p[start:i])
			start = i + 1
		case nameByte[c] == 0 || c == ':':
			return false
		}
	}
	return verdict || start > 0 && isVerdict(p[start:])
}

// isVerdict reports whether p is one of accept, drop, reject and return.
func isVerdict(p []byte) bool {
	switch string(p) {
	case "A", "D", "R", "RET":
		return true
	}
	return false
}

var (
	fieldOUT   = []byte(" OUT=")
	fieldPROTO = []byte(" PROTO=")
	fieldID    = []byte(" ID=")
)

// isFirewall reports whether text, with or without its program, is a line of netfilter,
// which may be cut.
func isFirewall(text []byte) bool {
	front := head(text, 256)
	if i := bytes.IndexByte(front, '['); i >= 0 && isChain(text[i:]) {
		return true
	}
	if i := bytes.Index(front, fieldOUT); i >= 0 {
		return bytes.Contains(text[:i], []byte("IN="))
	}
	if bytes.Contains(front, fieldPROTO) {
		return bytes.Contains(text, fieldID)
	}
	return false
}
