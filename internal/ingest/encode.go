package ingest

import (
	"slices"
	"sync/atomic"

	"syslog-gateway/internal/dialect"
	"syslog-gateway/internal/event"
	"syslog-gateway/internal/rules"
	"syslog-gateway/internal/splunk"
	"syslog-gateway/internal/syslog"
)

// format is Settings made ready: all of an event's JSON that does not depend on
// the message is encoded once. It is safe for concurrent use.
type format struct {
	settings  Settings
	port      int
	names     splunk.FieldNames
	lowerHost bool
	rules     *rules.Set
	classes   []atomic.Pointer[classFormat] // nil until the first message of the class
	priority  [192][]byte                   // "facility":"…","severity":"…",
}

// classFormat is the constant JSON of a class between the varying parts:
//
//	{"time":T,"host":"H [source] S [middle] EVENT [fields] …
//
// Every indexed field ends with a comma but those of the sender, which come last and
// of which there is always one.
type classFormat struct {
	name   string
	pack   string    // empty for a class of a built-in family
	source []byte    // ","source":"…  without the closing quote
	first  []byte    // ","sourcetype":"… if the message completes the sourcetype, else empty
	middle []byte    // ","sourcetype":"…","index":"…","event":"; without the sourcetype if that is in first
	fields []byte    // ","fields":{"vendor_product":"…",
	cef    [3][]byte // "name":" of the fields from the CEF header
	// sourcetype and index are the values in first and middle, for rules that set one of them;
	// fixed ones are set by the configuration, which is above rules.
	sourcetype, index           []byte
	fixedIndex, fixedSourcetype bool
	defaults                    []defaultField // fields that a rule may set
	suffix                      bool           // the source ends with what the parser found
	keep                        uint32         // one of so many is kept; 0 is none
	family                      uint8          // which open batch takes it
}

func newFormat(port int, s Settings) *format {
	f := &format{
		settings: s, port: port, names: s.Profile.FieldNames(), lowerHost: s.Profile.LowerCaseHost(), rules: s.Rules,
		classes: make([]atomic.Pointer[classFormat], s.Parser.NumClasses()),
	}
	for p := range f.priority {
		f.priority[p] = field(field(nil, f.names.Facility, syslog.FacilityName(p>>3)),
			f.names.Severity, syslog.SeverityName(p&7))
	}
	return f
}

// class returns the format of a class. Most classes are never seen, so it is made for the first
// message; if two goroutines make it at once, they make the same.
func (f *format) class(id dialect.ClassID) *classFormat {
	c := f.classes[id].Load()
	if c == nil {
		c = f.makeClass(id)
	}
	return c
}

func (f *format) makeClass(id dialect.ClassID) *classFormat {
	s, c := &f.settings, f.settings.Parser.Class(id)
	keep, ruled := s.Keep[c.Name]
	if !ruled {
		keep = 1
	}
	info := splunk.SourceInfo{Vendor: s.Vendor, Port: f.port, Index: s.Index, Sourcetype: s.Sourcetype, Packs: s.Packs}
	made := newClassFormat(s.Profile.Metadata(c, info), s.Fields, s.Rules.Fields(), keep)
	override := s.Profile.Overrides[c.Name]
	made.fixedIndex, made.fixedSourcetype = override.Index != "", override.Sourcetype != "" || s.Sourcetype != ""
	made.name, made.family = c.Name, familyOf(c, s.Vendor)
	if c.Pack != nil {
		made.pack = c.Pack.Pack.Name
	}
	f.classes[id].Store(&made)
	return &made
}

func newClassFormat(m splunk.Metadata, fixed []splunk.Field, ruled []string, keep int) classFormat {
	c := classFormat{suffix: m.SourceFromResult, keep: uint32(keep)}
	c.sourcetype, c.index = event.AppendString(nil, []byte(m.Sourcetype)), event.AppendString(nil, []byte(m.Index))
	c.source = event.AppendString([]byte(`","source":"`), []byte(m.Source))
	c.middle = event.AppendString([]byte(`","sourcetype":"`), []byte(m.Sourcetype))
	if m.SourcetypeFromResult {
		c.first, c.middle = c.middle, nil
	}
	if m.Index != "" {
		c.middle = event.AppendString(append(c.middle, `","index":"`...), []byte(m.Index))
	}
	c.middle = append(c.middle, `","event":"`...)
	c.fields = []byte(`","fields":{`)
	for _, kv := range slices.Concat(m.Fields, fixed) {
		if n := slices.Index(ruled, kv.Name); n >= 0 {
			c.defaults = append(c.defaults, defaultField{n, field(nil, kv.Name, kv.Value)})
			continue
		}
		c.fields = field(c.fields, kv.Name, kv.Value)
	}
	for i, name := range m.CEF {
		if name != "" {
			c.cef[i] = fieldName(nil, name)
		}
	}
	return c
}

// SampleField is the indexed field of events of a class of which only one in so many
// is kept.
const SampleField = "sample_rate"

// field appends `"name":"value",`; nothing when the profile has no such field.
func field(dst []byte, name, value string) []byte {
	if name == "" {
		return dst
	}
	dst = event.AppendString(fieldName(dst, name), []byte(value))
	return append(dst, `",`...)
}

// fieldName appends `"name":"`.
func fieldName(dst []byte, name string) []byte {
	dst = event.AppendString(append(dst, '"'), []byte(name))
	return append(dst, `":"`...)
}

// textOf is the text of the event of a message.
func textOf(msg []byte, r *dialect.Result) []byte {
	if blank(r.Body) {
		return msg
	}
	return r.Body
}

// appendEvent encodes the event of the message at hand and appends it to dst.
func (b *Batcher) appendEvent(dst []byte, s *sender, text []byte, cut bool) []byte {
	f, r, acted := s.format, &b.parsed.result, b.parsed.acted // acted is what rules said, or nil
	dst = append(dst, `{"time":`...)
	dst = b.times.Append(dst, b.time.nanos)
	dst = append(dst, `,"host":"`...)
	dst = s.appendHost(dst, r)
	c := f.class(r.Class)
	dst = append(dst, c.source...)
	if c.suffix {
		dst = event.AppendString(dst, r.Source)
	}
	if acted != nil && (acted.Index() != nil || acted.Sourcetype() != nil) {
		dst = c.appendNames(dst, acted, r)
	} else {
		if len(c.first) != 0 {
			dst = event.AppendString(append(dst, c.first...), r.Sourcetype)
		}
		dst = append(dst, c.middle...)
	}
	dst = event.AppendString(dst, text)
	dst = append(dst, c.fields...)
	if acted != nil || c.keep > 1 || len(c.defaults) != 0 {
		dst = c.appendRuled(dst, acted)
	}
	if p := b.parsed.header.Priority; p >= 0 {
		dst = append(dst, f.priority[p]...)
	}
	if len(r.CEF.Vendor)+len(r.CEF.Product)+len(r.CEF.Signature) != 0 {
		dst = c.appendCEF(dst, &r.CEF)
	}
	if cut {
		dst = append(dst, `"truncated":"true",`...)
	}
	if b.time.clamped {
		dst = append(dst, `"time_clamped":"true",`...)
	}
	return append(dst, s.trailer...)
}

// appendCEF appends the fields that are in the header of a CEF message.
func (c *classFormat) appendCEF(dst []byte, h *dialect.CEFHeader) []byte {
	for i, value := range [...][]byte{h.Vendor, h.Product, h.Signature} {
		if len(c.cef[i]) != 0 && len(value) != 0 {
			dst = event.AppendString(append(dst, c.cef[i]...), value)
			dst = append(dst, `",`...)
		}
	}
	return dst
}

// appendHost appends the device's own name, else what is known of the sender.
func (s *sender) appendHost(dst []byte, r *dialect.Result) []byte {
	from := len(dst)
	dst = event.AppendString(dst, s.host(r))
	if s.format.lowerHost { // ASCII letters only
		for i, c := range dst[from:] {
			if c >= 'A' && c <= 'Z' {
				dst[from+i] = c | 0x20
			}
		}
	}
	return dst
}
