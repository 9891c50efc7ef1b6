package jetstream

import (
	"errors"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"syslog-gateway/internal/event"
)

// The headers of a message.
const (
	headerEvents   = "Ev"  // events in the body
	headerRaw      = "Raw" // length of the body before compression, bytes
	headerSource   = "Src"
	headerReceived = "Rcv" // nanoseconds since 1970
	headerEncoding = "Enc" // gzip; absent: none
	headerCRC      = "Crc" // CRC-32C of the body, hexadecimal
)

// maxHeaders is more than the headers and the subject of a message take, in bytes.
const maxHeaders = 4 << 10

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// headersOf returns the headers of a record, without the identifier.
func headersOf(r *event.Record) nats.Header {
	h := nats.Header{}
	h.Set(headerEvents, strconv.Itoa(r.Events))
	h.Set(headerRaw, strconv.Itoa(r.Raw))
	h.Set(headerSource, r.Source)
	h.Set(headerReceived, strconv.FormatInt(nanos(r.Received), 10))
	if r.Encoding == event.Gzip {
		h.Set(headerEncoding, "gzip")
	}
	h.Set(headerCRC, strconv.FormatUint(uint64(crc32.Checksum(r.Body, castagnoli)), 16))
	return h
}

func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

// errDamaged says that a body is not what was stored.
var errDamaged = errors.New("the checksum of the body is wrong")

// recordOf reads a message. The body is that of the message. With errDamaged the record is
// complete but for the trust in its body.
func recordOf(h nats.Header, body []byte) (r event.Record, err error) {
	number := func(name string, base, bits int) (n int64) {
		if err != nil {
			return 0
		}
		if n, err = strconv.ParseInt(h.Get(name), base, bits); err != nil || n < 0 {
			err = fmt.Errorf("header %s: %q is not a number", name, h.Get(name))
		}
		return n
	}
	r = event.Record{Source: strings.Clone(h.Get(headerSource)), Events: int(number(headerEvents, 10, 32)), Raw: int(number(headerRaw, 10, 32)), Body: body}
	if n := number(headerReceived, 10, 64); n != 0 {
		r.Received = time.Unix(0, n)
	}
	sum := number(headerCRC, 16, 64)
	if err != nil {
		return r, err
	}
	switch encoding := h.Get(headerEncoding); encoding {
	case "":
	case "gzip":
		r.Encoding = event.Gzip
	default:
		return r, fmt.Errorf("header %s: %q is not known", headerEncoding, encoding)
	}
	if r.Source == "" || r.Events == 0 {
		return r, errors.New("a message without source or events")
	}
	if int64(crc32.Checksum(body, castagnoli)) != sum {
		return r, errDamaged
	}
	return r, nil
}

// identifier returns the Nats-Msg-Id of a record: the same whenever the record is published.
func identifier(gateway string, shard int, r *event.Record) string {
	return fmt.Sprintf("%s:%d:%d:%x", gateway, shard, r.Seq, nanos(r.Received))
}

// subjectOf returns the subject of the records of a source that a gateway stores:
// syslog.<stream>.<source>.<gateway>. There are as many as streams, sources and gateways,
// since a server's memory grows with them.
func subjectOf(stream int, source, gateway string) string {
	return fmt.Sprintf("syslog.%02d.%s.%s", stream, token(source), token(gateway))
}

// token replaces what a part of a subject must not have.
func token(s string) string {
	clean := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '_', r == '-':
			return r
		default:
			return '_'
		}
	}, s)
	if clean == "" {
		return "_"
	}
	return clean
}
