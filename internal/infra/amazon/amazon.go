// Package amazon makes the few requests to S3, DynamoDB and Route 53 that an estate needs:
// read, create, replace and delete one object, one item or the records of one name, each of
// them only if it is as it was seen last.
//
// Credentials, region and endpoints are those that the AWS SDK finds: AWS's own variables,
// AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL_DYNAMODB and AWS_ENDPOINT_URL_ROUTE_53 among them,
// and profiles. Every
// request has a time limit. An error says what was tried and what to do; it is ErrMissing
// or ErrConflict where the caller decides.
package amazon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/logging"
)

const (
	timeout = 60 * time.Second // of a request with its repetitions
	tries   = 5                // of a request that is throttled
)

// What a caller decides about.
var (
	// ErrMissing says that the object or item does not exist.
	ErrMissing = errors.New("it does not exist")
	// ErrConflict says that the object or item is not as the condition of the request
	// wants it. It may be the caller's own: an answer that was lost is asked for again.
	ErrConflict = errors.New("it was changed meanwhile")
	// ErrDenied says that a right is missing.
	ErrDenied = errors.New("it is not allowed")
)

// Options say which services are used.
type Options struct {
	Region   string        // "": AWS_REGION, or the profile's
	Global   bool          // for Route 53, which has no regions: none needs to be known
	Endpoint string        // of the services, in place of AWS's; "": AWS's variables say
	Timeout  time.Duration // of a request with its repetitions; 0: 60 s
}

// Account is an AWS account, or what stands in for one.
type Account struct {
	options Options
	conf    aws.Config
	s3      *s3.Client
	dynamo  *dynamodb.Client
}

// Open finds region and credentials. It sends nothing, unless a profile says that
// credentials come from a server.
func Open(ctx context.Context, o Options) (*Account, error) {
	if o.Timeout == 0 {
		o.Timeout = timeout
	}
	load := []func(*config.LoadOptions) error{config.WithLogger(logging.Nop{})} // errors say all
	if o.Region != "" {
		load = append(load, config.WithRegion(o.Region))
	}
	if os.Getenv("AWS_MAX_ATTEMPTS") == "" {
		load = append(load, config.WithRetryMaxAttempts(tries))
	}
	conf, err := config.LoadDefaultConfig(ctx, load...)
	if err != nil {
		return nil, fmt.Errorf("AWS configuration: %w", err)
	}
	if conf.Region == "" && o.Global {
		conf.Region = "us-east-1"
	}
	if conf.Region == "" {
		return nil, errors.New("the AWS region is not known: set AWS_REGION, or declare it as state.region")
	}
	a := &Account{options: o, conf: conf}
	a.s3 = s3.NewFromConfig(conf, func(s *s3.Options) {
		s.DisableLogOutputChecksumValidationSkipped = true
		if o.Endpoint != "" {
			s.BaseEndpoint = aws.String(o.Endpoint)
		}
		s.UsePathStyle = s.BaseEndpoint != nil // a stand-in has no DNS name for each bucket
	})
	a.dynamo = dynamodb.NewFromConfig(conf, func(d *dynamodb.Options) {
		if o.Endpoint != "" {
			d.BaseEndpoint = aws.String(o.Endpoint)
		}
	})
	return a, nil
}

// expiration is when credentials of the environment end; aws-vault sets it, and the SDK
// does not read it.
const expiration = "AWS_CREDENTIAL_EXPIRATION"

// Lasting makes sure that there are credentials, and that they last for some time. Only
// those of the environment can end: the SDK renews all others.
func (a *Account) Lasting(ctx context.Context, least time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, a.options.Timeout)
	defer cancel()
	c, err := a.conf.Credentials.Retrieve(ctx)
	if err != nil {
		return fmt.Errorf("no AWS credentials: %w; run it within `aws-vault exec PROFILE --`", err)
	}
	text := os.Getenv(expiration)
	if c.Source != config.CredentialsSourceName || text == "" {
		return nil
	}
	end, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return fmt.Errorf("%s=%.40q is not a time such as 2026-01-02T15:04:05Z: correct it or unset it", expiration, text)
	}
	left := time.Until(end)
	if left >= least {
		return nil
	}
	how := "have ended at " + end.Local().Format(time.DateTime)
	if left > 0 {
		how = fmt.Sprintf("end in %s, and %s are needed", left.Round(time.Second), least)
	}
	return fmt.Errorf("the AWS credentials %s (%s): nothing was begun, because they could end before it is finished; "+
		"leave this shell and run it within a new `aws-vault exec PROFILE --`", how, expiration)
}

// bound gives a request its time.
func (a *Account) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, a.options.Timeout)
}
