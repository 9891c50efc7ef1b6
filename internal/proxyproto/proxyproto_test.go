package proxyproto

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"net/netip"
	"strings"
	"testing"

	oracle "github.com/pires/go-proxyproto"

	"syslog-gateway/internal/testkit"
)

// v2 makes a header of version 2 whose length is the true one.
func v2(command, family byte, body string) string {
	return v2Lying(command, family, len(body), body)
}

func v2Lying(command, family byte, length int, body string) string {
	return beginV2 + string([]byte{command, family, byte(length >> 8), byte(length)}) + body
}

const (
	v4      = "\xc0\x00\x02\x07\x0a\x00\x00\x01\x13\x88\x05\xed"
	v6      = "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x07\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x13\x88\x05\xed"
	mapped  = "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\xc0\x00\x02\x07\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\x0a\x00\x00\x01\x13\x88\x05\xed"
	unique  = "\x05\x00\x03abc"
	anyText = "<13>hello\n"
)

// summed is a header with a CRC32C between two other TLVs.
func summed() string {
	p := []byte(v2(commandProxy, 0x11, v4+unique+"\x03\x00\x04\x00\x00\x00\x00"+"\xea\x00\x01x"))
	at := fixedV2 + len(v4) + len(unique) + 3
	binary.BigEndian.PutUint32(p[at:], crc32.Checksum(p, crc32.MakeTable(crc32.Castagnoli)))
	return string(p)
}

// good are headers and the client that each names, "" for none.
var good = []struct{ name, header, client string }{
	{name: "v1", header: "PROXY TCP4 192.0.2.7 10.0.0.1 5000 1517\r\n", client: "192.0.2.7"},
	{name: "v1 IPv6", header: "PROXY TCP6 2001:db8::7 2001:db8::1 5000 1517\r\n", client: "2001:db8::7"},
	{name: "v1 IPv4-mapped", header: "PROXY TCP6 ::ffff:192.0.2.7 ::ffff:10.0.0.1 5000 1517\r\n", client: "192.0.2.7"},
	{name: "v1 with the word of UDP", header: "PROXY UDP4 192.0.2.7 10.0.0.1 5000 1517\r\n", client: "192.0.2.7"},
	{name: "v1 with the word of IPv6", header: "PROXY TCP6 192.0.2.7 2001:db8::1 5000 1517\r\n", client: "192.0.2.7"},
	{name: "v1 with port 0", header: "PROXY TCP4 192.0.2.7 10.0.0.1 0 65535\r\n", client: "192.0.2.7"},
	{name: "v1 unknown", header: "PROXY UNKNOWN\r\n"},
	{name: "v1 unknown with addresses", header: "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"},
	{name: "v2", header: v2(commandProxy, 0x11, v4), client: "192.0.2.7"},
	{name: "v2 datagram", header: v2(commandProxy, 0x12, v4), client: "192.0.2.7"},
	{name: "v2 IPv6", header: v2(commandProxy, 0x21, v6), client: "2001:db8::7"},
	{name: "v2 IPv4-mapped", header: v2(commandProxy, 0x22, mapped), client: "192.0.2.7"},
	{name: "v2 with TLVs", header: v2(commandProxy, 0x11, v4+unique+"\x04\x00\x00"+"\x20\x00\x01x"), client: "192.0.2.7"},
	{name: "v2 with CRC32C", header: summed(), client: "192.0.2.7"},
	{name: "v2 with 4 KiB", header: v2(commandProxy, 0x11, v4+"\xe0\x0f\xf1"+strings.Repeat("x", 0xff1)), client: "192.0.2.7"},
	{name: "v2 of a UNIX socket", header: v2(commandProxy, 0x31, strings.Repeat("/", 216))},
	{name: "v2 unspecified", header: v2(commandProxy, 0x00, "")},
	{name: "v2 unspecified with bytes", header: v2(commandProxy, 0x00, "\x01")},
	{name: "v2 local, HAProxy's check", header: "\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00"},
	{name: "v2 local with an address", header: v2(commandLocal, 0x11, v4)},
	{name: "v2 local with anything", header: v2(commandLocal, 0xff, "\x03\x00")},
}

// bad are bytes that are no header, and why.
func bad() []struct {
	name, bytes string
	why         error
} {
	wrongSum := []byte(summed())
	wrongSum[fixedV2]++
	return []struct {
		name, bytes string
		why         error
	}{
		{"a message", anyText, ErrNone},
		{"another word", "PROXYING\r\n", ErrNone},
		{"another signature", "\r\n\r\n\x00\r\nQUIX\n", ErrNone},
		{"v1 with LF alone", "PROXY TCP4 192.0.2.7 10.0.0.1 5000 1517\n", errNoCRLF},
		{"v1 with nothing", "PROXY \r\n", errWord},
		{"v1 with an unknown word", "PROXY SCTP 192.0.2.7 10.0.0.1 5000 1517\r\n", errWord},
		{"v1 in lower case", "PROXY tcp4 192.0.2.7 10.0.0.1 5000 1517\r\n", errWord},
		{"v1 that goes on", "PROXY UNKNOWN" + strings.Repeat(" ", maxV1) + "\r\n", errTooLong},
		{"v1 without a source", "PROXY TCP4\r\n", errAddress},
		{"v1 with a name", "PROXY TCP4 host 10.0.0.1 5000 1517\r\n", errAddress},
		{"v1 with a zone", "PROXY TCP6 fe80::1%eth0 fe80::2 5000 1517\r\n", errAddress},
		{"v1 without a destination", "PROXY TCP4 192.0.2.7 x 5000 1517\r\n", errAddress},
		{"v1 with a wide port", "PROXY TCP4 192.0.2.7 10.0.0.1 65536 1517\r\n", errAddress},
		{"v1 with zeros", "PROXY TCP4 192.0.2.7 10.0.0.1 05000 1517\r\n", errAddress},
		{"v1 without a port", "PROXY TCP4 192.0.2.7 10.0.0.1 5000\r\n", errAddress},
		{"v1 with a word more", "PROXY TCP4 192.0.2.7 10.0.0.1 5000 1517 x\r\n", errAddress},
		{"v1 with two blanks", "PROXY TCP4  192.0.2.7 10.0.0.1 5000 1517\r\n", errAddress},
		{"v2 of version 1", v2(0x11, 0x11, v4), errVersion},
		{"v2 of version 3", v2(0x31, 0x11, v4)[:13], errVersion},
		{"v2 with command 2", v2(0x22, 0x11, v4), errVersion},
		{"v2 with an unknown family", v2(commandProxy, 0x41, v4), errFamily},
		{"v2 with an unknown protocol", v2(commandProxy, 0x13, v4), errFamily},
		{"v2 without a protocol", v2(commandProxy, 0x10, v4), errFamily},
		{"v2 shorter than its addresses", v2Lying(commandProxy, 0x11, 11, v4), errTooShort},
		{"v2 shorter than its IPv6 addresses", v2(commandProxy, 0x21, v4), errTooShort},
		{"v2 without addresses", v2Lying(commandProxy, 0x11, 0, v4), errTooShort},
		{"v2 with 64 KiB", v2Lying(commandProxy, 0x11, 65535, v4), errTooLong},
		{"v2 local with 64 KiB", v2Lying(commandLocal, 0x00, 65535, ""), errTooLong},
		{"v2 with half a TLV", v2(commandProxy, 0x11, v4+"\x05\x00"), errTLV},
		{"v2 with a TLV that is too long", v2(commandProxy, 0x11, v4+"\x05\xff\xff"+"abc"), errTLV},
		{"v2 whose length eats the message", v2Lying(commandProxy, 0x11, len(v4)+len(anyText), v4+anyText), errTLV},
		{"v2 with a wrong CRC32C", string(wrongSum), errCorrupted},
		{"v2 with a short CRC32C", v2(commandProxy, 0x11, v4+"\x03\x00\x01x"), errCorrupted},
	}
}

func TestHeaders(t *testing.T) {
	for _, tc := range good {
		var want netip.Addr
		if tc.client != "" {
			want = netip.MustParseAddr(tc.client)
		}
		for _, rest := range []string{"", anyText, tc.header} {
			got, n, err := Parse([]byte(tc.header + rest))
			if got != want || n != len(tc.header) || err != nil {
				t.Errorf("%s: %v, %d of %d, %v", tc.name, got, n, len(tc.header), err)
			}
		}
		for k := range len(tc.header) {
			if got, n, err := Parse([]byte(tc.header[:k])); got.IsValid() || n != 0 || err != nil {
				t.Fatalf("%s: the first %d bytes: %v, %d, %v", tc.name, k, got, n, err)
			}
		}
	}
	for _, tc := range bad() {
		if got, n, err := Parse([]byte(tc.bytes)); got.IsValid() || n != 0 || !errors.Is(err, tc.why) {
			t.Errorf("%s: %v, %d, %v, want %v", tc.name, got, n, err, tc.why)
		}
	}
}

// What cannot become a header any more is refused at once, not when a deadline is over.
func TestMessagesAreRefusedAtOnce(t *testing.T) {
	for _, p := range []string{"<", "1", "PR<", "PROXYx", "\r\n<13>", "\n"} {
		_, _, err := Parse([]byte(p))
		testkit.Equal(t, p, err, ErrNone)
	}
}

func TestParseDoesNotAllocate(t *testing.T) {
	for _, tc := range good {
		p := []byte(tc.header + anyText)
		if n := testing.AllocsPerRun(100, func() { _, _, _ = Parse(p) }); n != 0 {
			t.Errorf("%s: %v allocations", tc.name, n)
		}
	}
}

// judge is what go-proxyproto says of bytes: the client and the length of the header.
func judge(p []byte) (client netip.Addr, n int, err error) {
	r := bytes.NewReader(p)
	b := bufio.NewReaderSize(r, 8<<10)
	h, err := oracle.Read(b)
	if err != nil {
		return client, 0, err
	}
	n = len(p) - r.Len() - b.Buffered()
	if source, _, ok := h.IPs(); ok && !h.Command.IsLocal() {
		client, _ = netip.AddrFromSlice(source)
	}
	return client.Unmap(), n, nil
}

// differs compares Parse with go-proxyproto. It returns "" where they agree, or where we
// differ on purpose.
func differs(p []byte) string {
	got, n, err := Parse(p)
	client, judged, refused := judge(p)
	switch {
	case err == nil && n != 0 && refused == nil:
		if n != judged || got != client {
			return "another header"
		}
	case err == nil && n != 0: // it refuses what we take
		v1 := bytes.HasPrefix(p, []byte(beginV1))
		mixed := v1 && got.IsValid() // UDP4, TCP6 with IPv4: nginx writes both
		if !mixed && (v1 || p[12] != commandLocal && p[13] != 0) {
			return "we alone take it"
		}
	case refused == nil: // it does not check TLVs
		if !errors.Is(err, errTLV) && !errors.Is(err, errCorrupted) {
			return "we alone refuse it"
		}
	}
	return ""
}

func TestLikeGoProxyproto(t *testing.T) {
	agreed := 0
	for _, tc := range good {
		if d := differs([]byte(tc.header + anyText)); d != "" {
			t.Errorf("%s: %s", tc.name, d)
		}
		if _, n, err := judge([]byte(tc.header + anyText)); err == nil && n == len(tc.header) {
			agreed++
		}
	}
	if agreed < len(good)/2 {
		t.Errorf("of %d headers it takes %d", len(good), agreed)
	}
	for _, tc := range bad() {
		if d := differs([]byte(tc.bytes)); d != "" {
			t.Errorf("%s: %s", tc.name, d)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, tc := range good {
		f.Add([]byte(tc.header + anyText))
	}
	for _, tc := range bad() {
		f.Add([]byte(tc.bytes))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		before := bytes.Clone(p)
		got, n, err := Parse(p)
		if n < 0 || n > len(p) || n > MaxLength || err != nil && n != 0 || n == 0 && got.IsValid() {
			t.Fatalf("%v, %d of %d, %v", got, n, len(p), err)
		}
		if n == 0 && err == nil && len(p) >= MaxLength {
			t.Fatal("asks for more than the longest header has")
		}
		for k := range n { // what is not there yet does not change what is
			if got, n, err := Parse(p[:k]); n != 0 || err != nil {
				t.Fatalf("the first %d bytes: %v, %d, %v", k, got, n, err)
			}
		}
		if d := differs(p); d != "" {
			t.Fatalf("%s: %v, %d, %v", d, got, n, err)
		}
		if !bytes.Equal(p, before) {
			t.Fatal("the bytes were changed")
		}
	})
}
