package config

import (
	"fmt"
	"net/netip"
	"reflect"
	"strings"

	"syslog-gateway/internal/certificate"
)

// Files returns the files of a listener: the certificate of cert_file first, then those of
// certificates.
func (t ServerTLS) Files() certificate.Files {
	f := certificate.Files{CAFile: t.ClientCAFile, CRLFile: t.CRLFile}
	if t.CertFile != "" {
		f.Pairs = append(f.Pairs, certificate.Pair{CertFile: t.CertFile, KeyFile: t.KeyFile})
	}
	for _, p := range t.Certificates {
		f.Pairs = append(f.Pairs, certificate.Pair(p))
	}
	return f
}

// On reports whether there is a certificate, without which there is no TLS.
func (t ServerTLS) On() bool { return t.CertFile != "" || len(t.Certificates) > 0 }

// any reports whether a key is set that has no meaning without TLS.
func (t ServerTLS) any() bool {
	return t.On() || t.KeyFile+t.ClientCAFile+t.CRLFile != "" || len(t.ClientNames) > 0
}

// problem says what is wrong with keys that need each other, or "".
func (t ServerTLS) problem() string {
	switch {
	case (t.CertFile == "") != (t.KeyFile == ""):
		return "needs cert_file and key_file together; set both, or none of them"
	case !t.On() && t.any():
		return "needs cert_file and key_file together with what clients have to show"
	case t.ClientCAFile == "" && t.CRLFile != "":
		return "crl_file needs client_ca_file, the CAs that have signed the list"
	case t.ClientCAFile == "" && len(t.ClientNames) > 0:
		return "client_names needs client_ca_file: without it clients show no certificate"
	}
	return ""
}

// keyPairs allows a list of certificates with their keys.
func keyPairs() rule {
	return rule{allowed: "a list such as [{cert_file: /etc/a.pem, key_file: /etc/a.key}]", check: func(value any) string {
		for i, p := range value.([]KeyPair) {
			for _, path := range []string{p.CertFile, p.KeyFile} {
				if wrong := required("a PEM file").check(path); wrong != "" {
					return fmt.Sprintf("entry %d: cert_file or key_file %s", i+1, wrong)
				}
			}
		}
		return ""
	}}
}

// convertKeyPairs converts a YAML list of sections to key pairs.
func convertKeyPairs(v any) (any, string) {
	items, ok := v.([]any)
	if !ok {
		return nil, shown(v) + "; write a list"
	}
	var all []KeyPair
	for i, item := range items {
		var wrong problems
		m, _ := conform(keyPath{}, item, reflect.TypeFor[KeyPair](), &wrong)
		if len(wrong) > 0 {
			return nil, fmt.Sprintf("entry %d: %v", i+1, wrong[0])
		}
		section := m.(map[string]any)
		cert, _ := section["cert_file"].(string)
		key, _ := section["key_file"].(string)
		all = append(all, KeyPair{cert, key})
	}
	return all, ""
}

// clientName allows a name that a certificate can have.
func clientName() rule {
	return word("a DNS name, an IP address or a common name", func(v string) string {
		if wrong := required("").check(v); wrong != "" {
			return wrong
		}
		if strings.Contains(strings.TrimPrefix(v, "*."), "*") || v == "*." {
			return display(v) + " has a * that does not stand for the first label"
		}
		if p, err := netip.ParsePrefix(v); err == nil {
			return display(v) + " is a network; write addresses such as " + p.Addr().String()
		}
		return ""
	})
}
