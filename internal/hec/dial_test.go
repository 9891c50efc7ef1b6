package hec

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"

	"syslog-gateway/internal/hec/hectest"
)

// Posts go through a proxy, plain by its address and https by a tunnel.
func TestThroughAProxy(t *testing.T) {
	for _, withTLS := range []bool{false, true} {
		s := serve(t, hectest.Options{TLS: withTLS})
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
		if withTLS {
			roots.AddCert(s.HTTP().Certificate())
		}
		r := newRig(t, func(o *Options) { o.TLS = &tls.Config{RootCAs: roots} }, s)
		r.transport.Proxy = http.ProxyURL(at)
		r.all(newMemory(records(10, 1)...))
		arrived(t, 10, nil, s)
		if asked.Load() == 0 {
			t.Error("the proxy was not used")
		}
		r.close()
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
