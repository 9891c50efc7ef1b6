package shared

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"syslog-gateway/internal/infra/amazon"
)

// place is one of the two in which Terraform keeps a lock.
type place interface {
	String() string
	// beside is a place of the same kind, for trying.
	beside(name string) place
	// rights are those that a run needs there.
	rights() []amazon.Right
	// take writes the lock; amazon.ErrConflict: one is there, somebody's or our own.
	take(ctx context.Context, body []byte) error
	// read gives the lock; amazon.ErrMissing: it is free.
	read(ctx context.Context) (body []byte, err error)
	// drop reads the lock and deletes it if it has that body. amazon.ErrMissing: it was free;
	// errOthers: it was another one; another amazon.ErrConflict: it was that one when it was read,
	// and is not deleted now, or was by a request whose answer was lost.
	drop(ctx context.Context, body []byte) error
}

// errOthers says that a lock is not the one that was to be deleted.
var errOthers = fmt.Errorf("another run's lock: %w", amazon.ErrConflict)

// object is the lock beside the state in S3, with use_lockfile.
type object struct {
	bucket *amazon.Bucket
	key    string // of the lock
}

func (o object) String() string { return o.bucket.Place(o.key) }

func (o object) beside(name string) place { return object{o.bucket, o.key + name} }

func (o object) rights() []amazon.Right {
	actions := []string{"s3:GetObject", "s3:PutObject", "s3:DeleteObject"}
	return []amazon.Right{o.bucket.Right(o.key, actions...), o.bucket.Right(o.key+trial+"*", actions...)}
}

func (o object) take(ctx context.Context, body []byte) error {
	_, err := o.bucket.Put(ctx, o.key, body, "")
	return err
}

func (o object) read(ctx context.Context) ([]byte, error) {
	found, err := o.bucket.Get(ctx, o.key, "")
	return found.Data, err
}

func (o object) drop(ctx context.Context, body []byte) error {
	found, err := o.bucket.Get(ctx, o.key, "")
	if err != nil {
		return err
	}
	if !bytes.Equal(found.Data, body) {
		return errOthers
	}
	if err := o.bucket.Delete(ctx, o.key, found.ETag); !errors.Is(err, amazon.ErrMissing) {
		return err
	}
	return nil
}

// item is the lock in DynamoDB, with dynamodb_table.
type item struct {
	table *amazon.Table
	id    string // bucket/key
}

const attribute = "Info"

func (i item) String() string { return "dynamodb:" + i.table.Name() + "/" + i.id }

func (i item) beside(name string) place { return item{i.table, i.id + name} }

func (i item) rights() []amazon.Right {
	return []amazon.Right{i.table.Right("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:DeleteItem")}
}

func (i item) take(ctx context.Context, body []byte) error {
	return i.table.Create(ctx, i.id, attribute, string(body))
}

func (i item) read(ctx context.Context) ([]byte, error) {
	info, err := i.table.Get(ctx, i.id, attribute)
	return []byte(info), err
}

func (i item) drop(ctx context.Context, body []byte) error {
	found, err := i.table.Get(ctx, i.id, attribute)
	if err != nil {
		return err
	}
	if found != string(body) {
		return errOthers
	}
	return i.table.Delete(ctx, i.id, attribute, string(body))
}
