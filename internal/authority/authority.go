// Package authority is a small certificate authority in a folder, for the verb gateway tls
// init: one CA, the certificate of the gateway, and those of its clients.
//
//	ca.pem, ca.key                    the CA: ECDSA P-256, ten years
//	server.pem, server.key            the gateway's certificate, 825 days
//	client-NAME.pem, client-NAME.key  a client's, 825 days
//
// Keys have the mode 0600 and are never replaced.
package authority

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"syslog-gateway/internal/durable"
)

const (
	caYears = 10
	// leafDays is the longest validity that all platforms accept of a private CA.
	leafDays = 825
	// skew is how far the clock of a device may be behind.
	skew = time.Hour
)

// Authority is a CA in a folder.
type Authority struct {
	dir  string
	cert *x509.Certificate
	key  crypto.Signer
	// Made says that Open has made it.
	Made bool
}

// Open reads the CA of a folder, and makes folder and CA if there is none. A folder that has
// only a part of a CA is refused.
func Open(dir string) (*Authority, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make the folder of the CA: %w", err)
	}
	a := &Authority{dir: dir}
	data, err := os.ReadFile(a.path("ca.pem"))
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Lstat(a.path("ca.key")); err == nil {
			return nil, fmt.Errorf("%s is there without ca.pem: put the certificate back, or name another folder", a.path("ca.key"))
		}
		return a, a.make()
	}
	if err != nil {
		return nil, fmt.Errorf("read the CA: %w", err)
	}
	if a.cert, err = parse(data); err != nil {
		return nil, fmt.Errorf("read the CA %s: %w", a.path("ca.pem"), err)
	}
	if a.key, err = a.readKey("ca.key"); err != nil {
		return nil, err
	}
	switch public := a.key.Public().(interface{ Equal(crypto.PublicKey) bool }); {
	case !public.Equal(a.cert.PublicKey):
		return nil, fmt.Errorf("%s is not the key of ca.pem", a.path("ca.key"))
	case !a.cert.IsCA:
		return nil, fmt.Errorf("%s is not the certificate of a CA", a.path("ca.pem"))
	case time.Now().After(a.cert.NotAfter):
		return nil, fmt.Errorf("the CA %s has expired on %s: make another one in another folder", a.path("ca.pem"), a.cert.NotAfter.Format(time.DateOnly))
	}
	return a, nil
}

func (a *Authority) path(name string) string { return filepath.Join(a.dir, name) }

// make makes the CA. The key is written first: a certificate without it would be refused.
func (a *Authority) make() (err error) {
	if a.key, err = a.newKey("ca.key"); err != nil {
		return err
	}
	now := time.Now()
	host, _ := os.Hostname() // the name helps people only
	a.cert = &x509.Certificate{
		Subject:   pkix.Name{CommonName: strings.TrimSpace("syslog-gateway CA " + host)},
		NotBefore: now.Add(-skew), NotAfter: now.AddDate(caYears, 0, 0),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	a.Made = true
	a.cert, err = a.sign("ca.pem", a.cert, a.key.Public())
	return err
}

// Server makes or renews the certificate of the gateway, for names that are DNS names or IP
// addresses.
func (a *Authority) Server(names []string) (*x509.Certificate, error) {
	return a.leaf("server", names, x509.ExtKeyUsageServerAuth)
}

// Client makes or renews the certificate of a client.
func (a *Authority) Client(name string) (*x509.Certificate, error) {
	return a.leaf(ClientFile(name), []string{name}, x509.ExtKeyUsageClientAuth)
}

// Peer makes or renews the certificate of a node of a cluster, which is a server and a client
// of the others.
func (a *Authority) Peer(name string) (*x509.Certificate, error) {
	return a.leaf(PeerFile(name), []string{name}, x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth)
}

// PeerFile is the name of the files of a node, without .pem and .key.
func PeerFile(name string) string { return "node-" + strings.ReplaceAll(name, ":", "_") }

// ClientFile is the name of the files of a client, without .pem and .key.
func ClientFile(name string) string { return "client-" + strings.ReplaceAll(name, ":", "_") }

// CheckName says what is wrong with a name of a server or a client.
func CheckName(name string) error {
	if _, err := netip.ParseAddr(name); err == nil {
		return nil
	}
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
	for _, label := range strings.Split(strings.TrimPrefix(name, "*."), ".") {
		if label == "" || len(label) > 63 || strings.Trim(label, letters) != "" {
			return fmt.Errorf("%q is neither a DNS name nor an IP address", name)
		}
	}
	if len(name) > 253 {
		return fmt.Errorf("%.30q… is longer than 253 characters", name)
	}
	return nil
}

// leaf makes a certificate with the key that is there, or with a new one. It replaces only
// a certificate of this CA.
func (a *Authority) leaf(file string, names []string, usage ...x509.ExtKeyUsage) (*x509.Certificate, error) {
	for _, name := range names {
		if err := CheckName(name); err != nil {
			return nil, err
		}
	}
	now := time.Now()
	template := &x509.Certificate{
		Subject:   pkix.Name{CommonName: commonName(names)},
		NotBefore: now.Add(-skew), NotAfter: now.AddDate(0, 0, leafDays),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: usage,
		BasicConstraintsValid: true,
	}
	if template.NotAfter.After(a.cert.NotAfter) {
		template.NotAfter = a.cert.NotAfter
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	if err := a.ours(file + ".pem"); err != nil {
		return nil, err
	}
	key, err := a.readKey(file + ".key")
	if errors.Is(err, fs.ErrNotExist) {
		key, err = a.newKey(file + ".key")
	}
	if err != nil {
		return nil, err
	}
	return a.sign(file+".pem", template, key.Public())
}

// commonName is the first name that fits: a common name has at most 64 characters (RFC 5280,
// ub-common-name).
func commonName(names []string) string {
	for _, name := range names {
		if len(name) <= 64 {
			return name
		}
	}
	return "syslog-gateway"
}

// ours refuses to replace what this CA has not made.
func (a *Authority) ours(name string) error {
	data, err := os.ReadFile(a.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", a.path(name), err)
	}
	cert, err := parse(data)
	if err != nil || cert.CheckSignatureFrom(a.cert) != nil {
		return fmt.Errorf("%s is not a certificate of the CA in this folder, and is not overwritten; move it away, or name another folder", a.path(name))
	}
	return nil
}

// sign makes a certificate and writes it.
func (a *Authority) sign(name string, template *x509.Certificate, public crypto.PublicKey) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, public, a.key)
	if err != nil {
		return nil, fmt.Errorf("make %s: %w", name, err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	if err := durable.WriteFile(a.path(name), text, 0o644); err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// newKey makes a key in a file that is not there yet.
func (a *Authority) newKey(name string) (crypto.Signer, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make the key %s: %w", name, err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("make the key %s: %w", name, err)
	}
	return key, durable.WriteFile(a.path(name), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600)
}

func (a *Authority) readKey(name string) (crypto.Signer, error) {
	data, err := os.ReadFile(a.path(name))
	if err != nil {
		return nil, fmt.Errorf("read the key: %w", err)
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, fmt.Errorf("the key %s holds no PEM block", a.path(name))
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	signer, ok := key.(crypto.Signer)
	if err != nil || !ok {
		return nil, fmt.Errorf("the key %s is not a private key in PKCS #8, as gateway tls init writes it", a.path(name))
	}
	return signer, nil
}

func parse(data []byte) (*x509.Certificate, error) {
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, errors.New("holds no PEM block")
	}
	return x509.ParseCertificate(block.Bytes)
}
