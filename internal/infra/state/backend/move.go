package backend

import (
	"context"
	"errors"
	"fmt"

	"syslog-gateway/internal/infra/state"
)

// Push puts a record into the declared place; next nil is the one that is still in the
// folder. One of another lineage, or an older one, is refused without force. The caller
// holds the lock.
func (b *Backend) Push(ctx context.Context, next *state.Record, force bool) (*state.Record, error) {
	if next == nil {
		if b.s3 == nil {
			return nil, errors.New("state: the record is in the state folder: name a file to put in its place")
		}
		var err error
		if next, err = b.Dir.Load(ctx); err != nil {
			return nil, err
		}
		if next.Serial == 0 {
			return nil, fmt.Errorf("state: there is no record in %s to move", b.Dir)
		}
	}
	now, err := b.records.Load(ctx)
	note, moved := errors.AsType[*state.MovedError](err)
	switch {
	case moved: // it comes back into the folder
		now = &state.Record{Lineage: note.Lineage}
	case err != nil:
		return nil, err
	}
	if err := follows(now, next); err != nil && !force {
		return nil, fmt.Errorf("state: %s was not replaced: %w; if you are sure, use --force", b, err)
	}
	next.Serial = max(now.Serial, next.Serial)
	if err := b.records.Save(ctx, next); err != nil || b.s3 == nil {
		return next, err
	}
	return next, b.Dir.Move(b.String(), next.Lineage)
}

// follows says why a record cannot take the place of another one; nil if it can.
func follows(now, next *state.Record) error {
	known := now.Serial > 0 || now.Lineage != ""
	switch {
	case known && now.Lineage != next.Lineage:
		return errors.New("the record there is another one, with another lineage")
	case known && now.Cluster != "" && now.Cluster != next.Cluster:
		return errors.New("the record there belongs to another Proxmox VE")
	case now.Serial > next.Serial:
		return fmt.Errorf("the record there is newer: serial %d, and this one has %d", now.Serial, next.Serial)
	}
	return nil
}

// PullToFolder brings the record back from S3 into the folder. The object stays. The caller
// holds the lock.
func (b *Backend) PullToFolder(ctx context.Context) (*state.Record, error) {
	if b.s3 == nil {
		return nil, errors.New("state: the record is in the state folder already")
	}
	record, err := b.Load(ctx)
	if err != nil {
		return nil, err
	}
	if record.Serial == 0 {
		return nil, fmt.Errorf("state: there is no record %s", b)
	}
	return record, b.Dir.Save(ctx, record)
}
