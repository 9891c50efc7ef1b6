package workflow

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"syslog-gateway/internal/infra/amazon"
	"syslog-gateway/internal/infra/state"
	"syslog-gateway/internal/infra/state/backend"
)

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
func (s Site) edit(ctx context.Context, options state.LockOptions, change func(*state.Record) error) error {
	return s.locked(ctx, options, func(b *backend.Backend) error {
		record, err := b.Load(ctx)
		if err != nil {
			return err
		}
		if err := change(record); err != nil {
			return err
		}
		return b.Save(context.WithoutCancel(ctx), record)
	})
}

// locked does something under the lock.
func (s Site) locked(ctx context.Context, options state.LockOptions, do func(*backend.Backend) error) (err error) {
	b, err := s.backend(ctx)
	if err != nil {
		return err
	}
	release, err := b.Lock(ctx, options)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, release()) }()
	return do(b)
}

// Pull reads the record, or an older version of it in S3.
func (s Site) Pull(ctx context.Context, version string) (*state.Record, error) {
	if version == "" {
		return s.Record(ctx)
	}
	b, err := s.backend(ctx)
	if err != nil {
		return nil, err
	}
	return b.Version(ctx, version)
}

// PullToFolder brings the record back from S3 into the state folder.
func (s Site) PullToFolder(ctx context.Context, lock state.LockOptions) (record *state.Record, err error) {
	err = s.locked(ctx, lock, func(b *backend.Backend) error {
		record, err = b.PullToFolder(ctx)
		return err
	})
	return record, err
}

// Push puts a record into the declared place; nil is the one in the state folder. It
// returns the place.
func (s Site) Push(ctx context.Context, lock state.LockOptions, record *state.Record, force bool) (place string, err error) {
	err = s.locked(ctx, lock, func(b *backend.Backend) error {
		place = b.String()
		record, err = b.Push(context.WithoutCancel(ctx), record, force)
		return err
	})
	return place, err
}

// Versions lists the versions of the record in S3.
func (s Site) Versions(ctx context.Context) ([]amazon.Version, error) {
	b, err := s.backend(ctx)
	if err != nil {
		return nil, err
	}
	return b.Versions(ctx)
}

// Unlock takes the locks away from a run that died: see backend.
func (s Site) Unlock(ctx context.Context, id string, force bool) (backend.Unlocked, error) {
	b, err := s.backend(ctx)
	if err != nil {
		return backend.Unlocked{}, err
	}
	return b.Unlock(ctx, id, force)
}

// Migrate records the guests, pools, security groups and DNS plugins that a Terraform state manages. A state that is
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
	switch i.Kind {
	case state.KindPool, state.KindACMEPlugin, state.KindContainer, state.KindVM:
	case state.KindSecurityGroup:
		i.Key = i.Name
	default:
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
