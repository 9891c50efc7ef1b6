package certificate

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

// Pair names the PEM files of a certificate with its chain, and of its private key.
type Pair struct{ CertFile, KeyFile string }

// Files names the files of one use. All are optional, except that a CRL needs a CA.
type Files struct {
	Pairs []Pair // the first is the default
	// CAFile has the CAs that certificates of the other side are verified with, in PEM.
	CAFile string
	// CRLFile has certificate revocation lists (RFC 5280 section 5) of these CAs, in PEM or
	// one in DER.
	CRLFile string
	// Client says that they are those of a client: CAFile is for servers.
	Client bool
}

// Check reads the files as the start of the gateway does. The error names the key of the
// configuration, the file and what is wrong.
func (f Files) Check() error {
	_, err := f.load()
	return err
}

// list returns the names of all files.
func (f Files) list() (names []string) {
	for _, p := range f.Pairs {
		names = append(names, p.CertFile, p.KeyFile)
	}
	for _, name := range []string{f.CAFile, f.CRLFile} {
		if name != "" {
			names = append(names, name)
		}
	}
	return names
}

// content is what the files of a use hold. It never changes.
type content struct {
	pairs    []tls.Certificate
	cas      *x509.CertPool // nil without a CAFile
	revoked  map[serial]bool
	sum      [sha256.Size]byte // of all files
	ends     ends              // of the certificate that expires first
	crlEnds  ends              // of the CRL that is to be replaced first; zero without one
	unusable error             // by now: a certificate that is expired or not valid yet
}

// ends is when something in a file ends, and what.
type ends struct {
	at         time.Time
	file, what string
}

func (e *ends) earlier(at time.Time, file, what string) {
	if e.at.IsZero() || at.Before(e.at) {
		*e = ends{at, file, what}
	}
}

// load reads the files.
func (f Files) load() (*content, error) {
	c, sum := new(content), sha256.New()
	read := func(key, path string) ([]byte, error) {
		data, err := readFile(key, path)
		fmt.Fprintf(sum, "%s %d ", path, len(data))
		sum.Write(data)
		return data, err
	}
	for _, p := range f.Pairs {
		if err := c.loadPair(p, read); err != nil {
			return nil, err
		}
	}
	var cas []*x509.Certificate
	if f.CAFile != "" {
		key := "ca_file"
		if len(f.Pairs) > 0 && !f.Client {
			key = "client_ca_file"
		}
		data, err := read(key, f.CAFile)
		if err == nil {
			cas, err = parseCertificates(data)
		}
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", key, f.CAFile, err)
		}
		c.useCAs(key, f.CAFile, cas)
	}
	if f.CRLFile != "" {
		data, err := read("crl_file", f.CRLFile)
		if err == nil {
			err = c.loadCRL(f.CRLFile, data, cas)
		}
		if err != nil {
			return nil, fmt.Errorf("crl_file %s: %w", f.CRLFile, err)
		}
	}
	sum.Sum(c.sum[:0])
	return c, nil
}

func (c *content) loadPair(p Pair, read func(key, path string) ([]byte, error)) error {
	wrong := func(err error) error {
		return fmt.Errorf("load cert_file %s with key_file %s: %w", p.CertFile, p.KeyFile, err)
	}
	certPEM, err := read("cert_file", p.CertFile)
	if err != nil {
		return wrong(err)
	}
	keyPEM, err := read("key_file", p.KeyFile)
	if err != nil {
		return wrong(err)
	}
	chain, err := parseCertificates(certPEM)
	if err != nil {
		return wrong(fmt.Errorf("cert_file: %w", err))
	}
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return wrong(err)
	}
	c.pairs = append(c.pairs, pair)
	for _, cert := range chain {
		c.ends.earlier(cert.NotAfter, p.CertFile, subject(cert))
	}
	c.unusable = errors.Join(c.unusable, validNow(p.CertFile, pair.Leaf))
	return nil
}

// useCAs takes the CAs. One of them has to be valid; others may be left over from before.
func (c *content) useCAs(key, path string, cas []*x509.Certificate) {
	c.cas = x509.NewCertPool()
	var wrong error
	valid := false
	for _, ca := range cas {
		c.cas.AddCert(ca)
		c.ends.earlier(ca.NotAfter, path, subject(ca))
		if err := validNow(key+" "+path, ca); err == nil {
			valid = true
		} else {
			wrong = err
		}
	}
	if !valid {
		c.unusable = errors.Join(c.unusable, wrong)
	}
}

func validNow(path string, cert *x509.Certificate) error {
	switch now := time.Now(); {
	case now.After(cert.NotAfter):
		return fmt.Errorf("%s: the certificate of %q has expired on %s", path, subject(cert), day(cert.NotAfter))
	case now.Before(cert.NotBefore):
		return fmt.Errorf("%s: the certificate of %q is not valid before %s: check the clock", path, subject(cert), cert.NotBefore.UTC().Format(time.RFC3339))
	}
	return nil
}

func day(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// subject names a certificate in a log: its common name, or its first name.
func subject(cert *x509.Certificate) string {
	name := cert.Subject.CommonName
	if names := namesOf(cert); name == "" && len(names) > 0 {
		name = names[0]
	}
	return name[:min(len(name), 100)]
}

// maxFile bounds a file: large revocation lists have some MiB.
const maxFile = 32 << 20

// readFile reads a file of the configuration's key.
func readFile(key, path string) ([]byte, error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s %s is not a file", key, path) // opening a pipe would wait
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, cause(key, path, err)
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	switch {
	case err != nil:
		return nil, cause(key, path, err)
	case len(data) > maxFile:
		return nil, fmt.Errorf("%s %s is larger than %d MiB", key, path, maxFile>>20)
	}
	return data, nil
}

// cause is an error of the system without the path twice.
func cause(key, path string, err error) error {
	if pathError := (*fs.PathError)(nil); errors.As(err, &pathError) {
		err = pathError.Err
	}
	return fmt.Errorf("read %s %s: %w", key, path, err)
}

// parseCertificates returns the certificates of a PEM file. There has to be one, and none
// may be cut: a chain that lost its end would break those who need the rest of it.
func parseCertificates(data []byte) (all []*x509.Certificate, err error) {
	err = eachBlock(data, "CERTIFICATE", func(der []byte) error {
		cert, err := x509.ParseCertificate(der)
		all = append(all, cert)
		return err
	})
	if err == nil && len(all) == 0 {
		err = errors.New("holds no PEM certificate")
	}
	return all, err
}

// eachBlock calls do for each PEM block of a kind.
func eachBlock(data []byte, kind string, do func(der []byte) error) error {
	for {
		block, rest := pem.Decode(data)
		if block == nil {
			if bytes.Contains(rest, []byte("-----BEGIN ")) {
				return errors.New("holds a PEM block that is not complete: is it still being written?")
			}
			return nil
		}
		if block.Type == kind {
			if err := do(block.Bytes); err != nil {
				return err
			}
		}
		data = rest
	}
}
