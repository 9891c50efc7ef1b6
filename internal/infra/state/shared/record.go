package shared

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"syslog-gateway/internal/infra/amazon"
	"syslog-gateway/internal/infra/state"
)

// Record is a record in S3. It is for one run: it remembers what it read.
type Record struct {
	bucket *amazon.Bucket
	key    string
	etag   string // of what was read or written last; "": there was none
}

// NewRecord gives the record at a key.
func NewRecord(bucket *amazon.Bucket, key string) *Record { return &Record{bucket: bucket, key: key} }

// String is the record's place.
func (r *Record) String() string { return r.bucket.Place(r.key) }

// Load reads the record. If there is none, it gives an empty one.
func (r *Record) Load(ctx context.Context) (*state.Record, error) {
	object, err := r.bucket.Get(ctx, r.key, "")
	if errors.Is(err, amazon.ErrMissing) {
		r.etag = ""
		return new(state.Record), nil
	}
	if err != nil {
		return nil, fmt.Errorf("state: %w", err)
	}
	record, err := r.decode(object.Data)
	if err != nil {
		return nil, err
	}
	r.etag = object.ETag
	return record, nil
}

// Version reads an older version of the record. What is saved next still replaces the
// newest one.
func (r *Record) Version(ctx context.Context, id string) (*state.Record, error) {
	object, err := r.bucket.Get(ctx, r.key, id)
	if err != nil {
		return nil, fmt.Errorf("state: version %s: %w", id, err)
	}
	return r.decode(object.Data)
}

// Versions lists the versions, the newest first.
func (r *Record) Versions(ctx context.Context) ([]amazon.Version, error) {
	return r.bucket.Versions(ctx, r.key)
}

func (r *Record) decode(data []byte) (*state.Record, error) {
	record, err := state.Decode(data)
	if err != nil {
		return nil, fmt.Errorf("state: record %s: %w; `provision state versions` lists older ones, and `provision state push` puts one back: "+
			"the record only says what was applied", r, err)
	}
	return record, nil
}

// Save replaces the record if it is still the one that was loaded or saved last. The
// caller holds the lock.
func (r *Record) Save(ctx context.Context, record *state.Record) error {
	mine := *record
	if mine.Lineage == "" {
		mine.Lineage = rand.Text()
	}
	next, data, err := mine.Next()
	if err != nil {
		return fmt.Errorf("state: save the record: %w", err)
	}
	etag, err := r.bucket.Put(ctx, r.key, data, r.etag)
	if errors.Is(err, amazon.ErrConflict) {
		etag, err = r.stored(ctx, data, err)
	}
	if err != nil {
		return fmt.Errorf("state: save the record: %w", err)
	}
	r.etag, *record = etag, *next
	return nil
}

// stored finds out whether what is there is what we wrote: the answer was lost then, and
// the SDK's second attempt failed at our own first one.
func (r *Record) stored(ctx context.Context, data []byte, conflict error) (etag string, err error) {
	object, err := r.bucket.Get(ctx, r.key, "")
	if err == nil && bytes.Equal(object.Data, data) {
		return object.ETag, nil
	}
	return "", fmt.Errorf("%w; another run saved it since this one read it, so the lock was broken: this run stops, its journal stays; "+
		"see who works there, then run it again", conflict)
}
