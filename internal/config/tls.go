package config

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
)

// Config loads the files and returns the TLS configuration of a listener, or nil if the
// section names no certificate.
func (t ServerTLS) Config() (*tls.Config, error) {
	if t.CertFile == "" {
		return nil, nil
	}
	cert, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("load cert_file %s with key_file %s: %w", t.CertFile, t.KeyFile, err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: t.MinVersion.Number()}
	if t.ClientCAFile != "" {
		if config.ClientCAs, err = loadCAs("client_ca_file", t.ClientCAFile); err != nil {
			return nil, err
		}
		config.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return config, nil
}

// Config loads the CA file and returns the TLS configuration of a client.
func (t ClientTLS) Config() (*tls.Config, error) {
	config := &tls.Config{
		MinVersion:         tls.VersionTLS12,
		ServerName:         t.ServerName,
		InsecureSkipVerify: t.InsecureSkipVerify, // the decision of the user; the reference names the risk
	}
	if t.CAFile != "" {
		var err error
		if config.RootCAs, err = loadCAs("ca_file", t.CAFile); err != nil {
			return nil, err
		}
	}
	return config, nil
}

func loadCAs(key, path string) (*x509.CertPool, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read %s %s: %w", key, path, cause(err))
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(data) {
		return nil, fmt.Errorf("%s %s holds no PEM certificate", key, path)
	}
	return pool, nil
}
