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
	// complete says that all seven '|' are there.
	complete bool
}

// parseCEF reads a message that begins with "CEF:". A '|' in a header part is escaped by
// '\'.
func parseCEF(p []byte) (c cef) {
	var fields [7][]byte
	n := 0
	for n < len(fields) {
		end := bar(p)
		if end < 0 {
			break
		}
		fields[n] = p[:end]
		p = p[end+1:]
		n++
	}
	c.complete = n == len(fields)
	c.vendor, c.product, c.signature, c.name = fields[1], fields[2], fields[4], fields[5]
	c.extension = p
	return c
}

// bar returns the position of the next '|' that is not escaped, or -1.
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

// extensionValue returns what follows a key in a CEF extension, up to the end of the
// extension, because a value has no end marker. blankKey is " key=".
func extensionValue(p, blankKey []byte) []byte {
	if bytes.HasPrefix(p, blankKey[1:]) {
		return p[len(blankKey)-1:]
	}
	if i := bytes.Index(p, blankKey); i >= 0 {
		return p[i+len(blankKey):]
	}
	return nil
}

// extensionWord returns the value of a key whose values are one word. The result is nil
// if the next word is not a key with a value.
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

// origin returns the fields of the header that become indexed fields. They are cut,
// because in a broken message the next '|' may be far away.
func (c *cef) origin() CEFHeader {
	const most = 256
	return CEFHeader{head(c.vendor, most), head(c.product, most), head(c.signature, most)}
}

// setTime sets the time of r to that of the event: rt, else end, else start. A time
// without a zone is in the zone of dtz, else in that of the header.
func (c *cef) setTime(r *Result) {
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
