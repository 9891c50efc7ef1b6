package declaration

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"syslog-gateway/internal/infra/declaration/reader"
)

// maxNodeDomains is how many domains a node's certificate may have: acmedomain0 to
// acmedomain4 of its configuration.
const maxNodeDomains = 5

// domains reads domain, or domains: then they are all.
func (b acme) domains(o *reader.Object) (list []string, complete bool) {
	if complete = o.Get("domains") != nil; complete {
		list = certificateNames(b.report, o, "domains", maxNodeDomains)
	}
	if !complete || o.Get("domain") != nil {
		domain := o.NeedText("domain", reader.NotEmpty, certificateName)
		switch {
		case complete:
			b.report.Problem(o.Place("domain"), "and domains are both given", "write all names into domains")
		case domain != "":
			list = []string{domain}
		}
	}
	if slices.ContainsFunc(list, isWildcard) {
		b.report.AddNote(o.Value, "Proxmox VE takes no wildcard for a node before its bug 5719 is mended", "if it refuses, nothing is ordered: name the hosts instead")
	}
	return list, complete
}

// GuestCertificate is a certificate that a guest gets for itself.
type GuestCertificate struct {
	Key       string
	Guest     string // key of the guest that runs certbot
	Domains   []string
	Challenge string // route53, http or internal
	Server    string // URL of the ACME directory
	CAFile    string // that the server's own certificate is verified by; "": the system's
	Email     string // "" for none
	Reload    string // command after a renewal; "" for none
}

// How a guest proves that a name is its own.
const (
	ChallengeRoute53  = "route53"  // dns-01, by certbot's plugin for Route 53
	ChallengeHTTP     = "http"     // http-01, certbot listens on port 80
	ChallengeInternal = "internal" // none: the CA of gateway tls init
)

// plainCommand is one that needs no quotes in certbot's configuration.
var plainCommand = regexp.MustCompile(`^[A-Za-z0-9/][A-Za-z0-9 _./:@=-]*$`)

const letsEncrypt = "https://acme-v02.api.letsencrypt.org/directory"

// maxNames is the limit of Let's Encrypt for one certificate.
const maxNames = 100

// guestCertificates reads the section guest_certificates.
type guestCertificates struct {
	report *reader.Report
	estate *Estate
}

func (b guestCertificates) read(r *reader.Object) []GuestCertificate {
	return each(r, "guest_certificates", pluginRule, func(o reader.Entry) GuestCertificate {
		c := GuestCertificate{
			Key:       o.Key,
			Guest:     o.NeedText("guest"),
			Domains:   certificateNames(b.report, o.Object, "domains", maxNames),
			Challenge: o.Word("challenge", ChallengeRoute53, ChallengeRoute53, ChallengeHTTP, ChallengeInternal),
			Server:    o.Text("server", letsEncrypt, httpsRule, singleLine),
			CAFile:    o.Text("ca_file", "", optional(absolute)),
			Email:     o.Text("email", "", optional(emailRule)),
			Reload:    o.Text("reload", "", optional(pattern(plainCommand, "is not a plain command", "use letters, digits, blanks and - _ . / : @ = alone; put more into a script"))),
		}
		b.check(o.Object, c)
		return c
	})
}

func (b guestCertificates) check(o *reader.Object, c GuestCertificate) {
	if o.Get("domains") == nil {
		o.Missing("domains")
	}
	if c.Guest != "" && !slices.ContainsFunc(b.estate.Guests(), func(g *Guest) bool { return g.Key == c.Guest }) {
		b.report.Problem(o.Place("guest"), o.Place("guest").Shown()+" is not a declared guest", "write its key under containers or vms")
	}
	if c.Challenge != ChallengeRoute53 && slices.ContainsFunc(c.Domains, isWildcard) {
		b.report.Problem(o.Place("domains"), "has a wildcard, which only the challenge route53 can prove", `name the hosts, or write "challenge": "route53"`)
	}
	if c.Challenge == ChallengeInternal {
		for _, key := range []string{"server", "ca_file", "email", "reload"} {
			if o.Get(key) != nil {
				b.report.Problem(o.Place(key), "has no effect with the internal CA", "remove it")
			}
		}
	}
}

// certificateNames reads the names of a certificate, each once.
func certificateNames(report *reader.Report, o *reader.Object, key string, most int) []string {
	list := o.Texts(key, nil, reader.NotEmpty, certificateName)
	if v := o.Get(key); v != nil && v.Kind == reader.KindList && (len(list) == 0 || len(list) > most) {
		report.Problem(v, fmt.Sprintf("has %d names", len(list)), fmt.Sprintf("give 1 to %d", most))
	}
	for i, name := range list {
		if slices.Contains(list[:i], name) {
			report.Problem(o.Place(key), o.Place(key).Items[i].Shown()+" is there twice", "give each name once")
		}
	}
	return list
}

// certificateName wants a DNS name, which may begin with "*.".
func certificateName(s string) (string, string) {
	rest, wild := strings.CutPrefix(s, "*.")
	if wild && !strings.Contains(rest, ".") {
		return "is a wildcard for a whole top-level domain", "write *.NAME.TLD"
	}
	return domainRule(rest)
}

func isWildcard(name string) bool { return strings.HasPrefix(name, "*.") }

// optional lets a rule pass an empty text.
func optional(rule reader.Rule) reader.Rule {
	return func(s string) (string, string) {
		if s == "" {
			return "", ""
		}
		return rule(s)
	}
}
