package syslog

import "bytes"

// Repair reads a header that is none by any RFC into h. p is what follows the PRI. It returns
// false if p does not have the form:
//
//	no_time_z  "Z host app: text", "1 Z host app …": vSphere without a time
//	netscaler  "02/17/2026:07:32:36 GMT host 0-PPE-0 : …", with the day or the month first
func Repair(form string, p []byte, h *Header) bool {
	*h = Header{Priority: NoPriority, Rest: p}
	p = skipSpaces(p)
	switch form {
	case "no_time_z":
		p, versioned := bytes.CutPrefix(p, versionOne)
		rest, ok := bytes.CutPrefix(p, zulu)
		if !ok {
			return false
		}
		h.Shape = ISO
		if versioned {
			h.rfc5424(rest)
			return true
		}
		h.afterTime(rest)
		return true
	case "netscaler":
		stamp, n := netScalerTime(p)
		if n == 0 {
			return false
		}
		h.Shape, h.Stamp = BSD, stamp
		h.afterTime(p[n:])
		return true
	}
	return false
}

var versionOne, zulu = []byte("1 "), []byte("Z ")

// netScalerTime reads "dd/mm/yyyy:hh:mm:ss [ZONE]" of Citrix ADC. Its dateFormat may put the
// month first; a number above 12 tells which, else it is the month (the default of the
// device).
func netScalerTime(p []byte) (Stamp, int) {
	if len(p) < 20 || p[2] != '/' || p[5] != '/' || p[10] != ':' {
		return Stamp{}, 0
	}
	month, day := pair(p), pair(p[3:])
	year, i := number(p, 6, 4)
	if month < 0 || day < 0 || i != 10 {
		return Stamp{}, 0
	}
	if month > 12 {
		month, day = day, month
	}
	s := Stamp{Kind: Local, Year: int16(year), Month: int8(month), Day: int8(day)}
	i = s.clock(p, 11)
	if i == 0 {
		return Stamp{}, 0
	}
	return s, s.zone(p, i)
}
