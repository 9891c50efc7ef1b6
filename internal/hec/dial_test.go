package hec

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"syslog-gateway/internal/hec/hectest"
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

// Posts go through a proxy, plain by its address and https by a tunnel.
func TestThroughAProxy(t *testing.T) {
	for _, secure := range []bool{false, true} {
		s := serve(t, hectest.Options{TLS: secure})
		var asked atomic.Int64
		proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked.Add(1)
			if r.Method == http.MethodConnect {
				tunnel(w, r.Host)
				return
			}
			httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: r.Host}).ServeHTTP(w, r)
		}))
		defer proxy.Close()
		at, _ := url.Parse(proxy.URL)
		roots := x509.NewCertPool()
		if secure {
			roots.AddCert(s.HTTP().Certificate())
		}
		r := newRig(t, func(o *Options) { o.TLS = &tls.Config{RootCAs: roots} }, s)
		r.transport.Proxy = http.ProxyURL(at)
		r.all(newMemory(records(10, 1)...))
		arrived(t, 10, nil, s)
		if asked.Load() == 0 {
			t.Error("the proxy was not used")
		}
		r.Close()
	}
}

// tunnel joins the connection of a request with one to an address.
func tunnel(w http.ResponseWriter, address string) {
	to, err := net.Dial("tcp", address)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer to.Close()
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n")
	var both sync.WaitGroup
	both.Go(func() { _, _ = io.Copy(to, conn); to.Close() })
	both.Go(func() { _, _ = io.Copy(conn, to); conn.Close() })
	both.Wait()
}
