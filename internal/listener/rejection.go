package listener

import "bytes"

// rejection is why a connection is refused, or closed by us. The reasons are fixed, so
// that the label of the metric is bounded.
type rejection uint8

const (
	rejectMaxConnections rejection = iota
	rejectNotAllowed
	rejectTLS
	rejectCompressed
	rejectHTTP
	rejectHandshake
	rejectDescriptors
	rejectProxyHeader
	numRejections
)

func (r rejection) String() string {
	return [numRejections]string{
		rejectMaxConnections: "max_connections",
		rejectNotAllowed:     "not_allowed",
		rejectTLS:            "tls_on_plain_port",
		rejectCompressed:     "compressed_stream",
		rejectHTTP:           "http",
		rejectHandshake:      "tls_handshake",
		rejectDescriptors:    "file_descriptors",
		rejectProxyHeader:    "proxy_header",
	}[r]
}

// foreign recognises by the first bytes of a connection what is certainly not syslog and
// would only make useless events.
func foreign(p []byte) (reason rejection, yes bool) {
	if len(p) < 3 {
		return 0, false
	}
	switch {
	case p[0] == 0x16 && p[1] == 0x03: // TLS record: handshake, RFC 8446 section 5.1
		return rejectTLS, true
	case p[0] == 0x1f && p[1] == 0x8b && p[2] == 8: // gzip, RFC 1952
		return rejectCompressed, true
	case isZlib(p):
		return rejectCompressed, true
	case isHTTP(p):
		return rejectHTTP, true
	}
	return 0, false
}

// isZlib recognises the header of RFC 1950 section 2.2 as deflate writes it, if bytes
// follow that no text has: "x^2" is text.
func isZlib(p []byte) bool {
	if p[0] != 0x78 || (int(p[0])<<8|int(p[1]))%31 != 0 {
		return false
	}
	for _, c := range p[1:min(len(p), 32)] {
		if c >= 0x80 || c < '\t' {
			return true
		}
	}
	return false
}

// isHTTP recognises a request line of HTTP/1, RFC 9112 section 3.
func isHTTP(p []byte) bool {
	end := bytes.IndexByte(p, '\n')
	if end < 0 {
		return false
	}
	line := bytes.TrimSuffix(p[:end], []byte("\r"))
	method, rest, ok := bytes.Cut(line, []byte(" "))
	target, version, ok2 := bytes.Cut(rest, []byte(" "))
	if !ok || !ok2 || len(target) == 0 || (string(version) != "HTTP/1.1" && string(version) != "HTTP/1.0") {
		return false
	}
	switch string(method) {
	case "GET", "HEAD", "POST", "PUT", "OPTIONS", "CONNECT", "DELETE":
		return true
	}
	return false
}
