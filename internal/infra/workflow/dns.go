package workflow

import (
	"context"
	"fmt"
	"slices"
	"time"

	"syslog-gateway/internal/infra/amazon"
	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/plan"
	"syslog-gateway/internal/infra/plan/change"
)

// leastLeft is how long AWS's credentials must last when records are about to be changed.
const leastLeft = 5 * time.Minute

// dnsZone is the zone of the declared records, in the account that the environment leads to.
type dnsZone struct {
	*amazon.HostedZone
	account *amazon.Account
}

// openZone finds region and credentials; nil if no records are declared.
func openZone(ctx context.Context, e *declaration.Estate) (*dnsZone, error) {
	if e.DNS == nil {
		return nil, nil
	}
	account, err := amazon.Open(ctx, amazon.Options{Global: true})
	if err != nil {
		return nil, fmt.Errorf("dns.route53: %w", err)
	}
	return &dnsZone{HostedZone: account.HostedZone(e.DNS.ZoneID, e.DNS.Zone), account: account}, nil
}

// ready makes sure, if the plan changes records, that credentials last for that.
func (z *dnsZone) ready(ctx context.Context, p *plan.Plan) error {
	changes := func(c change.Change) bool { return c.Object == change.ObjectRecord && len(c.Steps) > 0 }
	if z == nil || !slices.ContainsFunc(p.Changes, changes) {
		return nil
	}
	return z.account.Lasting(ctx, leastLeft)
}
