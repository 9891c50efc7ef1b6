package amazon

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/route53/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// failure is a request that did not succeed, in one sentence.
type failure struct {
	what string // read s3://bucket/key
	kind error  // ErrMissing, ErrConflict, ErrDenied or nil
	err  error
}

func (f *failure) Error() string {
	says := f.err.Error()
	if e, ok := errors.AsType[*types.InvalidChangeBatch](f.err); ok && len(e.Messages) > 0 {
		says = e.ErrorCode() + ": " + strings.Join(e.Messages, "; ")
	} else if e, ok := errors.AsType[smithy.APIError](f.err); ok {
		says = strings.TrimSuffix(e.ErrorCode()+": "+e.ErrorMessage(), ": ")
	} else if e, ok := errors.AsType[*url.Error](f.err); ok {
		says = "no answer: " + e.Error()
	} else if errors.Is(f.err, context.DeadlineExceeded) {
		says = "no answer in time"
	}
	return f.what + ": " + says + f.hint()
}

func (f *failure) Unwrap() []error { return []error{f.kind, f.err} }

// UnknownOutcome says that the request may have been carried out: there was no answer, or
// one of a server that failed.
func (f *failure) UnknownOutcome() bool {
	status := 0
	if answer, ok := errors.AsType[*smithyhttp.ResponseError](f.err); ok {
		status = answer.HTTPStatusCode()
	}
	return status == 0 && !f.unsent() || status >= http.StatusInternalServerError
}

// unsent says that there were no credentials to send a request with.
func (f *failure) unsent() bool {
	text := f.err.Error()
	return strings.Contains(text, "get credentials") || strings.Contains(text, "failed to refresh cached credentials")
}

// fail makes an error of a request; nil of nil.
func fail(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	f := &failure{what: fmt.Sprintf(format, args...), err: err}
	switch {
	case code(err, "NoSuchKey", "NotFound"):
		f.kind = ErrMissing
	case code(err, "PreconditionFailed", "ConditionalCheckFailedException", "ConditionalRequestConflict", "InvalidChangeBatch"):
		f.kind = ErrConflict
	case code(err, denied...):
		f.kind = ErrDenied
	}
	return f
}

// code says whether AWS answered with one of the codes.
func code(err error, codes ...string) bool {
	e, ok := errors.AsType[smithy.APIError](err)
	return ok && slices.Contains(codes, e.ErrorCode())
}

// denied are AWS's codes for a right that is missing.
var denied = []string{"AccessDenied", "AccessDeniedException", "AllAccessDisabled", "Forbidden"}

// hints are what to do, by AWS's code.
var hints = []struct {
	codes []string
	says  string
}{
	{denied, "is it the right PROFILE of `aws-vault exec PROFILE --`? `provision check` prints the IAM policy that an apply needs"},
	{[]string{"InvalidAccessKeyId", "UnrecognizedClientException"}, "AWS does not know this access key: run it within `aws-vault exec PROFILE --`"},
	{[]string{"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"},
		"the AWS credentials have ended: run it within a new `aws-vault exec PROFILE --`"},
	{[]string{"InvalidSignatureException", "RequestTimeTooSkewed"},
		"compare this machine's clock with the right time, such as by `timedatectl`; if it is right, the secret key is wrong"},
	{[]string{"SignatureDoesNotMatch"}, "the secret key is wrong: run it within `aws-vault exec PROFILE --`"},
	{[]string{"ResourceNotFoundException"}, "is the table in that region?"},
	{[]string{"NoSuchBucket"}, "is state.bucket right?"},
	{[]string{"NoSuchHostedZone", "InvalidInput"}, "is dns.route53.zone_id right, and is the zone in this AWS account?"},
	{[]string{"InvalidChangeBatch"}, "somebody changed it after it was planned, nothing of it was done: plan again"},
	{[]string{"PriorRequestNotComplete"}, "Route 53 is still busy with an earlier change of this zone: run it again in a minute"},
	{[]string{"SlowDown", "ProvisionedThroughputExceededException", "ThrottlingException", "RequestLimitExceeded", "Throttling"},
		"AWS asks for fewer requests: run it again in a minute"},
	{[]string{"KMS.NotFoundException", "KMS.DisabledException", "KMSAccessDenied", "KMS.KMSInvalidStateException"}, "is state.kms_key_id right?"},
}

func (f *failure) hint() string {
	if answer, ok := errors.AsType[*smithyhttp.ResponseError](f.err); ok {
		status := answer.HTTPStatusCode()
		region := answer.Response.Header.Get("x-amz-bucket-region")
		moved := code(f.err, "AuthorizationHeaderMalformed", "IllegalLocationConstraintException")
		switch {
		case status == http.StatusMovedPermanently || moved:
			return " (the bucket is in another region" + named(region) + ": declare it as state.region, or set AWS_REGION)"
		case status == http.StatusTemporaryRedirect:
			return " (the bucket is new and not known everywhere" + named(region) + ": declare its state.region, or run it again in an hour)"
		}
	}
	for _, h := range hints {
		if code(f.err, h.codes...) {
			return " (" + h.says + ")"
		}
	}
	switch {
	case errors.Is(f.err, context.DeadlineExceeded):
		return " (is the endpoint right, and the network there?)"
	case f.unsent():
		return " (no AWS credentials: run it within `aws-vault exec PROFILE --`)"
	}
	return ""
}

func named(region string) string {
	if region == "" {
		return ""
	}
	return ", " + region
}
