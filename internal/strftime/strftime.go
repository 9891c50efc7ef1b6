// Package strftime reads times by a format of strftime(3): "%d/%b/%Y:%H:%M:%S %z".
//
// A format is compiled once. To read a time does not allocate.
package strftime

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"syslog-gateway/internal/syslog"
)

// maxFormat is the length of the longest format.
const maxFormat = 128

// Directive is a directive of a format.
type Directive struct {
	Letter byte
	About  string
}

// directives are the simple ones: each reads one part of a time.
var directives = []Directive{
	{'Y', "year, four digits"},
	{'y', "year, two digits; 69 to 99 are 1969 to 1999"},
	{'m', "month, 01 to 12"},
	{'b', "month by its English name, short or long"},
	{'B', "the same as %b"},
	{'d', "day, 01 to 31"},
	{'e', "day, with a blank in place of the leading zero"},
	{'j', "day of the year, 001 to 366"},
	{'a', "day of the week by its English name, short or long; it decides nothing"},
	{'A', "the same as %a"},
	{'H', "hour, 00 to 23"},
	{'k', "hour, with a blank in place of the leading zero"},
	{'I', "hour, 01 to 12; needs %p"},
	{'p', "AM or PM, in any case"},
	{'M', "minute"},
	{'S', "second"},
	{'f', "digits of the fraction of the second, any number"},
	{'z', "offset from UTC: +0100, +01:00, +01 or Z"},
	{'Z', "abbreviation of a zone: CET, UTC"},
	{'s', "seconds since 1970"},
	{'%', "a percent sign"},
}

// short are the directives that stand for several, with what they stand for.
var short = map[byte]string{'T': "%H:%M:%S", 'F': "%Y-%m-%d", 'D': "%m/%d/%y"}

// instead are directives of other programs with what does the same here.
var instead = map[byte]string{
	'N': "%f", 'L': "%f", 'Q': "%f", 'h': "%b", 'l': "%I", 'P': "%p", 'G': "%Y", 'R': "%H:%M", 'r': "%I:%M:%S %p",
	'c': "%a %b %e %T %Y", 'x': "%D", 'X': "%T", 'n': "a blank", 't': "a blank", 'u': "%a", 'w': "%a",
}

// Directives returns all directives, for the reference.
func Directives() []Directive {
	list := slices.Clone(directives)
	for _, letter := range []byte{'T', 'F', 'D'} {
		list = append(list, Directive{letter, "the same as " + short[letter]})
	}
	return list
}

// Layout is a compiled format.
type Layout struct {
	steps []step
	epoch bool // the format has %s
}

// step reads one directive, or a literal byte: then directive is 0.
type step struct{ directive, literal byte }

// Compile compiles a format. A format needs a date and an hour, or %s.
func Compile(format string) (Layout, error) {
	if len(format) > maxFormat {
		return Layout{}, fmt.Errorf("the format has %d bytes, at most %d are allowed", len(format), maxFormat)
	}
	expanded, err := expand(format)
	if err != nil {
		return Layout{}, err
	}
	var l Layout
	var seen [256]bool
	for i := 0; i < len(expanded); i++ {
		c := expanded[i]
		if c == '%' {
			i++
			c = expanded[i]
			if c != '%' {
				if seen[c] {
					return Layout{}, fmt.Errorf("%%%c is there twice", c)
				}
				seen[c] = true
				l.steps = append(l.steps, step{directive: c})
				continue
			}
		}
		l.steps = append(l.steps, step{literal: c})
	}
	l.epoch = seen['s']
	return l, complete(&seen)
}

// expand writes the short directives out and refuses unknown ones.
func expand(format string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		c := format[i]
		if c != '%' {
			b.WriteByte(c)
			continue
		}
		if i++; i == len(format) {
			return "", errors.New("a % is the last character; a percent sign is %%")
		}
		switch c = format[i]; {
		case short[c] != "":
			b.WriteString(short[c])
		case known(c):
			b.WriteByte('%')
			b.WriteByte(c)
		case instead[c] != "":
			return "", fmt.Errorf("%%%c is not a directive here: write %s", c, instead[c])
		default:
			return "", fmt.Errorf("%q is not a directive; there are %s", format[i-1:i+1], names())
		}
	}
	return b.String(), nil
}

func known(letter byte) bool {
	for _, d := range directives {
		if d.Letter == letter {
			return true
		}
	}
	return false
}

// names lists the directives for people.
func names() string {
	var b strings.Builder
	for i, d := range Directives() {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteByte('%')
		b.WriteByte(d.Letter)
	}
	return b.String()
}

// complete reports what a format with these directives lacks.
func complete(seen *[256]bool) error {
	count := func(letters string) int {
		n := 0
		for _, c := range []byte(letters) {
			if seen[c] {
				n++
			}
		}
		return n
	}
	switch {
	case seen['s']:
		if count("YymbBdejaAHkIpMSzZ") != 0 {
			return errors.New("%s is a whole time: only %f can stand beside it")
		}
	case count("Yy") > 1 || count("mbBj") > 1 || count("dej") > 1 || count("HkI") > 1:
		return errors.New("two directives say the same: one year, one month, one day and one hour are enough")
	case seen['j'] && count("Yy") == 0:
		return errors.New("%j needs the year: add %Y")
	case count("mbBj") == 0:
		return errors.New("the format has no month: add %m or %b")
	case count("dej") == 0:
		return errors.New("the format has no day: add %d or %e")
	case count("HkI") == 0:
		return errors.New("the format has no hour: add %H")
	case seen['I'] && !seen['p']:
		return errors.New("%I needs %p; the hour of 24 is %H")
	}
	return nil
}

// Parse reads p, all of it, except for blanks around it. A blank of the format is one or
// more blanks of p. A year that is not in the format is not in the stamp. ok is false if p
// is not of the format, or is a time that does not exist.
func (l *Layout) Parse(p []byte) (stamp syslog.Stamp, ok bool) {
	r := reading{stamp: syslog.Stamp{Kind: syslog.Local}}
	if l.epoch {
		r.stamp.Kind = syslog.Unix
	}
	p = syslog.SkipBlanks(p)
	for _, s := range l.steps {
		n := -1
		switch {
		case s.directive != 0:
			n = r.read(s.directive, p)
		case s.literal == ' ':
			n = len(p) - len(syslog.SkipBlanks(p))
			if n == 0 {
				n = -1
			}
		case len(p) != 0 && p[0] == s.literal:
			n = 1
		}
		if n < 0 {
			return syslog.Stamp{}, false
		}
		p = p[n:]
	}
	if len(syslog.SkipBlanks(p)) != 0 || !r.finish() || !r.stamp.Exists() {
		return syslog.Stamp{}, false
	}
	return r.stamp, true
}

// reading is a time of which a part has been read.
type reading struct {
	stamp     syslog.Stamp
	half      byte // 'a' or 'p'
	twelve    bool // the hour is one of twelve
	dayOfYear int
}

// read reads what a directive says at the front of p and returns its length, or -1.
func (r *reading) read(directive byte, p []byte) int {
	s := &r.stamp
	v, n := 0, -1
	switch directive {
	case 'Y':
		if v, n = number(p, 4); n != 4 {
			return -1
		}
		if v == 0 {
			v = -1 // 0 means that the year is not written
		}
		s.Year = int16(v)
	case 'y':
		if v, n = number(p, 2); n != 2 {
			return -1
		}
		if v += 2000; v >= 2069 {
			v -= 100
		}
		s.Year = int16(v)
	case 'm':
		v, n = number(p, 2)
		s.Month = int8(v)
	case 'b', 'B':
		v, n = name(p, months)
		s.Month = int8(v)
	case 'd', 'e':
		v, n = padded(p)
		s.Day = int8(v)
	case 'j':
		v, n = number(p, 3)
		r.dayOfYear = v
		if v == 0 {
			return -1
		}
	case 'a', 'A':
		_, n = name(p, days)
	case 'H', 'k', 'I':
		v, n = padded(p)
		s.Hour, r.twelve = int8(v), directive == 'I'
	case 'p':
		if len(p) < 2 || p[1]|0x20 != 'm' || p[0]|0x20 != 'a' && p[0]|0x20 != 'p' {
			return -1
		}
		r.half, n = p[0]|0x20, 2
	case 'M':
		v, n = number(p, 2)
		s.Minute = int8(v)
	case 'S':
		v, n = number(p, 2)
		s.Second = int8(v)
	case 'f':
		return r.fraction(p)
	case 'z':
		if len(p) != 0 && p[0]|0x20 == 'z' {
			s.Kind = syslog.Fixed
			return 1
		}
		return r.offset(p)
	case 'Z':
		return r.zone(p)
	case 's':
		return r.seconds(p)
	}
	if n == 0 {
		return -1
	}
	return n
}

// fraction reads digits. Those behind the ninth are ignored.
func (r *reading) fraction(p []byte) int {
	n, scale := 0, int32(1e8)
	for n < len(p) && syslog.IsDigit(p[n]) {
		r.stamp.Nanos += int32(p[n]-'0') * scale
		scale /= 10
		n++
	}
	if n == 0 {
		return -1
	}
	return n
}

func (r *reading) offset(p []byte) int {
	seconds, n := syslog.ParseOffset(p)
	if n == 0 {
		return -1
	}
	r.stamp.Kind, r.stamp.Offset = syslog.Fixed, seconds
	return n
}

// zone reads the abbreviation of a zone. An abbreviation of several zones is read, and the
// zone stays open.
func (r *reading) zone(p []byte) int {
	end := 0
	for end < len(p) && (syslog.IsUpper(p[end]) || syslog.IsDigit(p[end]) || p[end] == '+' || p[end] == '-') {
		end++
	}
	seconds, exact, n := syslog.ParseZone(p[:end])
	if n == 0 {
		return -1
	}
	if exact && r.stamp.Kind == syslog.Local { // %z decides
		r.stamp.Kind, r.stamp.Offset = syslog.Fixed, seconds
	}
	return n
}

func (r *reading) seconds(p []byte) int {
	const longest = 11 // digits: until the year 5138
	n := 0
	for n < len(p) && syslog.IsDigit(p[n]) {
		if n == longest {
			return -1
		}
		r.stamp.Secs = r.stamp.Secs*10 + int64(p[n]-'0')
		n++
	}
	if n == 0 {
		return -1
	}
	return n
}

// finish settles what several directives say together.
func (r *reading) finish() bool {
	s := &r.stamp
	if r.twelve && (s.Hour < 1 || s.Hour > 12) {
		return false
	}
	switch {
	case r.half == 'p' && s.Hour < 12:
		s.Hour += 12
	case r.half == 'a' && s.Hour == 12:
		s.Hour = 0
	}
	if r.dayOfYear != 0 {
		year := int(s.Year)
		day := time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, r.dayOfYear-1)
		if day.Year() != year {
			return false
		}
		s.Month, s.Day = int8(day.Month()), int8(day.Day())
	}
	return true
}

// number reads up to most digits.
func number(p []byte, most int) (v, n int) {
	for n < len(p) && n < most && syslog.IsDigit(p[n]) {
		v = v*10 + int(p[n]-'0')
		n++
	}
	return v, n
}

// padded reads a number of two digits whose first may be a blank.
func padded(p []byte) (v, n int) {
	if len(p) > 1 && p[0] == ' ' {
		if v, n = number(p[1:], 1); n != 0 {
			n++
		}
		return v, n
	}
	return number(p, 2)
}

var (
	months = []string{"january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"}
	days   = []string{"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"}
)

// name reads one of the names, or its first three letters, in any case. v is its place,
// from 1.
func name(p []byte, names []string) (v, n int) {
	for n < len(p) && syslog.IsLetter(p[n]) {
		n++
	}
	for i, name := range names {
		if (n == 3 || n == len(name)) && equalFold(p[:n], name[:n]) {
			return i + 1, n
		}
	}
	return 0, 0
}

func equalFold(p []byte, lower string) bool {
	for i := range p {
		if p[i]|0x20 != lower[i] {
			return false
		}
	}
	return true
}
