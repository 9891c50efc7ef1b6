package jetstream

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// dial connects to one server, once. A connection that breaks later goes on to the other
// servers. The error is a sentence that says what to do.
func (o Options) dial(server string) (*nats.Conn, error) {
	d := &dialer{}
	conn, err := nats.Connect(server, append(o.access(), nats.SetCustomDialer(d), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))...)
	if err != nil {
		return nil, fmt.Errorf("%s: %s", host(server), d.explain(o, err))
	}
	return conn, nil
}

// dialer keeps the error of the network, which the library replaces by "no servers".
type dialer struct {
	mu  sync.Mutex
	err error
}

// Dial implements nats.CustomDialer.
func (d *dialer) Dial(network, address string) (net.Conn, error) {
	// nats.Connect knows no context: what it gives up after is the time.
	conn, err := (&net.Dialer{Timeout: answerTime}).DialContext(context.Background(), network, address)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.err = err
	return conn, err
}

// explain says why a server lets nobody in, and what to do.
func (d *dialer) explain(o Options, err error) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	var name x509.HostnameError
	var alert tls.AlertError
	text := err.Error()
	switch {
	case d.err != nil:
		return fmt.Sprintf("cannot be reached (%v): start the server, or correct queue.jetstream.servers or the firewall", d.err)
	case errors.As(err, &unknown):
		return "its certificate is not signed by the CA in queue.jetstream.tls.ca_file: use the ca.pem of this cluster"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return fmt.Sprintf("its certificate is not valid at %s, which is the time of this machine: set the clocks of both, or renew the certificate (%v)", time.Now().UTC().Format(time.RFC3339), err)
	case errors.As(err, &name):
		return fmt.Sprintf("its certificate is for another name (%v): use the name in queue.jetstream.servers that the certificate has", err)
	case errors.As(err, &alert), strings.Contains(text, "remote error: tls"), strings.Contains(text, "closed by remote after TLS handshake"), errors.Is(err, io.EOF) && o.TLS != nil:
		return fmt.Sprintf("it does not accept the certificate in queue.jetstream.tls.cert_file (%v): use one that the CA of this cluster has signed, and look at the clocks", err)
	case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrAuthExpired), strings.Contains(strings.ToLower(text), "authorization violation"):
		return fmt.Sprintf("it does not let gateway %q in: its certificate or credentials are those of no user; add the gateway with syslog-gateway-queue init, or correct queue.jetstream.tls and credentials_file", o.Gateway)
	case errors.Is(err, nats.ErrSecureConnRequired):
		return "it wants TLS: write tls:// in queue.jetstream.servers and set queue.jetstream.tls"
	case errors.Is(err, nats.ErrSecureConnWanted):
		return "it does not speak TLS: give it a certificate, or write nats:// in queue.jetstream.servers and remove queue.jetstream.tls"
	}
	return fmt.Sprintf("it cannot be used (%v): look into its log", err)
}
