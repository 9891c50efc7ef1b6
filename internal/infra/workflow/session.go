package workflow

import (
	"context"
	"fmt"

	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/plan"
	"syslog-gateway/internal/infra/plan/change"
	"syslog-gateway/internal/infra/plan/live"
	"syslog-gateway/internal/infra/state"
	"syslog-gateway/internal/infra/state/backend"
)

// Session is an estate beside its live cluster. It only reads.
type Session struct {
	site    Site
	estate  *declaration.Estate
	cluster *Cluster
	id      string // identity of the cluster
	backend *backend.Backend
	record  *state.Record
	dns     *dnsZone // nil if no records are declared
}

// Open loads the declaration and the record, connects, and makes sure that the record
// belongs to both. Close the session.
func Open(ctx context.Context, site Site, access Access) (*Session, error) {
	e, err := site.Check(ctx)
	if err != nil {
		return nil, err
	}
	b, err := site.backend(ctx)
	if err != nil {
		return nil, err
	}
	record, err := b.Load(ctx)
	if err != nil {
		return nil, err
	}
	if err := site.sameDeclaration(record); err != nil {
		return nil, err
	}
	c, err := Connect(access, e)
	if err != nil {
		return nil, err
	}
	s := &Session{site: site, estate: e, cluster: c, backend: b, record: record}
	if s.id, err = c.identity(ctx); err == nil {
		err = s.sameCluster(record)
	}
	if err == nil {
		s.dns, err = openZone(ctx, e)
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return s, nil
}

// Close ends the connections.
func (s *Session) Close() { s.cluster.Close() }

// sameCluster refuses the record of another cluster: its VMIDs mean other guests here.
func (s *Session) sameCluster(record *state.Record) error {
	if record.Cluster == "" || record.Cluster == s.id {
		return nil
	}
	return fmt.Errorf("the record in %s belongs to another Proxmox VE (%.32s) than this one (%.32s): use another --state-dir, or in S3 another state.key, for this one; "+
		"if it is the same one, reinstalled or with a new CA, move record.json away and run `provision adopt`",
		s.backend, record.Cluster, s.id)
}

// Plan compares the estate with what is live. The options say what is planned and
// allowed; the session fills in the rest.
func (s *Session) Plan(ctx context.Context, o plan.Options) (*plan.Plan, error) {
	if s.dns != nil {
		o.Zone = s.dns
	}
	return s.planGuests(ctx, o)
}

// planGuests is Plan without DNS records, unless the options have a zone.
func (s *Session) planGuests(ctx context.Context, o plan.Options) (*plan.Plan, error) {
	return plan.Make(ctx, s.cluster.Client, s.estate, s.complete(o))
}

// PlanDestroy plans the removal of declared guests.
func (s *Session) PlanDestroy(ctx context.Context, keys []string) (*plan.Plan, error) {
	return plan.MakeDestroy(ctx, s.cluster.Client, s.estate, keys, s.complete(plan.Options{}))
}

// Orphans lists the guests that are live and not declared.
func (s *Session) Orphans(ctx context.Context) ([]plan.Orphan, error) {
	return plan.Orphans(ctx, s.cluster.Client, s.estate, s.complete(plan.Options{}))
}

// complete adds to the options of a plan what the session knows.
func (s *Session) complete(o plan.Options) plan.Options {
	o.Root, o.Upload, o.Known = s.cluster.root() != nil, s.snippet, make(map[int]live.Known)
	o.Shared = make(map[string]bool)
	groups := false
	for _, r := range s.record.Objects {
		groups = groups || r.Kind == change.ObjectGroup
		if !isGuest(r) {
			o.Shared[r.Kind+"/"+r.Key] = true
		} else {
			o.Known[r.VMID] = live.Known{Key: r.Key, Kind: declaration.Kind(r.Kind), Name: r.Name, Class: r.Class,
				Protected: r.Protected, Unprotected: r.Unprotected, Inputs: r.Inputs}
		}
	}
	if !groups && s.record.Fingerprint != "" {
		// A release that did not record groups and plugins has applied all of it.
		for _, c := range plan.Shared(s.estate) {
			if c.Object != change.ObjectPool {
				o.Shared[c.ID()] = true
			}
		}
	}
	return o
}

// snippet gives the content of a declared snippet; false if it is not declared, or if
// there is no SSH key to upload it with.
func (s *Session) snippet(volume string) ([]byte, bool) {
	if !s.cluster.SSH.Usable() {
		return nil, false
	}
	for _, v := range s.estate.AllVMs() {
		if v.Snippet != "" && v.SnippetFile == volume {
			return []byte(v.Snippet), true
		}
	}
	return nil, false
}
