package workflow

import (
	"context"
	"fmt"
	"strings"

	"syslog-gateway/internal/infra/state"
)

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
