package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"syslog-gateway/internal/infra/apply"
	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/plan"
	"syslog-gateway/internal/infra/plan/change"
	"syslog-gateway/internal/infra/plan/live"
	"syslog-gateway/internal/infra/pve"
	"syslog-gateway/internal/infra/state"
)

// session is what a verb that talks to Proxmox VE works with.
type session struct {
	*settings
	estate  *declaration.Estate
	client  *pve.Client
	record  *state.Record
	cluster string // which Proxmox VE it is
	upload  *uploader
	rooted  *pve.Client // beside a token: root@pam by password; nil without one
}

// open loads the declaration and the record, builds the client, and makes sure that the
// record is of both. Nothing is written. Close it.
func (s *settings) open(cmd *cobra.Command) (*session, error) {
	e, err := s.checked(cmd)
	if err != nil {
		return nil, err
	}
	record, err := s.loadRecord()
	if err != nil {
		return nil, err
	}
	client, err := s.connect(e.Node)
	if err != nil {
		return nil, err
	}
	rooted, err := s.asRoot(e.Node)
	if err != nil {
		client.Close()
		return nil, err
	}
	r := &session{settings: s, estate: e, client: client, record: record, upload: newUploader(e, client), rooted: rooted}
	if err := r.claim(cmd.Context()); err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

// claim finds out which cluster this is, and whether the record is of it.
func (r *session) claim(ctx context.Context) error {
	if err := r.sameDeclaration(r.record); err != nil {
		return err
	}
	var err error
	if r.cluster, err = identity(ctx, r.client); err != nil {
		return err
	}
	return r.sameCluster()
}

func (r *session) close() {
	r.client.Close()
	if r.rooted != nil {
		r.rooted.Close()
	}
}

// loadRecord reads the record without making its folder.
func (s *settings) loadRecord() (*state.Record, error) {
	if _, err := os.Stat(s.state()); errors.Is(err, fs.ErrNotExist) {
		return new(state.Record), nil
	}
	dir, err := state.Open(s.state())
	if err != nil {
		return nil, err
	}
	return dir.Load()
}

// options are a plan's, as far as the session knows them.
func (r *session) planOptions(only []string, a allowances) plan.Options {
	known := make(map[int]live.Known)
	for _, o := range r.record.Objects {
		if guest(o) {
			known[o.VMID] = live.Known{Key: o.Key, Kind: declaration.Kind(o.Kind), Name: o.Name, Class: o.Class,
				Protected: o.Protected, Unprotected: o.Unprotected}
		}
	}
	return plan.Options{
		Only: only, AllowDestroy: a.destroy, AllowReplace: a.replace, AllowReboot: a.reboot, AllowReuse: a.reuse,
		Root: r.root() != nil, Upload: r.snippet, Known: known,
	}
}

// rootLogin logs in as root@pam where a step of the plan needs it, so that a wrong
// password is known before anything is begun.
func (r *session) rootLogin(ctx context.Context, p *plan.Plan) error {
	needs := func(c change.Change) bool {
		return slices.ContainsFunc(c.Steps, func(s change.Step) bool { return s.Root })
	}
	if r.rooted == nil || !slices.ContainsFunc(p.Changes, needs) {
		return nil
	}
	if _, err := r.rooted.Version(ctx); err != nil {
		return fmt.Errorf("nothing was done: a step needs root@pam itself, and the password in PROXMOX_VE_PASSWORD does not let it in: %w", err)
	}
	return nil
}

// root is a client that is root@pam itself, for what only it may; nil where there are
// no such credentials.
func (r *session) root() apply.API {
	switch {
	case r.client.IsRoot():
		return r.client
	case r.rooted != nil:
		return r.rooted
	}
	return nil
}

// asRoot builds the second client beside a token: a password of root@pam that is there
// as well is used for the steps that need it, and only for these.
func (s *settings) asRoot(node string) (*pve.Client, error) {
	if os.Getenv("PROXMOX_VE_API_TOKEN") == "" || os.Getenv("PROXMOX_VE_USERNAME") != "root@pam" || os.Getenv("PROXMOX_VE_PASSWORD") == "" {
		return nil, nil
	}
	return s.client(node, "")
}

// snippet is the content of a snippet that we can put on the node; false where it is
// none of ours or there is no SSH key.
func (r *session) snippet(volume string) ([]byte, bool) {
	if !r.upload.usable() {
		return nil, false
	}
	for _, v := range allVMs(r.estate) {
		if v.Snippet != "" && v.SnippetFile == volume {
			return []byte(v.Snippet), true
		}
	}
	return nil, false
}

func (r *session) makePlan(ctx context.Context, only []string, a allowances) (*plan.Plan, error) {
	return plan.Make(ctx, r.client, r.estate, r.planOptions(only, a))
}
