package state

import (
	"context"
	"crypto/md5" // Terraform's choice for the digest item
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"syslog-gateway/internal/infra/amazon"
)

// fetch reads the state from S3, and the locks that Terraform and OpenTofu keep: the
// object <key>.tflock beside it, and in DynamoDB the item <bucket>/<key>. The item
// <bucket>/<key>-md5 has the digest of the newest state. Only GetObject and GetItem.
func (m *Migration) fetch(ctx context.Context, s Source, bucket, key string) ([]byte, error) {
	account, err := amazon.Open(ctx, amazon.Options{Region: s.Region, Endpoint: s.Endpoint})
	if err != nil {
		return nil, fmt.Errorf("state: %s: %w", s.Location, err)
	}
	b := account.Bucket(bucket, amazon.Encryption{})
	object, err := b.Get(ctx, key, "")
	if err != nil {
		return nil, fmt.Errorf("state: %w", err)
	}
	lock, err := b.Get(ctx, key+".tflock", "")
	switch {
	case err == nil:
		m.lock(b.Place(key), lock.Data)
	case !errors.Is(err, amazon.ErrMissing):
		m.Warning = "whether the state is locked in S3 is not known: " + err.Error()
	}
	if s.Table == "" {
		return object.Data, nil
	}
	return object.Data, m.table(ctx, account.Table(s.Table), bucket+"/"+key, object.Data)
}

// table reads the lock and the digest of a state out of DynamoDB. Terraform refuses a state
// that has another digest, and so do we: it is old, or half of a write is missing.
func (m *Migration) table(ctx context.Context, t *amazon.Table, id string, data []byte) error {
	info, err := t.Get(ctx, id, "Info")
	switch {
	case err == nil:
		m.lock("dynamodb:"+t.Name(), []byte(info))
	case !errors.Is(err, amazon.ErrMissing):
		return fmt.Errorf("state: %w", err)
	}
	digest, err := t.Get(ctx, id+"-md5", "Digest")
	if errors.Is(err, amazon.ErrMissing) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("state: %w", err)
	}
	if sum := md5.Sum(data); digest != hex.EncodeToString(sum[:]) && len(m.Locks) == 0 {
		return fmt.Errorf("state: s3://%s has the MD5 %x, and DynamoDB table %s says %.40s: it is an older state, or another tool wrote it; "+
			"run this again in a minute, and if it stays so, let `terraform plan` say what it thinks of it", id, sum, t.Name(), digest)
	}
	return nil
}

// lock adds a lock.
func (m *Migration) lock(where string, info []byte) {
	m.Locks = append(m.Locks, ReadLock(where, info))
}

// ReadLock reads what Terraform wrote into a lock. It may be unreadable: it is a lock
// nevertheless.
func ReadLock(where string, info []byte) StateLock {
	l := StateLock{}
	if err := json.Unmarshal(info, &l); err != nil {
		l = StateLock{Who: "unknown", Operation: "unknown"}
	}
	l.Where = where
	return l
}
