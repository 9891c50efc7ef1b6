package amazon

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"

	"syslog-gateway/internal/infra/zone"
)

const (
	maxRecords = 50_000           // that are read; the quota of a zone is 10,000
	spread     = 5 * time.Minute  // for a change to reach all name servers; mostly one
	firstPause = time.Second      // between two questions about that
	maxPause   = 10 * time.Second //
)

// HostedZone is a zone of Route 53. Its methods may be called by several goroutines.
type HostedZone struct {
	account *Account
	client  *route53.Client
	id      string
	name    string
	pause   time.Duration

	mu sync.Mutex // of writes: Route 53 refuses one that overtakes another
}

// HostedZone gives a zone by its ID, such as Z0123456789ABCDEFGHIJ, and its name. Nothing
// is sent.
func (a *Account) HostedZone(id, name string) *HostedZone {
	client := route53.NewFromConfig(a.conf, func(o *route53.Options) {
		if a.options.Endpoint != "" {
			o.BaseEndpoint = aws.String(a.options.Endpoint)
		}
	})
	return &HostedZone{account: a, client: client, id: id, name: zone.Name(name), pause: firstPause}
}

// String is the zone for people.
func (z *HostedZone) String() string { return z.name + " (" + z.id + ")" }

// Records reads all records of the zone. It is an error if the zone of that ID has another
// name: then it is somebody else's, or the ID is wrong.
func (z *HostedZone) Records(ctx context.Context) ([]zone.Record, error) {
	ctx, cancel := z.account.bound(ctx)
	defer cancel()
	out, err := z.client.GetHostedZone(ctx, &route53.GetHostedZoneInput{Id: &z.id})
	if err != nil {
		return nil, fail(err, "read the Route 53 zone %s", z)
	}
	if out.HostedZone == nil || zone.Name(aws.ToString(out.HostedZone.Name)) != z.name {
		name := ""
		if out.HostedZone != nil {
			name = zone.Name(aws.ToString(out.HostedZone.Name))
		}
		return nil, fmt.Errorf("the Route 53 zone %s is %.253q, not %s: correct dns.route53.zone or zone_id; nothing was done", z.id, name, z.name)
	}
	return z.list(ctx, "")
}

// list reads the records of a name; "" for all.
func (z *HostedZone) list(ctx context.Context, name string) ([]zone.Record, error) {
	in := &route53.ListResourceRecordSetsInput{HostedZoneId: &z.id}
	if name != "" {
		in.StartRecordName = aws.String(name + ".")
	}
	var all []zone.Record
	for {
		out, err := z.client.ListResourceRecordSets(ctx, in)
		if err != nil {
			return nil, fail(err, "read the records of the Route 53 zone %s", z)
		}
		for _, s := range out.ResourceRecordSets {
			r := record(s)
			if name != "" && r.Name != name {
				return all, nil
			}
			all = append(all, r)
		}
		if !out.IsTruncated || out.NextRecordName == nil {
			return all, nil
		}
		if len(all) > maxRecords {
			return nil, fmt.Errorf("read the records of the Route 53 zone %s: there are more than %d", z, maxRecords)
		}
		in.StartRecordName, in.StartRecordType, in.StartRecordIdentifier = out.NextRecordName, out.NextRecordType, out.NextRecordIdentifier
	}
}

func record(s types.ResourceRecordSet) zone.Record {
	r := zone.Record{Name: zone.Name(aws.ToString(s.Name)), Type: string(s.Type), TTL: aws.ToInt64(s.TTL)}
	for _, v := range s.ResourceRecords {
		r.Values = append(r.Values, aws.ToString(v.Value))
	}
	switch {
	case s.SetIdentifier != nil:
		r.Special = "set " + *s.SetIdentifier
	case s.AliasTarget != nil:
		r.Special = "alias of " + zone.Name(aws.ToString(s.AliasTarget.DNSName))
	case s.TrafficPolicyInstanceId != nil:
		r.Special = "traffic policy " + *s.TrafficPolicyInstanceId
	}
	return r
}

// Change makes all edits or none, and waits until all name servers have them. The error is
// ErrConflict if a record is not as the edits want it. A change whose answer was lost
// counts as done if the records are there.
func (z *HostedZone) Change(ctx context.Context, edits []zone.Edit) error {
	id, err := z.send(ctx, edits)
	if err != nil || id == "" {
		return err
	}
	return z.wait(ctx, id)
}

// send returns the ID of the change; "" if it was made by a request whose answer was lost.
func (z *HostedZone) send(ctx context.Context, edits []zone.Edit) (string, error) {
	z.mu.Lock()
	defer z.mu.Unlock()
	ctx, cancel := z.account.bound(ctx)
	defer cancel()
	batch := &types.ChangeBatch{Comment: aws.String("provision")}
	var names []string
	for _, e := range edits {
		batch.Changes = append(batch.Changes, wire(e))
		if !strings.HasPrefix(e.Record.Name, "_") && !slices.Contains(names, e.Record.Name) {
			names = append(names, e.Record.Name)
		}
	}
	out, err := z.client.ChangeResourceRecordSets(ctx, &route53.ChangeResourceRecordSetsInput{HostedZoneId: &z.id, ChangeBatch: batch})
	if err != nil {
		err = fail(err, "change %s in the Route 53 zone %s", strings.Join(names, ", "), z)
		if f, ok := errors.AsType[*failure](err); ok && (f.UnknownOutcome() || errors.Is(err, ErrConflict)) && ctx.Err() == nil {
			// The SDK repeats a request whose answer was lost: the second one is refused.
			if done, readErr := z.made(ctx, edits); readErr == nil && done {
				return "", nil
			}
		}
		return "", err
	}
	if out.ChangeInfo == nil || out.ChangeInfo.Status == types.ChangeStatusInsync {
		return "", nil
	}
	return aws.ToString(out.ChangeInfo.Id), nil
}

// made says whether the records are as after the edits.
func (z *HostedZone) made(ctx context.Context, edits []zone.Edit) (bool, error) {
	for _, e := range edits {
		live, err := z.list(ctx, e.Record.Name)
		if err != nil {
			return false, err
		}
		replaced := e.Remove && slices.ContainsFunc(edits, func(o zone.Edit) bool {
			return !o.Remove && o.Record.Name == e.Record.Name && o.Record.Type == e.Record.Type
		})
		there := slices.ContainsFunc(live, func(r zone.Record) bool {
			return r.Type == e.Record.Type && r.Name == e.Record.Name && (e.Remove || r.Equal(e.Record))
		})
		if !replaced && there == e.Remove {
			return false, nil
		}
	}
	return true, nil
}

// unknownChange is a change that no zone has.
const unknownChange = "C0000000000000"

// Try makes sure that records may be changed, without changing any: it asks to delete a
// record that does not exist. name is that of the record, so that rights on single names
// are tried, too; its type is TXT.
func (z *HostedZone) Try(ctx context.Context, name string) error {
	one, cancel := z.account.bound(ctx)
	defer cancel()
	never := zone.Edit{Remove: true, Record: zone.Record{Name: name, Type: "TXT", TTL: 60, Values: []string{`"provision check ` + rand.Text() + `"`}}}
	_, err := z.client.ChangeResourceRecordSets(one, &route53.ChangeResourceRecordSetsInput{HostedZoneId: &z.id,
		ChangeBatch: &types.ChangeBatch{Changes: []types.Change{wire(never)}}})
	if err = fail(err, "try to change %s in the Route 53 zone %s", name, z); err != nil && !errors.Is(err, ErrConflict) {
		return err
	}
	_, err = z.client.GetChange(one, &route53.GetChangeInput{Id: aws.String(unknownChange)})
	if code(err, "NoSuchChange", "InvalidInput") {
		return nil
	}
	return fail(err, "ask whether a change of the Route 53 zone %s is done", z)
}

func wire(e zone.Edit) types.Change {
	s := &types.ResourceRecordSet{Name: aws.String(e.Record.Name + "."), Type: types.RRType(e.Record.Type), TTL: aws.Int64(e.Record.TTL)}
	for _, v := range e.Record.Values {
		s.ResourceRecords = append(s.ResourceRecords, types.ResourceRecord{Value: aws.String(v)})
	}
	if e.Remove {
		return types.Change{Action: types.ChangeActionDelete, ResourceRecordSet: s}
	}
	return types.Change{Action: types.ChangeActionCreate, ResourceRecordSet: s}
}

// wait waits for a change to reach all name servers.
func (z *HostedZone) wait(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(ctx, spread)
	defer cancel()
	said := func(err error) error {
		return fmt.Errorf("Route 53 has the change %s of %s, but whether all name servers have it is not known: %w; apply again later", //nolint:staticcheck // a name begins it
			strings.TrimPrefix(id, "/change/"), z, err)
	}
	for pause := z.pause; ; pause = min(2*pause, maxPause) {
		if !sleep(ctx, pause) {
			return said(ctx.Err())
		}
		one, cancel := z.account.bound(ctx)
		out, err := z.client.GetChange(one, &route53.GetChangeInput{Id: &id})
		cancel()
		switch {
		case err != nil:
			return said(fail(err, "read it"))
		case out.ChangeInfo != nil && out.ChangeInfo.Status == types.ChangeStatusInsync:
			return nil
		}
	}
}
