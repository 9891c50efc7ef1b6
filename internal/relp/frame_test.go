package relp

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"syslog-gateway/internal/testkit"
)

func TestNext(t *testing.T) {
	open := "relp_version=0\nrelp_software=librelp,1.11.0,http://librelp.adiscon.com\ncommands=syslog"
	for _, c := range []struct {
		in, command, data string
		txnr              uint32
		n                 int
	}{
		{"1 open 86 " + open + "\n", "open", open, 1, 97},
		{"2 syslog 5 <13>a\n3 sys", "syslog", "<13>a", 2, 17},
		{"2 syslog 5 a\nb\nc\n", "syslog", "a\nb\nc", 2, 17},
		{"999999999 close 0\n", "close", "", 999999999, 18},
		{"7 syslog 0001 x\n", "syslog", "x", 7, 16},
	} {
		f, n, more, err := Next([]byte(c.in))
		if err != nil || more != 0 || n != c.n || f.Txnr != c.txnr || string(f.Command) != c.command || string(f.Data) != c.data {
			t.Errorf("%q: %d %q %q, %d bytes, %d more, %v", c.in, f.Txnr, f.Command, f.Data, n, more, err)
		}
		for cut := range c.n { // every beginning of it is incomplete, and never asks for too much
			if _, n, more, err := Next([]byte(c.in[:cut])); err != nil || n != 0 || more < 1 || cut+more > c.n {
				t.Errorf("%q: %d bytes, %d more, %v", c.in[:cut], n, more, err)
			}
		}
	}
}

func TestNextRefuses(t *testing.T) {
	for _, c := range []struct {
		in   string
		want error
	}{
		{"0 syslog 1 x\n", ErrTxnr},
		{"-1 syslog 1 x\n", ErrTxnr},
		{"1000000000 syslog 1 x\n", ErrTxnr},
		{"1234567890", ErrTxnr},
		{"<13>hello\n", ErrTxnr},
		{"\x16\x03\x01", ErrTxnr},
		{" 1 syslog 1 x\n", ErrTxnr},
		{"1\n", ErrTxnr},
		{"1  1 x\n", ErrCommand},
		{"1 sys.log 1 x\n", ErrCommand},
		{"1 " + strings.Repeat("a", 33), ErrCommand},
		{"1 syslog\n", ErrCommand},
		{"1 syslog x\n", ErrLength},
		{"1 syslog -1 x\n", ErrLength},
		{"1 syslog 1\n", ErrLength},
		{"1 syslog 1234567890", ErrLength},
		{"1 syslog 2097153 ", ErrTooLong},
		{"1 syslog 999999999 ", ErrTooLong},
		{"1 syslog 1 xy", ErrTrailer},
		{"1 close 0 \n", ErrTrailer},
	} {
		if _, n, _, err := Next([]byte(c.in)); !errors.Is(err, c.want) || n != 0 {
			t.Errorf("%q: %d, %v, want %v", c.in, n, err, c.want)
		}
	}
}

func FuzzNext(f *testing.F) {
	for _, s := range []string{"1 open 14 relp_version=0\n2 syslog 5 <13>a\n3 close 0\n", "1 syslog 2097153 ", "9 a", "0 serverclose 0\n"} {
		f.Add([]byte(s), uint8(3))
	}
	f.Fuzz(func(t *testing.T, p []byte, cut uint8) {
		frame, n, more, err := Next(p)
		switch {
		case err != nil && (n != 0 || more != 0), n == 0 && err == nil && more < 1, n > len(p):
			t.Fatalf("%d bytes, %d more, %v of %d", n, more, err, len(p))
		case more > MaxData+64:
			t.Fatalf("%d more are asked for", more)
		case n == 0:
			return
		}
		if frame.Txnr < 1 || frame.Txnr > MaxTxnr || len(frame.Command) == 0 || len(frame.Data) > MaxData || p[n-1] != '\n' {
			t.Fatalf("%+v of %q", frame, p)
		}
		// A frame is the same in whichever pieces it comes.
		if at := int(cut) % n; at > 0 {
			if _, got, more, err := Next(p[:at]); err != nil || got != 0 || at+more > n {
				t.Fatalf("%q: %d bytes, %d more, %v", p[:at], got, more, err)
			}
		}
	})
}

// A frame costs no allocation.
func TestNextAllocates(t *testing.T) {
	p := []byte("2 syslog 5 <13>a\n")
	s := NewSession(new(gauge))
	s.open = true
	testkit.Equal(t, "allocations", testing.AllocsPerRun(1000, func() {
		f, _, _, _ := Next(p)
		_, _ = s.Take(f)
	}), 0)
	if !bytes.Equal(p, []byte("2 syslog 5 <13>a\n")) {
		t.Error("the bytes were changed")
	}
}
