package loadgen

import (
	"net"
	"sync"
	"testing"

	"syslog-gateway/internal/testkit"
)

// The benchmarks count the CPU of the whole process by way of cpu-us/msg; for TCP
// that includes the reader of the test.
func BenchmarkTCP(b *testing.B) {
	ln := testkit.Try(net.Listen("tcp", "127.0.0.1:0"))(b)
	var wg sync.WaitGroup
	wg.Go(func() {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		for buf := make([]byte, 1<<20); err == nil; {
			_, err = conn.Read(buf)
		}
	})
	o := options(ln.Addr().(*net.TCPAddr).Port)
	benchmark(b, o)
	wg.Wait()
	ln.Close()
}

func BenchmarkUDP(b *testing.B) {
	conn := testkit.Try(net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}))(b)
	defer conn.Close()
	o := options(conn.LocalAddr().(*net.UDPAddr).Port)
	o.Transport = UDP
	benchmark(b, o)
}

func benchmark(b *testing.B, o Options) {
	b.ReportAllocs()
	o.Count = uint64(b.N)
	res, err := Run(b.Context(), o)
	if err != nil || res.Errors > 0 {
		b.Fatal(err, res.FirstError)
	}
	b.SetBytes(int64(res.Bytes / res.Sent))
	b.ReportMetric(res.CPUPerMessage, "cpu-us/msg")
}
