package rules

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"syslog-gateway/internal/event"
	"syslog-gateway/internal/pack"
)

// The bounds of all tables together.
const (
	maxTables  = 64 << 20 // bytes of the files
	maxRows    = 1000000
	maxBadRows = 20 // that are told of a file
	maxCell    = 256
)

// table is a CSV file of the site in memory.
type table struct {
	networks []level
	values   map[string]int32
	fold     bool // values are hosts, in lower case
	rows     []row
}

// level has the networks of one length.
type level struct {
	bits int
	rows map[netip.Addr]int32
}

// row is what a table gives.
type row struct {
	index, sourcetype []byte // in JSON
	host              []byte
	location          *time.Location
	fields            []field
}

// apply notes what a row gives. The host and the zone are those of the event from here on.
func (r *row) apply(m *Message, o *Outcome) {
	if len(r.index) != 0 {
		o.tableIndex = r.index
	}
	if len(r.sourcetype) != 0 {
		o.tableSourcetype = r.sourcetype
	}
	if r.location != nil {
		o.location = r.location
	}
	if len(r.host) != 0 {
		o.host = r.host
	}
	o.setFields(r.fields)
}

// find looks up the message at hand. It returns nil if it is not in the table.
func (a *Actor) find(r *rule, m *Message) *row {
	t := r.lookup
	if t.values != nil {
		var key []byte
		if r.by.kind == partSender {
			key = m.Result.Line().From.AppendTo(a.key[:0])
			a.key = key
		} else {
			key = r.by.get(a, m)
		}
		if t.fold {
			a.folded = a.folded[:0]
			for _, c := range key {
				if c >= 'A' && c <= 'Z' {
					c |= 0x20
				}
				a.folded = append(a.folded, c)
			}
			key = a.folded
		}
		if n, ok := t.values[string(key)]; ok {
			return &t.rows[n]
		}
		return nil
	}
	addr := m.Result.Line().From
	if r.by.kind != partSender {
		var ok bool
		if addr, ok = parseAddr(r.by.get(a, m)); !ok {
			return nil
		}
	}
	addr = addr.Unmap()
	for i := range t.networks {
		l := &t.networks[i]
		p, err := addr.Prefix(l.bits)
		if err != nil { // IPv4, and a length of IPv6
			continue
		}
		if n, ok := l.rows[p.Addr()]; ok {
			return &t.rows[n]
		}
	}
	return nil
}

// tables loads the tables of a set.
type tables struct {
	set   *Set
	bytes int
	rows  int
	zones locations
}

// load reads the file of a look-up. It returns all that is wrong in it.
func (t *tables) load(p *pack.Pack, l *pack.Lookup) (*table, []error) {
	if p.Embedded {
		return nil, []error{fmt.Errorf("%s: look-ups are for packs of a site", l.Pos)}
	}
	path := l.File
	if !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(l.Pos.File), path)
	}
	data, err := t.read(path)
	if err != nil {
		return nil, []error{fmt.Errorf("%s: look-up %s: %w", l.Pos, l.Name, err)}
	}
	r := reader{tables: t, lookup: l, path: path, out: &table{}, known: map[string]int32{}}
	r.all(data)
	return r.out, r.errs
}

// read reads a file that is not larger than what is left of the bound.
func (t *tables) read(path string) ([]byte, error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a file", path) // opening a pipe would wait
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, int64(maxTables-t.bytes)+1))
	if err != nil {
		return nil, err
	}
	if t.bytes += len(data); t.bytes > maxTables {
		return nil, fmt.Errorf("%s: the files of look-ups have more than %d MiB in all", path, maxTables>>20)
	}
	return data, nil
}

// reader reads one file.
type reader struct {
	*tables
	lookup *pack.Lookup
	path   string
	out    *table
	known  map[string]int32 // rows by what they give
	errs   []error
	bad    int
}

func (r *reader) fail(line int, format string, args ...any) {
	switch r.bad++; {
	case r.bad <= maxBadRows:
		r.errs = append(r.errs, fmt.Errorf("%s:%d: %s", r.path, line, fmt.Sprintf(format, args...)))
	case r.bad == maxBadRows+1:
		r.errs = append(r.errs, fmt.Errorf("%s: there are more wrong rows", r.path))
	}
}

// all reads the header and the rows.
func (r *reader) all(data []byte) {
	in := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(data, []byte("\ufeff"))))
	in.Comment, in.FieldsPerRecord, in.TrimLeadingSpace, in.ReuseRecord = '#', -1, true, true
	var columns []string
	levels := map[int]level{}
	for {
		cells, err := in.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		line, _ := in.FieldPos(0)
		if err != nil {
			var wrong *csv.ParseError
			if errors.As(err, &wrong) {
				line, err = wrong.Line, wrong.Err
			}
			r.fail(line, "%v", err)
			return
		}
		if columns == nil {
			columns = slices.Clone(cells)
			r.header(columns)
			continue
		}
		if len(cells) != len(columns) {
			r.fail(line, "has %d columns, the header has %d", len(cells), len(columns))
			continue
		}
		if r.rows++; r.rows > maxRows {
			r.fail(line, "the look-ups have more than %d rows in all", maxRows)
			return
		}
		n, wrong := r.row(columns, cells)
		if wrong == "" {
			wrong = r.enter(strings.TrimSpace(cells[0]), n, levels)
		}
		if wrong != "" {
			r.fail(line, "%s", wrong)
		}
	}
	if columns == nil {
		r.fail(1, "has no header: the first column is the %s, the others are named as in columns", r.lookup.Key)
	}
	for _, l := range levels {
		r.out.networks = append(r.out.networks, l)
	}
	slices.SortFunc(r.out.networks, func(a, b level) int { return b.bits - a.bits })
	if r.lookup.Key != "network" && r.out.values == nil {
		r.out.values = map[string]int32{}
	}
}

// header checks that the file has the columns that the pack names.
func (r *reader) header(columns []string) {
	for i := range columns {
		columns[i] = strings.TrimSpace(columns[i])
	}
	for name := range r.lookup.Columns {
		switch n := slices.Index(columns, name); {
		case n < 0:
			r.fail(1, "has no column %s", name)
		case n == 0:
			r.fail(1, "the column %s is the first, which is the %s that is looked up", name, r.lookup.Key)
		}
	}
}

// enter enters a row under its key.
func (r *reader) enter(key string, n int32, levels map[int]level) (wrong string) {
	if r.lookup.Key != "network" {
		if key == "" || len(key) > maxCell {
			return "the first column is empty or has more than 256 bytes"
		}
		if r.out.values == nil {
			r.out.values = map[string]int32{}
		}
		if r.out.fold = r.lookup.Key == "host"; r.out.fold {
			key = strings.ToLower(key)
		}
		if _, twice := r.out.values[key]; twice {
			return fmt.Sprintf("%q is there twice", key)
		}
		r.out.values[key] = n
		return ""
	}
	p, err := netip.ParsePrefix(key)
	if a, notOne := netip.ParseAddr(key); err != nil && notOne == nil && a.Zone() == "" {
		p, err = netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()), nil
	}
	switch {
	case err != nil:
		return fmt.Sprintf("%.64q is not a network such as 192.0.2.0/24", key)
	case p.Addr().Is4In6():
		return fmt.Sprintf("%q is IPv4 in the form of IPv6; write the IPv4 network", key)
	case p != p.Masked():
		return fmt.Sprintf("%q has host bits; the network is %s", key, p.Masked())
	}
	l, ok := levels[p.Bits()]
	if !ok {
		l = level{p.Bits(), map[netip.Addr]int32{}}
		levels[p.Bits()] = l
	}
	if _, twice := l.rows[p.Addr()]; twice {
		return fmt.Sprintf("%s is there twice", p)
	}
	l.rows[p.Addr()] = n
	return ""
}

// row returns the number of the row with what cells give. Rows that give the same are one.
func (r *reader) row(columns, cells []string) (n int32, wrong string) {
	key := strings.Join(cells[1:], "\x00")
	if n, ok := r.known[key]; ok {
		return n, ""
	}
	var out row
	for i, name := range columns {
		gives, value := r.lookup.Columns[name], strings.TrimSpace(cells[i])
		if gives == "" || i == 0 || value == "" {
			continue
		}
		if len(value) > maxCell || strings.ContainsFunc(value, func(c rune) bool { return c < ' ' || c == 0x7f || c == '\uFFFD' }) {
			return 0, fmt.Sprintf("%s: %.64q is longer than %d bytes, has a control character, or is not UTF-8", name, value, maxCell)
		}
		switch gives {
		case "field":
			out.fields = append(out.fields, r.set.field(name, value))
		case "index":
			wrong = pack.WrongIndex(value)
			out.index = event.AppendString(nil, []byte(value))
		case "sourcetype":
			wrong = pack.WrongSourcetype(value)
			out.sourcetype = event.AppendString(nil, []byte(value))
		case "host":
			out.host = []byte(value)
		case "timezone":
			if r.zones == nil {
				r.zones = locations{}
			}
			var err error
			if out.location, err = r.zones.load(value); err != nil || value == "Local" {
				wrong = fmt.Sprintf("%q is not a time zone such as UTC or Europe/Berlin", value)
			}
		}
		if wrong != "" {
			return 0, name + ": " + wrong
		}
	}
	n = int32(len(r.out.rows))
	r.out.rows = append(r.out.rows, out)
	r.known[key] = n
	return n, ""
}
