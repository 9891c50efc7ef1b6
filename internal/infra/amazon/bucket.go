package amazon

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// maxObject is the largest object that is read, in bytes; real ones are far smaller.
const maxObject = 64 << 20

// Encryption is how S3 encrypts what is written.
type Encryption struct {
	On     bool   // false: as the bucket is configured
	KMSKey string // ID or ARN of a KMS key; "": AES256, with a key of S3
}

// Bucket is a bucket of S3.
type Bucket struct {
	account    *Account
	name       string
	encryption Encryption
}

// Bucket gives a bucket by its name.
func (a *Account) Bucket(name string, e Encryption) *Bucket {
	return &Bucket{account: a, name: name, encryption: e}
}

// Name is the bucket's.
func (b *Bucket) Name() string { return b.name }

// Place is the address of an object, for people.
func (b *Bucket) Place(key string) string { return "s3://" + b.name + "/" + key }

// Object is what was read.
type Object struct {
	Data []byte
	ETag string // changes with the content
}

// Get reads an object; version "" is the newest. The error is ErrMissing if there is none.
func (b *Bucket) Get(ctx context.Context, key, version string) (Object, error) {
	ctx, cancel := b.account.bound(ctx)
	defer cancel()
	in := &s3.GetObjectInput{Bucket: &b.name, Key: &key}
	if version != "" {
		in.VersionId = &version
	}
	out, err := b.account.s3.GetObject(ctx, in)
	if err = fail(err, "read %s", b.Place(key)); errors.Is(err, ErrDenied) {
		return Object{}, fmt.Errorf("%w; without s3:ListBucket a missing object looks forbidden, too", err)
	}
	if err != nil {
		return Object{}, err
	}
	defer out.Body.Close()
	data, err := io.ReadAll(io.LimitReader(out.Body, maxObject+1))
	if err != nil {
		return Object{}, fail(err, "read %s", b.Place(key))
	}
	if len(data) > maxObject {
		return Object{}, fmt.Errorf("read %s: it is longer than %d MiB", b.Place(key), maxObject>>20)
	}
	return Object{Data: data, ETag: aws.ToString(out.ETag)}, nil
}

// Put writes an object: a new one if etag is "", otherwise in place of the one with that
// etag. It returns the new etag. The error is ErrConflict if that is not what is there.
func (b *Bucket) Put(ctx context.Context, key string, data []byte, etag string) (string, error) {
	ctx, cancel := b.account.bound(ctx)
	defer cancel()
	in := &s3.PutObjectInput{Bucket: &b.name, Key: &key, ContentType: aws.String("application/json"),
		ChecksumAlgorithm: types.ChecksumAlgorithmSha256}
	if etag == "" {
		in.IfNoneMatch = aws.String("*")
	} else {
		in.IfMatch = &etag
	}
	if b.encryption.On {
		in.ServerSideEncryption = types.ServerSideEncryptionAes256
		if b.encryption.KMSKey != "" {
			in.ServerSideEncryption, in.SSEKMSKeyId = types.ServerSideEncryptionAwsKms, &b.encryption.KMSKey
		}
	}
	pause := 100 * time.Millisecond
	for try := 1; ; try++ {
		in.Body = bytes.NewReader(data)
		out, err := b.account.s3.PutObject(ctx, in)
		// Two wrote at the same time, and S3 decided for neither: the SDK does not repeat this.
		if code(err, "ConditionalRequestConflict") && try < tries && sleep(ctx, pause) {
			pause *= 2
			continue
		}
		if err != nil {
			err = fail(err, "write %s", b.Place(key))
			if etag != "" && errors.Is(err, ErrMissing) {
				err = fmt.Errorf("%w (%w)", err, ErrConflict) // it was deleted
			}
			return "", err
		}
		return aws.ToString(out.ETag), nil
	}
}

// Delete deletes the object that has the etag.
func (b *Bucket) Delete(ctx context.Context, key, etag string) error {
	ctx, cancel := b.account.bound(ctx)
	defer cancel()
	_, err := b.account.s3.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b.name, Key: &key, IfMatch: &etag})
	if code(err, "NotImplemented") { // some that stand in for S3 know no condition here
		_, err = b.account.s3.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b.name, Key: &key})
	}
	return fail(err, "delete %s", b.Place(key))
}

// Version is one version of an object.
type Version struct {
	ID       string    `json:"id"` // "null" in a bucket without versions
	Modified time.Time `json:"modified"`
	Size     int64     `json:"size"`
	Latest   bool      `json:"latest"`
}

// Versions lists the versions of an object, the newest first; at most a thousand.
func (b *Bucket) Versions(ctx context.Context, key string) ([]Version, error) {
	ctx, cancel := b.account.bound(ctx)
	defer cancel()
	out, err := b.account.s3.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: &b.name, Prefix: &key})
	if err != nil {
		return nil, fail(err, "list the versions of %s", b.Place(key))
	}
	var all []Version
	for _, v := range out.Versions {
		if aws.ToString(v.Key) == key {
			all = append(all, Version{ID: aws.ToString(v.VersionId), Modified: aws.ToTime(v.LastModified), Size: aws.ToInt64(v.Size), Latest: aws.ToBool(v.IsLatest)})
		}
	}
	return all, nil
}

// sleep waits; false if the context ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
