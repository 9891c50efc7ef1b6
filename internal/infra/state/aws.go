package state

import (
	"context"
	"crypto/md5" // Terraform's choice for the digest item
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamotypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
)

// awsTimeout is for all the requests of a migration together.
const awsTimeout = 60 * time.Second

// fetch reads the state from S3, and the locks that Terraform and OpenTofu keep: the
// object <key>.tflock beside it, and in DynamoDB the item <bucket>/<key>. The item
// <bucket>/<key>-md5 has the digest of the newest state. Only GetObject and GetItem.
func (m *Migration) fetch(ctx context.Context, s Source, bucket, key string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, awsTimeout)
	defer cancel()
	var load []func(*config.LoadOptions) error
	if s.Region != "" {
		load = append(load, config.WithRegion(s.Region))
	}
	conf, err := config.LoadDefaultConfig(ctx, load...)
	if err != nil {
		return nil, fmt.Errorf("state: AWS configuration: %w", err)
	}
	if conf.Region == "" {
		return nil, fmt.Errorf("state: %s: the region is not known: set AWS_REGION", s.Location)
	}
	r := remote{bucket: bucket, key: key, table: s.Table}
	r.s3 = s3.NewFromConfig(conf, func(o *s3.Options) {
		o.DisableLogOutputChecksumValidationSkipped = true
		if s.Endpoint != "" {
			o.BaseEndpoint, o.UsePathStyle = aws.String(s.Endpoint), true
		}
	})
	r.dynamo = dynamodb.NewFromConfig(conf, func(o *dynamodb.Options) {
		if s.Endpoint != "" {
			o.BaseEndpoint = aws.String(s.Endpoint)
		}
	})
	return m.read(ctx, r)
}

type remote struct {
	s3                 *s3.Client
	dynamo             *dynamodb.Client
	bucket, key, table string
}

func (m *Migration) read(ctx context.Context, r remote) ([]byte, error) {
	data, err := r.object(ctx, r.key)
	if err != nil {
		return nil, err
	}
	lock, err := r.object(ctx, r.key+".tflock")
	switch {
	case err == nil:
		m.lock("s3://"+r.bucket+"/"+r.key, lock)
	case !isNoSuchKey(err):
		m.warn("whether the state is locked in S3 is not known: " + err.Error())
	}
	if r.table == "" {
		return data, nil
	}
	info, err := r.item(ctx, r.bucket+"/"+r.key, "Info")
	if err != nil {
		return nil, err
	}
	if info != "" {
		m.lock("dynamodb:"+r.table, []byte(info))
	}
	digest, err := r.item(ctx, r.bucket+"/"+r.key+"-md5", "Digest")
	if err != nil {
		return nil, err
	}
	if sum := md5.Sum(data); digest != "" && digest != hex.EncodeToString(sum[:]) {
		m.warn("the digest in " + r.table + " is not that of the state: it was written at the same time, or by another tool; run this again")
	}
	return data, nil
}

func (m *Migration) warn(s string) {
	if m.Warning != "" {
		m.Warning += "; "
	}
	m.Warning += s
}

// lock adds a lock. Its information may be unreadable: it is a lock nevertheless.
func (m *Migration) lock(where string, info []byte) {
	h := StateLock{}
	if err := json.Unmarshal(info, &h); err != nil {
		h = StateLock{Who: "unknown", Operation: "unknown"}
	}
	h.Where = where
	m.Locks = append(m.Locks, h)
}

func (r remote) object(ctx context.Context, key string) ([]byte, error) {
	out, err := r.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: &r.bucket, Key: &key})
	if err != nil {
		return nil, fmt.Errorf("state: read s3://%s/%s: %w%s", r.bucket, key, err, awsHint(err))
	}
	defer out.Body.Close()
	data, err := io.ReadAll(io.LimitReader(out.Body, maxState+1))
	if err != nil {
		return nil, fmt.Errorf("state: read s3://%s/%s: %w", r.bucket, key, err)
	}
	if len(data) > maxState {
		return nil, fmt.Errorf("state: s3://%s/%s is longer than %d MiB", r.bucket, key, maxState>>20)
	}
	return data, nil
}

// item returns an attribute of an item of the table of locks; "" if there is none.
func (r remote) item(ctx context.Context, id, attribute string) (string, error) {
	out, err := r.dynamo.GetItem(ctx, &dynamodb.GetItemInput{
		TableName:      &r.table,
		ConsistentRead: aws.Bool(true),
		Key:            map[string]dynamotypes.AttributeValue{"LockID": &dynamotypes.AttributeValueMemberS{Value: id}},
	})
	if err != nil {
		return "", fmt.Errorf("state: read item %s of DynamoDB table %s: %w%s", id, r.table, err, awsHint(err))
	}
	if s, ok := out.Item[attribute].(*dynamotypes.AttributeValueMemberS); ok {
		return s.Value, nil
	}
	return "", nil
}

func isNoSuchKey(err error) bool {
	e, ok := errors.AsType[smithy.APIError](err)
	return ok && (e.ErrorCode() == "NoSuchKey" || e.ErrorCode() == "NotFound")
}

// awsHint says what to do about the usual causes.
func awsHint(err error) string {
	if e, ok := errors.AsType[smithy.APIError](err); ok {
		switch e.ErrorCode() {
		case "PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException":
			return " (the bucket is in another region: set AWS_REGION)"
		case "AccessDenied", "AccessDeniedException", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "ExpiredTokenException", "UnrecognizedClientException":
			return " (run it within `aws-vault exec PROFILE --`; s3:GetObject and dynamodb:GetItem are needed)"
		case "ResourceNotFoundException":
			return " (is the table in that region?)"
		}
	}
	if strings.Contains(err.Error(), "get credentials") || strings.Contains(err.Error(), "failed to refresh cached credentials") {
		return " (no AWS credentials: run it within `aws-vault exec PROFILE --`)"
	}
	return ""
}
