package workflow

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/inventory"
	"syslog-gateway/internal/infra/state"
)

// Site is where an estate's declaration and record are. Its methods send nothing.
type Site struct {
	Declaration declaration.Options
	State       string // folder of lock, record and journal
}

// Load reads the declaration with all its layers.
func (s Site) Load(ctx context.Context) (*declaration.Estate, error) {
	return declaration.Load(ctx, s.Declaration)
}

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

// Record reads the record. It does not make the folder: without one the record is empty.
func (s Site) Record() (*state.Record, error) {
	if _, err := os.Stat(s.State); errors.Is(err, fs.ErrNotExist) {
		return new(state.Record), nil
	}
	dir, err := state.Open(s.State)
	if err != nil {
		return nil, err
	}
	return dir.Load()
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
		return nil, fmt.Errorf("nothing called %q is recorded in %s; `provision state list` shows what is", name, s.State)
	}
	return found, nil
}

// Forget takes the one object that a name means out of the record.
func (s Site) Forget(ctx context.Context, lock state.LockOptions, name string) (gone state.Object, err error) {
	err = s.edit(ctx, lock, func(record *state.Record) error {
		found, err := s.Find(record, name)
		if err != nil {
			return err
		}
		if len(found) > 1 {
			var names []string
			for _, o := range found {
				names = append(names, o.Kind+"/"+o.Key)
			}
			return fmt.Errorf("%q is recorded more than once: use %s", name, strings.Join(names, " or "))
		}
		gone = found[0]
		record.Remove(gone.Kind, gone.Key)
		return nil
	})
	return gone, err
}

// edit changes the record under the lock.
func (s Site) edit(ctx context.Context, options state.LockOptions, change func(*state.Record) error) (err error) {
	dir, err := state.Open(s.State)
	if err != nil {
		return err
	}
	lock, err := dir.Lock(ctx, options)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Release()) }()
	record, err := dir.Load()
	if err != nil {
		return err
	}
	if err := change(record); err != nil {
		return err
	}
	return dir.Save(record)
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
		return fmt.Errorf("find the declaration that the record in %s belongs to: %w", s.State, err)
	}
	if mine, err := os.Stat(s.Declaration.Deployment); err == nil && os.SameFile(mine, recorded) {
		return nil
	}
	return fmt.Errorf("the record in %s belongs to %s, not to %s: give each declaration its own --state-dir",
		s.State, other, s.Declaration.Deployment)
}

// Located is the estate with each guest on the node where the record last saw it: guests
// may have been migrated. A record of another declaration says nothing of this one.
func (s Site) Located(e *declaration.Estate) (*declaration.Estate, error) {
	record, err := s.Record()
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
func (s Site) Publish(e *declaration.Estate, by string) ([]inventory.Result, error) {
	if len(e.InventorySync) == 0 {
		return nil, errors.New("the declaration names no target: list them under inventory_sync, or name them with `provision apply --sync PATH`")
	}
	record, err := s.Record()
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
		return nil, fmt.Errorf("nothing is published: according to the record in %s, %s is not what was applied last; "+
			"run `provision apply`, which publishes at its end", s.State, s.Declaration.Deployment)
	}
	return inventory.Publish(e, located(e, record), e.InventorySync, by)
}

// Migrate records the guests and pools that a Terraform state manages. A state that is
// locked is refused. Objects that are recorded already stay as they are: they are newer.
func (s Site) Migrate(ctx context.Context, lock state.LockOptions, from state.Source) (*state.Migration, error) {
	m, err := state.Migrate(ctx, from)
	if err != nil {
		return nil, err
	}
	if len(m.Locks) > 0 {
		return nil, fmt.Errorf("%s: nothing was recorded; wait until the lock is released", m.Locks[0])
	}
	err = s.edit(ctx, lock, func(record *state.Record) error {
		if err := s.sameDeclaration(record); err != nil {
			return err
		}
		for _, i := range m.Items {
			addMigrated(record, i)
		}
		return nil
	})
	return m, err
}

func addMigrated(record *state.Record, i state.Item) {
	if i.Kind != state.KindPool && i.Kind != state.KindContainer && i.Kind != state.KindVM {
		return
	}
	if _, known := record.Guest(i.VMID); known && i.VMID != 0 {
		return
	}
	if _, known := record.Find(i.Kind, i.Key); known {
		return
	}
	record.Put(state.Object{
		Kind: i.Kind, Key: i.Key, VMID: i.VMID, Node: i.Node, Name: i.Name, Applied: now(),
		Protected: strings.HasPrefix(i.Address, "module.splunk_vm."), // lifecycle prevent_destroy there
	})
}
