package syslog

// ParseBSD reads the time of RFC 3164 section 4.1.2 in the forms that devices write:
//
//	[yyyy ]Mmm d[d] [yyyy] hh:mm:ss[.fraction][ PM[.fraction]][ yyyy][ ZONE][ yyyy]
//
// with any number of spaces between the elements, and the month in any case. It returns the
// stamp and the number of bytes read, 0 if p does not begin with such a time. A zone is a
// numeric offset or a known abbreviation, with or without an offset behind it. An
// abbreviation of several zones (IST, CST) is read but does not set the offset. The time
// need not exist: see [Stamp.Exists].
func ParseBSD(p []byte) (Stamp, int) {
	if len(p) < 14 {
		return Stamp{}, 0
	}
	s := Stamp{Kind: Local}
	i := 0
	if IsDigit(p[0]) { // NX-OS: "2026 Nov 22 17:00:00 UTC"
		year, n := number(p, 0, 4)
		if n != 4 || p[4] != ' ' {
			return Stamp{}, 0
		}
		s.Year, i = int16(year), 5
	}
	s.Month = monthOf(p[i], p[i+1], p[i+2])
	if s.Month == 0 || p[i+3] != ' ' {
		return Stamp{}, 0
	}
	day, i := number(p, spaces(p, i+3), 2)
	if i == len(p) || p[i] != ' ' || !IsDigit(p[i-1]) {
		return Stamp{}, 0
	}
	s.Day = int8(day)
	i = spaces(p, i)
	if year, j := number(p, i, 4); j == i+4 && j < len(p) && p[j] == ' ' {
		s.Year = int16(year)
		i = spaces(p, j)
	}
	i = s.clock(p, i)
	if i == 0 {
		return Stamp{}, 0
	}
	i = s.yearBehind(p, i)
	if j := s.zone(p, i); j != i {
		i = s.yearBehind(p, j)
	}
	return s, i
}

// yearBehind reads " yyyy" at p[i:] if the year is not known yet, and returns the position
// behind it, or i.
func (s *Stamp) yearBehind(p []byte, i int) int {
	if s.Year != 0 || i+4 >= len(p) || p[i] != ' ' || !boundary(p, i+5) {
		return i
	}
	year, j := number(p, i+1, 4)
	if j != i+5 || year < 1970 || year >= 2100 {
		return i
	}
	s.Year = int16(year)
	return j
}

// clock reads hh:mm:ss, a fraction, and the AM or PM of a twelve-hour clock at p[i:] and
// returns the position behind it, or 0.
func (s *Stamp) clock(p []byte, i int) int {
	if len(p) < i+7 {
		return 0
	}
	hour, j := number(p, i, 2)
	if j == i || len(p) < j+6 || p[j] != ':' || p[j+3] != ':' {
		return 0
	}
	minute, second := pair(p[j+1:]), pair(p[j+4:])
	if minute < 0 || second < 0 {
		return 0
	}
	s.Hour, s.Minute, s.Second = int8(hour), int8(minute), int8(second)
	var n int
	s.Nanos, n = fraction(p[j+6:])
	return s.half(p, j+6+n)
}

// half reads " PM" or "PM" behind the time of day at p[i:], and a fraction behind it, and
// returns the position behind both, or i.
func (s *Stamp) half(p []byte, i int) int {
	at := i
	if at < len(p) && p[at] == ' ' {
		at++
	}
	pm, n := meridiem(p[at:])
	if n == 0 {
		return i
	}
	s.setHalf(pm)
	i = at + n
	if s.Nanos == 0 {
		s.Nanos, n = fraction(p[i:]) // "04:35:12 PM.123456"
		i += n
	}
	return i
}

// setHalf converts the hour of a twelve-hour clock.
func (s *Stamp) setHalf(pm bool) {
	switch {
	case pm && s.Hour < 12:
		s.Hour += 12
	case !pm && s.Hour == 12:
		s.Hour = 0
	}
}

// meridiem reads "AM", "PM", "am" or "p.m." at the front of p. n is 0 if there is another
// word. A "pm:" is a program, unless a message identifier follows.
func meridiem(p []byte) (pm bool, n int) {
	if len(p) < 2 || p[0]|0x20 != 'a' && p[0]|0x20 != 'p' {
		return false, 0
	}
	n = 1
	if p[n] == '.' {
		n++
	}
	if n == len(p) || p[n]|0x20 != 'm' {
		return false, 0
	}
	n++
	switch {
	case n == len(p):
	case p[n] == '.' && n+1 < len(p) && IsDigit(p[n+1]): // a fraction
	case p[n] == '.' && (n+1 == len(p) || p[n+1] == ' ' || p[n+1] == ':'):
		n++
	case p[n] == ':' && (p[0] < 'a' || first(skipSpaces(p[n+1:])) == '%'):
	case hostByte[p[n]] != 0: // "pm1", "am.example.com"
		return false, 0
	}
	return p[0]|0x20 == 'p', n
}

// zone reads " ZONE", " +hhmm" or " +hh:mm" at p[i:] and returns the position behind it,
// or i.
func (s *Stamp) zone(p []byte, i int) int {
	if i+1 >= len(p) || p[i] != ' ' {
		return i
	}
	if p[i+1] == '+' || p[i+1] == '-' {
		if seconds, n := offset(p[i+1:]); n != 0 && isOffset(seconds) && boundary(p, i+1+n) {
			s.Kind, s.Offset = Fixed, seconds
			return i + 1 + n
		}
		return i
	}
	if !IsUpper(p[i+1]) {
		return i
	}
	seconds, known, n := zoneAt(p[i+1:])
	if n == 0 || !boundary(p, i+1+n) {
		return i
	}
	if known == zoneExact {
		s.Kind, s.Offset = Fixed, seconds
	}
	return i + 1 + n
}

// ParseISO reads a time of RFC 3339 (RFC 5424 section 6.2.3) and variants of it: a space
// for the T, a comma before the fraction, any number of fraction digits, an offset without
// colon or behind a space, the name of a zone, no offset (the stamp is then Local). It
// returns the number of bytes read, 0 if p does not begin with such a time. The time need
// not exist: see [Stamp.Exists].
func ParseISO(p []byte) (Stamp, int) {
	if len(p) < 18 || p[4] != '-' || p[7] != '-' {
		return Stamp{}, 0
	}
	if p[10] != 'T' && p[10] != ' ' && p[10] != 't' {
		return Stamp{}, 0
	}
	s, ok := date(p)
	if !ok {
		return Stamp{}, 0
	}
	i := s.clock(p, 11)
	if i == 0 {
		return Stamp{}, 0
	}
	if i == len(p) {
		return s, i
	}
	switch p[i] {
	case 'Z', 'z':
		s.Kind = Fixed
		return s, i + 1
	case '+', '-':
		if seconds, n := offset(p[i:]); n != 0 {
			s.Kind, s.Offset = Fixed, seconds
			return s, i + n
		}
	}
	return s, s.zone(p, i)
}

// ParseSlash reads "yyyy/mm/dd hh:mm:ss", the form of PAN-OS. It has no zone.
func ParseSlash(p []byte) (Stamp, int) {
	if len(p) < 18 || p[4] != '/' || p[7] != '/' || p[10] != ' ' {
		return Stamp{}, 0
	}
	s, ok := date(p)
	if !ok {
		return Stamp{}, 0
	}
	i := s.clock(p, 11)
	if i == 0 {
		return Stamp{}, 0
	}
	return s, i
}

// ParseAsctime reads "Ddd Mmm dd hh:mm:ss yyyy", the form of asctime(3) that Snare uses. It
// has no zone.
func ParseAsctime(p []byte) (Stamp, int) {
	if len(p) < 23 || p[3] != ' ' {
		return Stamp{}, 0
	}
	for _, c := range p[:3] {
		if !IsLetter(c) {
			return Stamp{}, 0
		}
	}
	i := spaces(p, 3)
	s := Stamp{Kind: Local}
	if len(p) < i+3 {
		return Stamp{}, 0
	}
	s.Month = monthOf(p[i], p[i+1], p[i+2])
	day, j := number(p, spaces(p, i+3), 2)
	if s.Month == 0 || !IsDigit(p[j-1]) {
		return Stamp{}, 0
	}
	s.Day = int8(day)
	k := s.clock(p, spaces(p, j))
	if k == 0 {
		return Stamp{}, 0
	}
	year, l := number(p, spaces(p, k), 4)
	if year < 1970 {
		return Stamp{}, 0
	}
	s.Year = int16(year)
	return s, l
}

// ParseUnix reads a time since 1970 in seconds (10 digits and an optional fraction),
// milliseconds (13), microseconds (16) or nanoseconds (19). These lengths begin in
// September 2001.
func ParseUnix(p []byte) (Stamp, int) {
	var v int64
	i := 0
	for i < len(p) && i < 20 && IsDigit(p[i]) {
		v = v*10 + int64(p[i]-'0')
		i++
	}
	s := Stamp{Kind: Unix}
	switch i {
	case 10:
		s.Secs = v
		var n int
		s.Nanos, n = fraction(p[i:])
		return s, i + n
	case 13:
		s.Secs, s.Nanos = v/1e3, int32(v%1e3)*1e6
	case 16:
		s.Secs, s.Nanos = v/1e6, int32(v%1e6)*1e3
	case 19:
		s.Secs, s.Nanos = v/1e9, int32(v%1e9)
	default:
		return Stamp{}, 0
	}
	if s.Secs < 0 {
		return Stamp{}, 0
	}
	return s, i
}

// date reads "yyyy?mm?dd" at the front of p, which has at least 10 bytes. The year 0
// becomes -1, because 0 means that the year is not written.
func date(p []byte) (Stamp, bool) {
	century, year, month, day := pair(p), pair(p[2:]), pair(p[5:]), pair(p[8:])
	if century < 0 || year < 0 || month < 0 || day < 0 {
		return Stamp{}, false
	}
	if year += 100 * century; year == 0 {
		year = -1
	}
	return Stamp{Kind: Local, Year: int16(year), Month: int8(month), Day: int8(day)}, true
}

// fraction reads ".d+" or ",d+" as nanoseconds. Digits beyond the ninth are ignored.
func fraction(p []byte) (nanos int32, n int) {
	if len(p) < 2 || (p[0] != '.' && p[0] != ',') || !IsDigit(p[1]) {
		return 0, 0
	}
	scale := int32(1e8)
	n = 1
	for n < len(p) && IsDigit(p[n]) {
		nanos += int32(p[n]-'0') * scale
		scale /= 10
		n++
	}
	return nanos, n
}

// offset reads "+hh:mm", "+hhmm" or "+hh" as seconds east of UTC, without a limit.
func offset(p []byte) (seconds int32, n int) {
	h, i := number(p, 1, 2)
	if i != 3 {
		return 0, 0
	}
	m := 0
	j := i
	if j < len(p) && p[j] == ':' {
		j++
	}
	if v, k := number(p, j, 2); k == j+2 {
		m, i = v, k
	}
	if m > 59 {
		h = 99
	}
	seconds = int32(h*3600 + m*60)
	if p[0] == '-' {
		seconds = -seconds
	}
	return seconds, i
}

// isOffset reports whether seconds is less than a day.
func isOffset(seconds int32) bool { return seconds > -24*hour && seconds < 24*hour }

// monthOf returns 1 to 12 for the three letters of an English month, or 0.
func monthOf(a, b, c byte) int8 {
	switch uint32(a|0x20)<<16 | uint32(b|0x20)<<8 | uint32(c|0x20) {
	case 'j'<<16 | 'a'<<8 | 'n':
		return 1
	case 'f'<<16 | 'e'<<8 | 'b':
		return 2
	case 'm'<<16 | 'a'<<8 | 'r':
		return 3
	case 'a'<<16 | 'p'<<8 | 'r':
		return 4
	case 'm'<<16 | 'a'<<8 | 'y':
		return 5
	case 'j'<<16 | 'u'<<8 | 'n':
		return 6
	case 'j'<<16 | 'u'<<8 | 'l':
		return 7
	case 'a'<<16 | 'u'<<8 | 'g':
		return 8
	case 's'<<16 | 'e'<<8 | 'p':
		return 9
	case 'o'<<16 | 'c'<<8 | 't':
		return 10
	case 'n'<<16 | 'o'<<8 | 'v':
		return 11
	case 'd'<<16 | 'e'<<8 | 'c':
		return 12
	}
	return 0
}

// ParseAny reads a time in any form that values have: RFC 3339, with slashes, an epoch,
// "Mmm dd [yyyy] hh:mm:ss".
func ParseAny(p []byte) Stamp {
	if len(p) < 9 {
		return Stamp{}
	}
	if !IsDigit(p[0]) {
		s, _ := ParseBSD(p)
		return s
	}
	switch p[4] {
	case '-':
		s, _ := ParseISO(p)
		return s
	case '/':
		s, _ := ParseSlash(p)
		return s
	}
	s, _ := ParseUnix(p)
	return s
}
