package syslog

import (
	"bytes"
	"slices"
	"testing"
	"unsafe"
)

// within reports whether p is a view into whole.
func within(p, whole []byte) bool {
	if len(p) == 0 {
		return true
	}
	if len(whole) == 0 {
		return false
	}
	from := uintptr(unsafe.Pointer(unsafe.SliceData(p)))
	start := uintptr(unsafe.Pointer(unsafe.SliceData(whole)))
	return from >= start && from+uintptr(len(p)) <= start+uintptr(len(whole))
}

func FuzzFramer(f *testing.F) {
	f.Add([]byte("7 <14>one<14>two\n12 monkeys\n"), uint8(0), uint8(3))
	f.Add([]byte("99999999999 <14>one\n <14>two\x00 0 <"), uint8(1), uint8(1))
	f.Add([]byte("81 zx\xda\xed\xc1\n\r\n\x0030 <14>aaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), uint8(2), uint8(7))
	f.Fuzz(func(t *testing.T, stream []byte, mode, chunk uint8) {
		whole := &Framer{Max: 40, Mode: Framing(mode % 3)}
		want := drive(t, whole, stream, constant(len(stream)+1))
		fields := &Framer{Max: 40, Mode: Framing(mode % 3)}
		got := drive(t, fields, stream, constant(1+int(chunk)))
		if !slices.Equal(got, want) || fields.Errors != whole.Errors {
			t.Fatalf("%q in reads of %d: %q with %d errors, at once %q with %d", stream, 1+int(chunk), got, fields.Errors, want, whole.Errors)
		}
	})
}

// FuzzDatagram checks that nothing of a datagram is lost except for trailers, the count at
// the front, and the space before a PRI.
func FuzzDatagram(f *testing.F) {
	f.Add([]byte("<14>one\n<14>two\r\n\x00"))
	f.Add([]byte("105 <14>one\ntext\n <14>two\n7 <1>"))
	f.Fuzz(func(t *testing.T, datagram []byte) {
		at := 0 // up to here every byte was found
		for rest, more := datagram, true; more; more = len(rest) != 0 {
			var msg []byte
			msg, rest = Datagram(rest)
			if !within(msg, datagram) || !within(rest, datagram) {
				t.Fatalf("Datagram(%q) gave %q and %q, which are no views", datagram, msg, rest)
			}
			if len(msg) == 0 {
				continue
			}
			from := indexOf(datagram, msg)
			if gone := bytes.Trim(datagram[at:from], "\r\n\x00 0123456789"); len(gone) != 0 {
				t.Fatalf("Datagram(%q) dropped %q before %q", datagram, gone, msg)
			}
			at = from + len(msg)
			if len(rest) != 0 && indexOf(datagram, rest) < at {
				t.Fatalf("Datagram(%q) gives bytes of %q again", datagram, msg)
			}
		}
		if gone := trimTrailer(datagram[at:]); len(bytes.Trim(gone, "\r\n\x00 ")) != 0 {
			t.Fatalf("Datagram(%q) dropped %q at the end", datagram, gone)
		}
	})
}

// indexOf returns where the view p begins in whole.
func indexOf(whole, p []byte) int {
	return int(uintptr(unsafe.Pointer(unsafe.SliceData(p))) - uintptr(unsafe.Pointer(unsafe.SliceData(whole))))
}

func FuzzScan(f *testing.F) {
	for _, c := range scanCases {
		f.Add([]byte(c.in))
	}
	f.Fuzz(checkScan)
}

// checkScan checks what must be true of the header of any message.
func checkScan(t *testing.T, msg []byte) {
	t.Helper()
	var h Header
	Scan(msg, &h)
	for name, p := range map[string][]byte{
		"Hostname": h.Hostname, "AppName": h.AppName, "ProcID": h.ProcID, "MsgID": h.MsgID,
		"StructuredData": h.StructuredData, "Rest": h.Rest, "Tagged": h.Tagged, "Content": h.Content,
	} {
		if !within(p, msg) {
			t.Fatalf("Scan(%q): %s %q is no view into the message", msg, name, p)
		}
	}
	for name, p := range map[string][]byte{"Rest": h.Rest, "Tagged": h.Tagged, "Content": h.Content} {
		if !bytes.HasSuffix(msg, p) || len(p) != 0 && !within(msg[len(msg)-1:], p) {
			t.Fatalf("Scan(%q): %s %q is not the end of the message", msg, name, p)
		}
	}
	if len(h.Content) > len(h.Tagged) || len(h.Tagged) > len(h.Rest) {
		t.Fatalf("Scan(%q): content %q, tagged %q, rest %q", msg, h.Content, h.Tagged, h.Rest)
	}
	if h.Priority < NoPriority || h.Priority > maxPriority {
		t.Fatalf("Scan(%q): priority %d", msg, h.Priority)
	}
	if h.Shape.String() == "" || (h.Shape == Bare) != h.Stamp.IsZero() && h.Shape != RFC5424 && h.Shape != CiscoSequence {
		t.Fatalf("Scan(%q): shape %v with stamp %+v", msg, h.Shape, h.Stamp)
	}
	if s := h.Stamp; s.Month < 0 || s.Day < 0 || s.Hour < 0 || s.Minute < 0 || s.Second < 0 || s.Nanos < 0 || s.Nanos > 999_999_999 {
		t.Fatalf("Scan(%q): stamp %+v", msg, s)
	}
	if len(h.Hostname) != 0 && h.Shape != RFC5424 && Host(h.Hostname) == nil {
		t.Fatalf("Scan(%q): hostname %q", msg, h.Hostname)
	}
}
