package relp

import (
	"bytes"
	"errors"
	"fmt"
)

const (
	// MaxTxnr is the largest transaction number; the next one is 1.
	MaxTxnr = 999_999_999
	// MaxData is the longest data of a frame, in bytes. A longer one ends the connection.
	// librelp sends at most 128 KiB by default.
	MaxData = 2 << 20

	maxDigits  = 9  // of TXNR and DATALEN
	maxCommand = 32 // letters
)

// The errors of a stream that is not RELP, or no longer. Nothing after them can be read.
var (
	ErrTxnr    = errors.New("a frame does not begin with a number from 1 to 999999999 and a space")
	ErrCommand = errors.New("a command is not 1 to 32 letters and a space")
	ErrLength  = errors.New("the length of a frame's data is not a number of at most 9 digits")
	ErrTooLong = fmt.Errorf("the data of a frame is longer than %d bytes", MaxData)
	ErrTrailer = errors.New("a frame does not end with LF where its length says")
)

// Frame is one frame:
//
//	TXNR SP COMMAND SP DATALEN [SP DATA] LF
//
// Command and Data point into the bytes that were given to Next.
type Frame struct {
	Txnr    uint32
	Command []byte
	Data    []byte
}

// Next cuts the first frame off p. n is its length in bytes; it is 0 if p does not hold
// all of it, and then at least more bytes are missing. The length of the data is checked
// before the data is waited for.
func Next(p []byte) (f Frame, n, more int, err error) {
	txnr, at, more, ok := number(p, 0)
	if !ok || more == 0 && (txnr == 0 || p[at] != ' ') {
		return f, 0, 0, ErrTxnr
	}
	if more != 0 {
		return f, 0, more, nil
	}
	f.Txnr = uint32(txnr)
	command := at + 1
	for at = command; at < len(p) && isLetter(p[at]) && at-command <= maxCommand; {
		at++
	}
	switch {
	case at-command > maxCommand, at < len(p) && (p[at] != ' ' || at == command):
		return f, 0, 0, ErrCommand
	case at == len(p):
		return f, 0, 1, nil
	}
	f.Command = p[command:at]
	length, at, more, ok := number(p, at+1)
	switch {
	case !ok:
		return f, 0, 0, ErrLength
	case more != 0:
		return f, 0, more, nil
	case length > MaxData:
		return f, 0, 0, ErrTooLong
	}
	if p[at] == ' ' && length != 0 { // DATALEN 0 has neither space nor data
		at++
	} else if length != 0 {
		return f, 0, 0, ErrLength
	}
	if missing := at + length + 1 - len(p); missing > 0 {
		return f, 0, missing, nil
	}
	f.Data = p[at : at+length]
	if p[at+length] != '\n' {
		return f, 0, 0, ErrTrailer
	}
	return f, at + length + 1, 0, nil
}

// number reads the digits of p from at on. end is where they end; more is 1 if p ends
// before that is certain.
func number(p []byte, at int) (value, end, more int, ok bool) {
	for end = at; end < len(p) && '0' <= p[end] && p[end] <= '9'; end++ {
		if end-at == maxDigits {
			return 0, end, 0, false
		}
		value = value*10 + int(p[end]-'0')
	}
	if end == len(p) {
		return value, end, 1, true
	}
	return value, end, 0, end > at
}

func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }

// offers reads the lines NAME=VALUE of an open frame. Unknown ones are left to others.
func offers(data []byte) (version []byte) {
	for line := range bytes.SplitSeq(data, []byte("\n")) {
		if name, value, ok := bytes.Cut(line, []byte("=")); ok && string(name) == "relp_version" {
			version = bytes.TrimSpace(value)
		}
	}
	return version
}
