package loadgen

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	"syslog-gateway/bench/mix"
)

// dialer connects to the receiver as the options say.
type dialer struct {
	o   *Options
	tls *tls.Config // nil: in clear
}

func newDialer(o *Options) (*dialer, error) {
	d := &dialer{o: o}
	if o.Transport != TLS {
		return d, nil
	}
	d.tls = &tls.Config{ServerName: o.Target, InsecureSkipVerify: o.CAFile == ""}
	if o.CAFile == "" {
		return d, nil
	}
	pem, err := os.ReadFile(o.CAFile)
	if err != nil {
		return nil, fmt.Errorf("read the receiver's CA: %w", err)
	}
	d.tls.RootCAs = x509.NewCertPool()
	if !d.tls.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("read the receiver's CA: %s holds no PEM certificate", o.CAFile)
	}
	return d, nil
}

// connect makes the connection of that number to the port.
func (d *dialer) connect(ctx context.Context, port, number int) (output, error) {
	network := d.o.Transport
	if network != UDP {
		network = TCP
	}
	nd := net.Dialer{Timeout: dialTimeout}
	if d.o.Sources > 0 {
		ip := net.IPv4(127, 0, 0, byte(2+number%d.o.Sources))
		nd.LocalAddr = &net.TCPAddr{IP: ip}
		if network == UDP {
			nd.LocalAddr = &net.UDPAddr{IP: ip}
		}
	}
	address := net.JoinHostPort(d.o.Target, strconv.Itoa(port))
	conn, err := nd.DialContext(ctx, network, address)
	if err != nil {
		return nil, fmt.Errorf("connect to the receiver at %s %s: %w", network, address, err)
	}
	if u, ok := conn.(*net.UDPConn); ok {
		return newDatagrams(u)
	}
	if d.o.Transport == RELP {
		return newRELP(conn, d.o.window())
	}
	if d.tls == nil {
		return stream{conn}, nil
	}
	tlsConn := tls.Client(conn, d.tls)
	if err := tlsConn.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("shake hands with the TLS receiver at %s: %w", address, err)
	}
	return stream{tlsConn}, nil
}

// stream sends to a TCP or TLS connection, a run of messages in one write.
type stream struct{ conn net.Conn }

func (s stream) send(r *mix.Ring, from, to int) (int, error) {
	n, err := s.conn.Write(r.Bytes(from, to))
	if err != nil {
		return min(r.Whole(from, n), to-from), err
	}
	return to - from, nil
}

func (s stream) expire() error { return s.conn.SetWriteDeadline(time.Unix(1, 0)) }

func (s stream) close() error { return s.conn.Close() }
