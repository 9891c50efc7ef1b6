package body

import (
	"bytes"

	"syslog-gateway/internal/syslog"
)

// CEF is the header of a Common Event Format message:
// "CEF:0|vendor|product|version|signature|name|severity|extension".
type CEF struct {
	Vendor, Product, Signature []byte
	// Name is the sixth part; PAN-OS has its log type there.
	Name      []byte
	Extension []byte
	// Complete says that all seven '|' are there.
	Complete bool
}

// ParseCEF reads a message that begins with "CEF:". A '|' in a header part is escaped by
// '\'.
func ParseCEF(p []byte) (c CEF) {
	var fields [7][]byte
	n := 0
	for n < len(fields) {
		end := Bar(p)
		if end < 0 {
			break
		}
		fields[n] = p[:end]
		p = p[end+1:]
		n++
	}
	c.Complete = n == len(fields)
	c.Vendor, c.Product, c.Signature, c.Name = fields[1], fields[2], fields[4], fields[5]
	c.Extension = p
	return c
}

// Bar returns the position of the next '|' that is not escaped, or -1.
func Bar(p []byte) int {
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

// Extension returns what follows a key in a CEF extension, up to the end of the
// extension, because a value has no end marker. blankKey is " key=".
func Extension(p, blankKey []byte) []byte {
	if bytes.HasPrefix(p, blankKey[1:]) {
		return p[len(blankKey)-1:]
	}
	if i := bytes.Index(p, blankKey); i >= 0 {
		return p[i+len(blankKey):]
	}
	return nil
}

// ExtensionWord returns the value of a key whose values are one word. The result is nil
// if the next word is not a key with a value.
func ExtensionWord(p, blankKey []byte) []byte {
	w, rest := syslog.Word(Extension(p, blankKey))
	rest = syslog.SkipBlanks(rest)
	next, _ := syslog.Word(rest)
	if len(rest) != 0 && bytes.IndexByte(next, '=') < 1 {
		return nil
	}
	return w
}

// LEEFValue returns the value behind "key=" up to a '|' or a tab, which separate the keys
// of LEEF.
func LEEFValue(p, key []byte) []byte {
	i := bytes.Index(p, key)
	if i < 0 {
		return nil
	}
	p = p[i+len(key):]
	for j, c := range p {
		if c == '|' || c == '\t' {
			return p[:j]
		}
	}
	return p
}

// ExtensionText returns the value of a key in a CEF extension up to the next key. blankKey
// is " key=". The result is nil if the key is missing.
func ExtensionText(p, blankKey []byte) []byte {
	v := Extension(p, blankKey)
	from := 0
	for {
		i := bytes.IndexByte(v[from:], '=')
		if i < 0 {
			return bytes.TrimRight(v, " ")
		}
		i += from
		blank := bytes.LastIndexByte(v[:i], ' ')
		if blank >= 0 && (i == 0 || v[i-1] != '\\') {
			return bytes.TrimRight(v[:blank], " ")
		}
		if blank < 0 && from == 0 && i == 0 {
			return v[:0]
		}
		from = i + 1
	}
}
