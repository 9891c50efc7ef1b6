package workflow

import (
	"context"
	"errors"
	"fmt"

	"syslog-gateway/internal/infra/amazon"
	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/workflow/preflight"
	"syslog-gateway/internal/infra/zone"
	"syslog-gateway/internal/printable"
)

// TryAWS tries what an apply does in S3, DynamoDB and Route 53, as far as the declaration
// uses them. What it writes has names of its own, and is deleted. If a right is missing,
// the last finding has the IAM policy with all rights.
func (s Site) TryAWS(ctx context.Context, e *declaration.Estate) []preflight.Finding {
	t := new(trials)
	if err := t.state(ctx, s); err != nil {
		t.add("state", "", err)
	}
	if err := t.zone(ctx, e); err != nil {
		t.add("DNS", "", err)
	}
	if t.denied {
		t.found = append(t.found, preflight.Finding{State: preflight.Fail, What: "AWS rights",
			Says: "create this IAM policy, and attach it to the user or role that runs this: " + amazon.Policy(t.rights)})
	}
	return t.found
}

// trials are what came of trying, and the rights that are needed.
type trials struct {
	found  []preflight.Finding
	rights []amazon.Right
	denied bool
}

func (t *trials) add(what, says string, err error) {
	f := preflight.Finding{State: preflight.Fine, What: what, Says: says}
	if err != nil {
		f.State, f.Says = preflight.Fail, err.Error()
		t.denied = t.denied || errors.Is(err, amazon.ErrDenied)
	}
	t.found = append(t.found, f)
}

// state tries the record and the lock that are shared.
func (t *trials) state(ctx context.Context, s Site) error {
	b, err := s.backend(ctx)
	if err != nil || !b.Shared() {
		return err
	}
	t.rights = append(t.rights, b.Rights()...)
	if err := b.Ready(ctx); err != nil {
		return err
	}
	record, err := b.Load(ctx)
	says := ""
	if err == nil {
		says = fmt.Sprintf("serial %d, %s", record.Serial, printable.Count(len(record.Objects), "object"))
	}
	t.add("record "+b.String(), says, err)
	for _, tried := range b.Try(ctx) {
		t.add("access to "+tried.Place, "written, read, not written over, and deleted, beside it", tried.Err)
	}
	held, err := b.Holders(ctx)
	t.add("lock", "free", err)
	if len(held) > 0 {
		t.found[len(t.found)-1] = preflight.Finding{State: preflight.Warn, What: "lock", Says: held[0].String()}
	}
	return nil
}

// zone tries the zone of the declared records.
func (t *trials) zone(ctx context.Context, e *declaration.Estate) error {
	z, err := openZone(ctx, e)
	if err != nil || z == nil {
		return err
	}
	t.rights = append(t.rights, z.Rights()...)
	if err := z.account.Lasting(ctx, leastLeft); err != nil {
		return err
	}
	records, err := z.Records(ctx)
	if err != nil {
		return err
	}
	if names := e.DNS.Names(); len(names) > 0 {
		err = z.Try(ctx, zone.MarkName(names[0]))
	}
	t.add("DNS", fmt.Sprintf("zone %s, %d records; they may be changed", z, len(records)), err)
	return nil
}
