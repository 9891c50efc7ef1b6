package workflow

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/inventory"
	"syslog-gateway/internal/infra/state"
	"syslog-gateway/internal/infra/state/backend"
)

// Site is where an estate's declaration and record are. Its methods send nothing to
// Proxmox VE.
type Site struct {
	Declaration declaration.Options
	State       string // folder of lock and journal, and of the record unless the declaration says otherwise
}

// Load reads the declaration with all its layers.
func (s Site) Load(ctx context.Context) (*declaration.Estate, error) {
	e, err := declaration.Load(ctx, s.Declaration)
	if all, ok := errors.AsType[declaration.Problems](err); ok && len(all) > maxShown {
		return nil, manyProblems(all)
	}
	return e, err
}

// maxShown is how many problems an error shows.
const maxShown = 20

// manyProblems are shown in part: `provision validate` shows them all.
type manyProblems declaration.Problems

// Error implements error.
func (m manyProblems) Error() string {
	return fmt.Sprintf("the declaration has %d problems, nothing was done: `provision validate` shows all; the first %d are:\n%v", len(m), maxShown, declaration.Problems(m[:maxShown]))
}

// Unwrap gives all problems.
func (m manyProblems) Unwrap() error { return declaration.Problems(m) }

// Check is Load, and makes sure that an inventory can be made of the declaration. An
// estate without containers is allowed and gets a note: more often something was lost.
func (s Site) Check(ctx context.Context) (*declaration.Estate, error) {
	e, err := s.Load(ctx)
	if err != nil {
		return nil, err
	}
	file := s.Declaration.Deployment
	if _, err := inventory.Document(e); err != nil {
		return nil, declaration.Problems{{File: file, What: err.Error()}}
	}
	if len(e.Containers) == 0 {
		e.Notes = append(e.Notes, declaration.Problem{Path: "$.containers", File: file, What: "no container is declared",
			Fix: "if they were lost, put them back: live ones would be removed, each by --allow-destroy"})
	}
	return e, nil
}

// backend is where the declaration says that record and locks are.
func (s Site) backend(ctx context.Context) (*backend.Backend, error) {
	settings, err := declaration.LoadState(s.Declaration)
	if err != nil {
		return nil, err
	}
	return backend.Open(ctx, s.State, settings)
}

// Record reads the record. It does not make the folder: without one the record is empty.
func (s Site) Record(ctx context.Context) (*state.Record, error) {
	b, err := s.backend(ctx)
	if err != nil {
		return nil, err
	}
	return b.Load(ctx)
}

// Find gives the recorded objects that a name means: a key, a VMID or KIND/KEY.
// There is at least one, or an error.
func (s Site) Find(record *state.Record, name string) ([]state.Object, error) {
	var found []state.Object
	for _, o := range record.Objects {
		if name == o.Key || name == o.Kind+"/"+o.Key || o.VMID != 0 && name == strconv.Itoa(o.VMID) {
			found = append(found, o)
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("nothing called %q is recorded; `provision state list` shows what is", name)
	}
	return found, nil
}

// place is the declaration's path as the record has it: relative to the record's folder,
// so that both can be moved together.
func (s Site) place() (string, error) {
	dir, err := filepath.Abs(s.State)
	if err != nil {
		return "", err
	}
	file, err := filepath.Abs(s.Declaration.Deployment)
	if err != nil {
		return "", err
	}
	return filepath.Rel(dir, file)
}

// sameDeclaration refuses the record of another declaration: the guests of one would
// look undeclared to the other. A recorded declaration that no longer exists was renamed.
func (s Site) sameDeclaration(record *state.Record) error {
	place, err := s.place()
	if err != nil || record.Deployment == "" || record.Deployment == place {
		return err
	}
	other := filepath.Join(s.State, record.Deployment)
	recorded, err := os.Stat(other)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("find the declaration that the record of %s belongs to: %w", s.State, err)
	}
	if mine, err := os.Stat(s.Declaration.Deployment); err == nil && os.SameFile(mine, recorded) {
		return nil
	}
	return fmt.Errorf("the record of %s belongs to %s, not to %s: give each declaration its own --state-dir, and in S3 its own state.key",
		s.State, other, s.Declaration.Deployment)
}

// Located is the estate with each guest on the node where the record last saw it: guests
// may have been migrated. A record of another declaration says nothing of this one.
func (s Site) Located(ctx context.Context, e *declaration.Estate) (*declaration.Estate, error) {
	record, err := s.Record(ctx)
	if err != nil {
		return nil, err
	}
	if s.sameDeclaration(record) != nil {
		return e, nil
	}
	return e.Placed(located(e, record)), nil
}

// located are the nodes of the recorded guests of an estate, by VMID.
func located(e *declaration.Estate, record *state.Record) map[int]string {
	nodes := make(map[int]string)
	for _, g := range e.Guests() {
		if o, known := record.Guest(g.VMID); known && o.Key == g.Key && o.Kind == string(g.Kind) {
			nodes[g.VMID] = o.Node
		}
	}
	return nodes
}

// Publish writes the inventory to the declared targets, if the declaration is what was
// applied last: otherwise it would name guests that do not exist, and lack some that do.
func (s Site) Publish(ctx context.Context, e *declaration.Estate, by string) ([]inventory.Result, error) {
	if len(e.InventorySync) == 0 {
		return nil, errors.New("the declaration names no target: list them under inventory_sync, or name them with `provision apply --sync PATH`")
	}
	record, err := s.Record(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.sameDeclaration(record); err != nil {
		return nil, err
	}
	fingerprint, err := inventory.Fingerprint(e)
	if err != nil {
		return nil, err
	}
	if record.Fingerprint != fingerprint {
		return nil, fmt.Errorf("nothing is published: according to the record of %s, %s is not what was applied last; "+
			"run `provision apply`, which publishes at its end", s.State, s.Declaration.Deployment)
	}
	return inventory.Publish(e, located(e, record), e.InventorySync, by)
}
