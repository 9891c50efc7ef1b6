package preflight

import (
	"context"
	"slices"
	"strings"
	"time"

	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/pve"
)

// renewal is how long before its end Proxmox VE renews a certificate; a shorter time left
// means that it could not.
const renewal = 30 * 24 * time.Hour

// grace is how long it may try before that is worth a word.
const grace = 5 * 24 * time.Hour

// served is the certificate that a node shows, as /nodes/N/certificates/info has it.
type served struct {
	Filename string
	SAN      []string
	NotAfter pve.Int // seconds since 1970
}

// certificates checks the certificates of nodes that are declared.
func (p *preflight) certificates(ctx context.Context) {
	for _, c := range p.Estate.Extra.ACMECertificates {
		var all []served
		if err := p.Client.Get(ctx, pve.Path("nodes", c.Node, "certificates", "info"), nil, &all); err != nil {
			p.add(Fail, "certificate of "+c.Node, "%v", err)
			continue
		}
		i := slices.IndexFunc(all, func(s served) bool { return s.Filename == "pveproxy-ssl.pem" })
		if i < 0 {
			p.add(Warn, "certificate of "+c.Node, "none is ordered yet: apply orders it")
			continue
		}
		state, says := p.judge(c, all[i])
		p.add(state, "certificate of "+c.Node, "%s", says)
	}
}

func (p *preflight) judge(c declaration.ACMECertificate, s served) (state, says string) {
	end := time.Unix(int64(s.NotAfter), 0)
	until := strings.Join(s.SAN, ", ") + ", until " + end.UTC().Format(time.DateOnly)
	var missing []string
	for _, d := range c.Domains {
		if !slices.Contains(s.SAN, d) {
			missing = append(missing, d)
		}
	}
	switch left := end.Sub(p.Now()); {
	case s.NotAfter == 0:
		return Warn, "Proxmox VE does not say when it ends"
	case left <= 0:
		return Fail, until + ": it has expired; run on the node: pvenode acme cert renew --force"
	case left < renewal-grace:
		return Warn, until + ": Proxmox VE should have renewed it; see the log of its task acmerenew"
	case len(missing) > 0:
		return Warn, until + ": it lacks " + strings.Join(missing, ", ") + ": apply orders it again"
	}
	return Fine, until
}
