package certificate

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// serial names a certificate in a revocation list.
type serial struct{ issuer, number string }

// removed is the reason of an entry that takes back an earlier one (RFC 5280 section 5.3.1).
const removed = 8

// loadCRL takes the revocation lists of a file. Each has to be signed by one of the CAs.
func (c *content) loadCRL(path string, data []byte, cas []*x509.Certificate) error {
	c.revoked = make(map[serial]bool)
	lists := 0
	add := func(der []byte) error {
		lists++
		crl, err := x509.ParseRevocationList(der)
		if err != nil {
			return err
		}
		if err := signedByOne(crl, cas); err != nil {
			return err
		}
		for _, e := range crl.RevokedCertificateEntries {
			if e.ReasonCode != removed {
				c.revoked[serial{string(crl.RawIssuer), string(e.SerialNumber.Bytes())}] = true
			}
		}
		if !crl.NextUpdate.IsZero() {
			c.crlEnds.earlier(crl.NextUpdate, path, crl.Issuer.String())
		}
		return nil
	}
	if block, _ := pem.Decode(data); block == nil && len(data) > 0 && data[0] == 0x30 { // a DER sequence
		return add(data)
	}
	if err := eachBlock(data, "X509 CRL", add); err != nil {
		return err
	}
	if lists == 0 {
		return errors.New("holds no certificate revocation list")
	}
	return nil
}

func signedByOne(crl *x509.RevocationList, cas []*x509.Certificate) error {
	var last error
	for _, ca := range cas {
		if string(ca.RawSubject) != string(crl.RawIssuer) {
			continue
		}
		if last = crl.CheckSignatureFrom(ca); last == nil {
			return nil
		}
	}
	if last != nil {
		return fmt.Errorf("the signature of the list of %.100q is wrong: %w", crl.Issuer, last)
	}
	return fmt.Errorf("the list of %.100q is of none of the CAs in client_ca_file", crl.Issuer)
}

// verify checks the certificate of a client: one of the CAs has signed it, for this
// purpose; nothing of its chain is revoked; and it has one of the names, if there are any.
func (c *content) verify(peer []*x509.Certificate, names []string) error {
	if len(peer) == 0 {
		return errors.New("the client has no certificate")
	}
	leaf := peer[0]
	options := x509.VerifyOptions{
		Roots: c.cas, Intermediates: x509.NewCertPool(),
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, // as crypto/tls does
	}
	for _, cert := range peer[1:] {
		options.Intermediates.AddCert(cert)
	}
	chains, err := leaf.Verify(options)
	if err != nil {
		return fmt.Errorf("the client's certificate %q: %w", subject(leaf), &tls.CertificateVerificationError{UnverifiedCertificates: peer, Err: err})
	}
	if !c.anyUnrevoked(chains) {
		return fmt.Errorf("the client's certificate %q is revoked by crl_file", subject(leaf))
	}
	if len(names) > 0 && !permitted(leaf, names) {
		return fmt.Errorf("the client's certificate has none of the client_names; it has %.300q", namesOf(leaf))
	}
	return nil
}

func (c *content) anyUnrevoked(chains [][]*x509.Certificate) bool {
	for _, chain := range chains {
		revoked := false
		for _, cert := range chain {
			revoked = revoked || c.revoked[serial{string(cert.RawIssuer), string(cert.SerialNumber.Bytes())}]
		}
		if !revoked {
			return true
		}
	}
	return false
}

// namesOf returns the names of a certificate: DNS names, IP addresses, common name.
func namesOf(cert *x509.Certificate) []string {
	names := slices.Clone(cert.DNSNames)
	for _, ip := range cert.IPAddresses {
		names = append(names, ip.String())
	}
	if cn := cert.Subject.CommonName; cn != "" && !slices.Contains(names, cn) {
		names = append(names, cn)
	}
	return names
}

// permitted reports whether a certificate has one of the names. A name may begin with "*.",
// which stands for one label (RFC 5425 section 5.2).
func permitted(cert *x509.Certificate, names []string) bool {
	for _, have := range namesOf(cert) {
		for _, want := range names {
			if sameName(have, want) {
				return true
			}
		}
	}
	return false
}

func sameName(have, want string) bool {
	if a, err := netip.ParseAddr(want); err == nil {
		b, err := netip.ParseAddr(have)
		return err == nil && a.Unmap() == b.Unmap()
	}
	have, want = strings.TrimSuffix(have, "."), strings.TrimSuffix(want, ".")
	if domain, any := strings.CutPrefix(want, "*."); any {
		label, rest, _ := strings.Cut(have, ".")
		return label != "" && strings.EqualFold(rest, domain)
	}
	return strings.EqualFold(have, want)
}
