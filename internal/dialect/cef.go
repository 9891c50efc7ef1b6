package dialect

import (
	"bytes"

	"syslog-gateway/internal/syslog"
)

// cef is the header of a Common Event Format message:
// "CEF:0|vendor|product|version|signature|name|severity|extension".
type cef struct {
	vendor, product, signature []byte
	// name is the sixth part; PAN-OS has its log type there.
	name      []byte
	extension []byte
	// complete says that all seven bars were there.
	complete bool
}

// parseCEF reads a message that begins with "CEF:". A '|' in a header part is
// escaped by '\'. UniFi OS has sent headers with a part too few: what begins like
// a key then ends the header.
func parseCEF(p []byte) (c cef) {
	var parts [7][]byte
	n := 0
	for n < len(parts) {
		end := bar(p)
		if end < 0 {
			break
		}
		parts[n] = p[:end]
		p = p[end+1:]
		n++
	}
	c.complete = n == len(parts)
	c.vendor, c.product, c.signature, c.name = parts[1], parts[2], parts[4], parts[5]
	c.extension = p
	return c
}

// bar finds the next '|' that is not escaped.
func bar(p []byte) int {
	i := 0
	for {
		j := bytes.IndexByte(p[i:], '|')
		if j < 0 {
			return -1
		}
		i += j
		if i == 0 || p[i-1] != '\\' {
			return i
		}
		i++
	}
}

// extensionValue returns the text behind a key of a CEF extension up to the end
// of the extension: values have no end of their own, so the reader takes what it
// can use. blankKey is " key=".
func extensionValue(p, blankKey []byte) []byte {
	if bytes.HasPrefix(p, blankKey[1:]) {
		return p[len(blankKey)-1:]
	}
	if i := bytes.Index(p, blankKey); i >= 0 {
		return p[i+len(blankKey):]
	}
	return nil
}

// extensionWord returns the value of a key whose values have no blanks; nil when
// this one has: the next word must begin with another key.
func extensionWord(p, blankKey []byte) []byte {
	w, rest := syslog.Word(extensionValue(p, blankKey))
	rest = syslog.SkipBlanks(rest)
	next, _ := syslog.Word(rest)
	if len(rest) != 0 && bytes.IndexByte(next, '=') < 1 {
		return nil
	}
	return w
}

var (
	keyRT      = []byte(" rt=")
	keyEnd     = []byte(" end=")
	keyStart   = []byte(" start=")
	keyDTZ     = []byte(" dtz=UTC")
	keyDVCHost = []byte(" dvchost=")
	keyMsg     = []byte(" msg=")
)

// origin is what of the header the profiles name. Indexed fields are no place for
// a message whose bars are far apart because it is broken.
func (c *cef) origin() CEFHeader {
	const most = 256
	return CEFHeader{head(c.vendor, most), head(c.product, most), head(c.signature, most)}
}

// eventTime takes the time of a CEF event: rt, else end, else start; the header's
// stays where there is none. Without a zone of its own it is in that of dtz, else in
// that of the header.
func (c *cef) eventTime(r *Result) {
	for _, key := range [...][]byte{keyRT, keyEnd, keyStart} {
		v := extensionValue(c.extension, key)
		if v == nil {
			continue
		}
		s := anyTime(v)
		if s.Kind == syslog.Local && bytes.Contains(c.extension, keyDTZ) {
			s.Kind = syslog.Fixed
		}
		if r.setTime(s, ByKey) {
			return
		}
	}
}
