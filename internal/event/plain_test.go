package event

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
)

func zip(t *testing.T, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := z.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestPlain(t *testing.T) {
	const lines = "{\"event\":1}\n{\"event\":2}\n"
	whole := zip(t, []byte(lines))
	var d Decompressor
	for _, row := range []struct {
		name   string
		record Record
		want   string // empty: an error
	}{
		{"identity", Record{Body: []byte(lines)}, lines},
		{"gzip", Record{Encoding: Gzip, Body: whole, Raw: len(lines)}, lines},
		{"no gzip", Record{Encoding: Gzip, Body: []byte(lines)}, ""},
		{"torn", Record{Encoding: Gzip, Body: whole[:len(whole)/2]}, ""},
		{"empty", Record{Encoding: Gzip}, ""},
		{"after errors", Record{Encoding: Gzip, Body: whole, Raw: -1}, lines},
		{"unknown", Record{Encoding: 7, Body: whole}, ""},
	} {
		got, err := d.Plain(&row.record)
		if (err != nil) != (row.want == "") || err == nil && string(got) != row.want {
			t.Errorf("%s: %q, %v", row.name, got, err)
		}
	}
}

func TestPlainIsBounded(t *testing.T) {
	for n, want := range map[int]error{9: nil, 10: nil, 11: ErrTooLarge, 1000: ErrTooLarge} {
		dst := bytes.NewBufferString("before")
		err := appendAtMost(dst, strings.NewReader(strings.Repeat("x", n)), 10)
		if !errors.Is(err, want) || dst.Len() > len("before")+11 {
			t.Errorf("%d bytes: %v, %d are kept", n, err, dst.Len())
		}
	}
}
