package hec

import (
	"net"
	"net/netip"
	"slices"
	"testing"
)

func TestAddressesTakeTurns(t *testing.T) {
	var all []netip.Addr
	for _, a := range []string{"192.0.2.1", "2001:db8::1", "::ffff:192.0.2.2", "192.0.2.3"} {
		all = append(all, netip.MustParseAddr(a))
	}
	same := ofOneKind(all)
	if len(same) != 3 || len(ofOneKind(all[1:2])) != 1 || len(ofOneKind(nil)) != 0 {
		t.Fatalf("%v", same)
	}
	first := make(map[netip.Addr]int)
	for i := range uint64(30) {
		list := turned(same, i)
		first[list[0]]++
		slices.SortFunc(list, netip.Addr.Compare)
		if !slices.Equal(list, same) {
			t.Fatalf("%v", list)
		}
	}
	for a, n := range first {
		if n != 10 {
			t.Errorf("%v is first %d times of 30", a, n)
		}
	}
}

// The addresses of a name at which nobody listens are passed over.
func TestDeadAddressIsPassedOver(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.2:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	all := []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("127.0.0.2"), netip.MustParseAddr("127.0.0.3")}
	for i := range uint64(3) {
		conn, err := newDialer().dialOneOf(t.Context(), "tcp", turned(all, i), port)
		if err != nil {
			t.Fatal(err)
		}
		conn.Close()
	}
	if _, err := newDialer().dialOneOf(t.Context(), "tcp", all[:1], port); err == nil {
		t.Error("nobody listens there")
	}
}
