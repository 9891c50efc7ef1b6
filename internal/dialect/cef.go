package dialect

import (
	"bytes"

	"syslog-gateway/internal/body"
	"syslog-gateway/internal/syslog"
)

var (
	keyRT      = []byte(" rt=")
	keyEnd     = []byte(" end=")
	keyStart   = []byte(" start=")
	keyDTZ     = []byte(" dtz=UTC")
	keyDVCHost = []byte(" dvchost=")
	keyMsg     = []byte(" msg=")
)

// origin returns the fields of a CEF header that become indexed fields. They are cut,
// because in a broken message the next '|' may be far away.
func origin(c *body.CEF) CEFHeader {
	const most = 256
	return CEFHeader{head(c.Vendor, most), head(c.Product, most), head(c.Signature, most)}
}

// setCEFTime sets the time of r to that of the event: rt, else end, else start. A time
// without a zone is in the zone of dtz, else in that of the header.
func setCEFTime(c *body.CEF, r *Result) {
	for _, key := range [...][]byte{keyRT, keyEnd, keyStart} {
		v := body.Extension(c.Extension, key)
		if v == nil {
			continue
		}
		s := syslog.ParseAny(v)
		if s.Kind == syslog.Local && bytes.Contains(c.Extension, keyDTZ) {
			s.Kind = syslog.Fixed
		}
		if r.setTime(s, ByKey) {
			return
		}
	}
}
