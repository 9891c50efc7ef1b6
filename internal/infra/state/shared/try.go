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

// trial begins the end of a name that a trial writes beside a real one, and deletes.
const trial = ".check-"

// Tried is what came of a trial.
type Tried struct {
	Place string
	Err   error
}

// errCareless says that conditions are ignored.
var errCareless = errors.New("it writes although the condition of the request does not hold: nothing would keep two runs apart; use AWS, or a newer version of what stands in for it")

// Try does beside each place of the lock what a run does there: read what is missing, take
// a free one, fail to take one that is held, read it, give it back.
func (l *Lock) Try(ctx context.Context) []Tried {
	name := trial + rand.Text()
	var all []Tried
	for _, p := range l.places {
		all = append(all, Tried{p.String(), l.trial(ctx, p.beside(name))})
	}
	return all
}

// trial does it at one place, which nobody else uses.
func (l *Lock) trial(ctx context.Context, p place) (err error) {
	mine, other := []byte(`{"ID":"mine"}`), []byte(`{"ID":"other"}`)
	switch _, err := p.read(ctx); {
	case err == nil:
		return fmt.Errorf("%s is there, and nobody wrote it: ask who answers for S3 or DynamoDB there", p)
	case !errors.Is(err, amazon.ErrMissing):
		return err
	}
	if _, err := l.one(ctx, p, state.Holder{}, mine); err != nil {
		return err
	}
	left := mine
	defer func() { err = errors.Join(err, dropped(own(ctx), p, left)) }()
	switch err := p.take(ctx, other); {
	case err == nil:
		left = other
		return fmt.Errorf("%s: %w", p, errCareless)
	case !errors.Is(err, amazon.ErrConflict):
		return err
	}
	found, err := p.read(ctx)
	if err == nil && !bytes.Equal(found, mine) {
		err = fmt.Errorf("%s is not as it was written", p)
	}
	return err
}

func dropped(ctx context.Context, p place, body []byte) error {
	if err := p.drop(ctx, body); err != nil && !errors.Is(err, amazon.ErrMissing) {
		return fmt.Errorf("%w: %s stays, delete it", err, p)
	}
	return nil
}

// Rights are those that a run needs for the lock.
func (l *Lock) Rights() []amazon.Right {
	var all []amazon.Right
	for _, p := range l.places {
		all = append(all, p.rights()...)
	}
	return all
}

// Try does beside the record what a run does to it: read what is missing, save it twice,
// and fail to save over another run. Then it deletes it.
func (r *Record) Try(ctx context.Context) (t Tried) {
	t.Place = r.String()
	beside := NewRecord(r.bucket, r.key+trial+rand.Text())
	record, err := beside.Load(ctx)
	if err != nil {
		t.Err = err
		return t
	}
	if t.Err = beside.Save(ctx, record); t.Err != nil {
		return t
	}
	defer func() { t.Err = errors.Join(t.Err, beside.remove(own(ctx))) }()
	late := *beside
	if t.Err = beside.Save(ctx, record); t.Err != nil {
		return t
	}
	switch err := late.Save(ctx, record); {
	case err == nil:
		*beside, t.Err = late, fmt.Errorf("%s: %w", r, errCareless)
	case !errors.Is(err, amazon.ErrConflict):
		t.Err = err
	}
	return t
}

func (r *Record) remove(ctx context.Context) error {
	if err := r.bucket.Delete(ctx, r.key, r.etag); err != nil {
		return fmt.Errorf("%w: %s stays, delete it", err, r)
	}
	return nil
}

// Rights are those that a run needs for the record, and those of its versions.
func (r *Record) Rights() []amazon.Right {
	return []amazon.Right{
		r.bucket.Right("", "s3:ListBucketVersions"),
		r.bucket.Right(r.key, "s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"),
		r.bucket.Right(r.key+trial+"*", "s3:GetObject", "s3:PutObject", "s3:DeleteObject"),
	}
}
