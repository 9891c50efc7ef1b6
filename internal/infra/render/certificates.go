package render

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"syslog-gateway/internal/infra/declaration"
)

// Certificates are the files by which guests get their declared certificates: KEY.ini for
// certbot, with KEY.service.conf where its service needs a variable, or KEY.sh for the
// internal CA. keys restricts them; none means all.
func Certificates(e *declaration.Estate, keys []string) ([]File, error) {
	var known []string
	for _, c := range e.GuestCertificates {
		known = append(known, c.Key)
	}
	if len(known) == 0 {
		return nil, fmt.Errorf("render: no certificate is declared: write guest_certificates, see docs/provision.md")
	}
	for _, k := range keys {
		if !slices.Contains(known, k) {
			return nil, fmt.Errorf("render: %q is not declared under guest_certificates; these are: %s", k, strings.Join(known, ", "))
		}
	}
	var files []File
	for _, c := range e.GuestCertificates {
		switch {
		case len(keys) > 0 && !slices.Contains(keys, c.Key):
		case c.Challenge == declaration.ChallengeInternal:
			files = append(files, internalCA(c))
		default:
			files = append(files, certbot(c)...)
		}
	}
	return files, nil
}

// certbot is a configuration for one certificate (certbot's documentation, Configuration
// file). Debian's certbot.timer renews it with the same settings.
func certbot(c declaration.GuestCertificate) []File {
	var b bytes.Buffer
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	bundle := ""
	if c.CAFile != "" {
		bundle = "REQUESTS_CA_BUNDLE=" + c.CAFile + " "
	}
	line("# %s.ini of %s, by `provision render certificates`: change the declaration and render again.", c.Key, c.Guest)
	line("# On the guest: %scertbot certonly -c %s.ini", bundle, c.Key)
	line("# Files: /etc/letsencrypt/live/%s/fullchain.pem and privkey.pem", c.Key)
	if c.Challenge == declaration.ChallengeRoute53 {
		line("# Needs python3-certbot-dns-route53, and AWS credentials for its zone in /root/.aws/credentials.")
		line("authenticator = dns-route53")
	} else {
		line("# Needs port 80 of the guest, reachable for the server.")
		line("authenticator = standalone")
		line("preferred-challenges = http")
	}
	line("server = %s", c.Server)
	line("cert-name = %s", c.Key)
	line("domains = %s", strings.Join(c.Domains, ","))
	if c.Email != "" {
		line("email = %s", c.Email)
	} else {
		line("register-unsafely-without-email = true")
	}
	line("agree-tos = true")
	line("non-interactive = true")
	line("keep-until-expiring = true")
	line("renew-with-new-domains = true")
	line("key-type = ecdsa")
	if c.Reload != "" {
		line("deploy-hook = %s", c.Reload)
	}
	files := []File{{Name: c.Key + ".ini", Text: b.Bytes()}}
	if c.CAFile != "" {
		text := fmt.Sprintf("# On %s: /etc/systemd/system/certbot.service.d/%s.conf, then systemctl daemon-reload\n[Service]\nEnvironment=%s\n",
			c.Guest, c.Key, strings.TrimSpace(bundle))
		files = append(files, File{Name: c.Key + ".service.conf", Text: []byte(text)})
	}
	return files
}

// internalCA makes or renews a certificate of the CA of gateway tls init.
func internalCA(c declaration.GuestCertificate) File {
	text := fmt.Sprintf("#!/bin/sh\n# %s.sh of %s, by `provision render certificates`: run it on the guest once, and again before 825 days are over.\nset -eu\n"+
		"gateway tls init \"${1:-/etc/syslog-gateway/tls}\" --name %s\n", c.Key, c.Guest, strings.Join(c.Domains, ","))
	return File{Name: c.Key + ".sh", Text: []byte(text)}
}
