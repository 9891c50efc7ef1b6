// Package backend puts together what a declaration says of the state: where the record is,
// a folder or S3, and which locks a run takes. Who uses it need not know which.
//
// The journal is always in the folder, and so is a lock, which frees itself when its
// process dies. A record in S3 leaves a note of its place and lineage in the folder, so
// that another bucket, or a record that is still in the folder, is found out.
package backend

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"syslog-gateway/internal/infra/amazon"
	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/state"
	"syslog-gateway/internal/infra/state/shared"
)

// records is where a record is kept.
type records interface {
	String() string
	Load(context.Context) (*state.Record, error)
	Save(context.Context, *state.Record) error
}

// lock is a lock that a run takes beside the folder's.
type lock interface {
	Take(context.Context, shared.Claim, state.LockOptions) (release func(context.Context) error, err error)
	Holders(context.Context) ([]state.StateLock, error)
	Break(ctx context.Context, ids []string, force bool) ([]state.StateLock, error)
	Ready(context.Context) error
	Try(context.Context) []shared.Tried
	Rights() []amazon.Right
}

// Backend is one declaration's state, for one run.
type Backend struct {
	Dir *state.Dir // of the journal

	records records
	s3      *shared.Record // records, if they are in S3
	lock    lock           // nil: the folder's is the only one
	bucket  *amazon.Bucket // of both; nil without lock
	noted   bool           // the folder says where the record is
}

// Open finds the backend. It sends nothing and makes no folder.
func Open(ctx context.Context, folder string, s declaration.State) (*Backend, error) {
	dir, err := state.At(folder)
	if err != nil {
		return nil, err
	}
	b := &Backend{Dir: dir, records: dir}
	if !s.Shared() {
		return b, nil
	}
	account, err := amazon.Open(ctx, amazon.Options{Region: s.Region})
	if err != nil {
		return nil, fmt.Errorf("state: %w", err)
	}
	b.bucket = account.Bucket(s.Bucket, amazon.Encryption{On: s.Encrypt, KMSKey: s.KMSKey})
	if s.S3 {
		b.s3 = shared.NewRecord(b.bucket, s.Key)
		b.records = b.s3
	}
	b.lock = shared.NewLock(account, b.bucket, cmp.Or(s.TerraformKey, s.Key), s.Lockfile, s.Table)
	return b, nil
}

// String is the record's place, for people.
func (b *Backend) String() string { return b.records.String() }

// Load reads the record, and makes sure that it is the one that the folder worked with.
func (b *Backend) Load(ctx context.Context) (*state.Record, error) {
	if b.s3 == nil {
		return b.Dir.Load(ctx)
	}
	note, err := b.note(ctx)
	if err != nil {
		return nil, err
	}
	record, err := b.s3.Load(ctx)
	if err != nil || note == nil {
		return record, err
	}
	if b.noted = true; record.Lineage == note.Lineage {
		return record, nil
	}
	what := "is another one"
	if record.Serial == 0 {
		what = "is gone"
	}
	return nil, fmt.Errorf("state: the record %s %s since %s worked with it: `provision state versions` lists older ones; "+
		"if it was replaced on purpose, remove record.json from that folder", b, what, b.Dir)
}

// note gives what the folder says of the record in S3; nil if it says nothing.
func (b *Backend) note(ctx context.Context) (*state.MovedError, error) {
	here, err := b.Dir.Load(ctx)
	note, ok := errors.AsType[*state.MovedError](err)
	switch {
	case ok && note.To != b.String():
		return nil, fmt.Errorf("state: the record of %s is in %s, and the declaration says %s: which one is right? "+
			"To move it, declare the old one, `provision state pull > FILE`, declare the new one, `provision state push FILE`", b.Dir, note.To, b)
	case ok:
		return note, nil
	case err != nil:
		return nil, err
	case here.Serial > 0:
		return nil, fmt.Errorf("state: the declaration says that the record is %s, and there is one in %s: move it there by `provision state push`", b, b.Dir)
	}
	return nil, nil
}

// Save replaces the record. The caller holds the lock.
func (b *Backend) Save(ctx context.Context, r *state.Record) error {
	if err := b.records.Save(ctx, r); err != nil || b.s3 == nil || b.noted {
		return err
	}
	b.noted = true
	return b.Dir.Move(b.String(), r.Lineage)
}

// Lock takes the folder's lock, then the one that is shared, and waits for other runs as
// long as the options say for both. release gives them back, the last one first, also
// after ctx has ended.
func (b *Backend) Lock(ctx context.Context, o state.LockOptions) (release func() error, err error) {
	o.Wait = cmp.Or(o.Wait, state.DefaultWait)
	began := time.Now()
	mine, err := b.Dir.Lock(ctx, o)
	if err != nil || b.lock == nil {
		if err != nil {
			return nil, err
		}
		return mine.Release, nil
	}
	if o.Wait > 0 {
		o.Wait = max(o.Wait-time.Since(began), -1)
	}
	claim := shared.Claim{Holder: mine.Holder(), Version: o.Version, Journal: b.Dir.String()}
	back, err := b.lock.Take(ctx, claim, o)
	if err != nil {
		return nil, errors.Join(err, mine.Release())
	}
	return func() error { return errors.Join(back(ctx), mine.Release()) }, nil
}

// Unlocked is what Unlock took away.
type Unlocked struct {
	Local  *state.Holder     `json:"local,omitempty"`
	Shared []state.StateLock `json:"shared,omitempty"`
}

// Unlock takes the locks away from a run that died: the one with the ID, or for "" the one
// that has the folder's lock, unless its process lives on this host. A shared lock of
// another run stays, and is the error. With force they are taken from anybody.
func (b *Backend) Unlock(ctx context.Context, id string, force bool) (u Unlocked, err error) {
	holder, was, err := b.Dir.Unlock(id, force)
	if err != nil {
		return u, err
	}
	ids := []string{id}
	if was {
		u.Local = &holder
		ids = append(append(ids, holder.ID), holder.Left...)
	}
	if b.lock != nil {
		u.Shared, err = b.lock.Break(ctx, ids, force)
	}
	return u, err
}

// errLocal says that something is for a record in S3.
var errLocal = errors.New(`state: the record is in the state folder, and has no versions: that is for "state": {"backend": "s3", …} in the declaration`)

// Version reads an older version of the record.
func (b *Backend) Version(ctx context.Context, id string) (*state.Record, error) {
	if b.s3 == nil {
		return nil, errLocal
	}
	return b.s3.Version(ctx, id)
}

// Versions lists the versions of the record, the newest first.
func (b *Backend) Versions(ctx context.Context) ([]amazon.Version, error) {
	if b.s3 == nil {
		return nil, errLocal
	}
	return b.s3.Versions(ctx)
}
