// Package amazontest stands in for S3, DynamoDB and Route 53 in tests: the requests that a
// shared state, Terraform's backend and DNS records need, with conditional writes, versions,
// pages, and the faults that AWS has. Sources: the API references of the three services.
//
// It keeps everything in memory, and checks that requests are signed, not the signatures.
package amazontest

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Fault is what goes wrong with one request.
type Fault string

// The faults.
const (
	None       Fault = ""
	Lost       Fault = "lost"       // done, and the answer is lost
	Throttled  Fault = "throttled"  // 503 SlowDown; ProvisionedThroughputExceededException
	Expired    Fault = "expired"    // the session token has ended
	Skewed     Fault = "skewed"     // the clock of the client is wrong
	Elsewhere  Fault = "elsewhere"  // 301: the bucket is in us-west-2
	New        Fault = "new"        // 307: the bucket is in us-west-2, and new
	Conflicted Fault = "conflicted" // 409 ConditionalRequestConflict
	Denied     Fault = "denied"     // AccessDenied
	Hung       Fault = "hung"       // no answer until the test ends
	Busy       Fault = "busy"       // PriorRequestNotComplete, of Route 53
	Careless   Fault = "careless"   // done without regard to conditions
)

// Request is one request that came.
type Request struct {
	Name   string // PUT bucket/key, PutItem table/id
	Header http.Header
	Body   string
}

// Amazon is S3, DynamoDB and Route 53 at one address.
type Amazon struct {
	URL     string
	Route53 Route53

	mu       sync.Mutex
	table    string
	objects  map[string][]version // by bucket/key, the newest last
	items    map[string]item      // by LockID
	versions bool
	made     int
	requests []Request
	fault    func(name string) Fault
	policy   *policy // nil: everything is allowed
	ended    chan struct{}
}

// Start starts it for the time of a test. Its DynamoDB table is named locks.
func Start(t *testing.T) *Amazon {
	t.Helper()
	a := &Amazon{table: "locks", objects: map[string][]version{}, items: map[string]item{}, ended: make(chan struct{})}
	s := httptest.NewServer(a)
	a.URL = s.URL
	t.Cleanup(s.Close)
	t.Cleanup(func() { close(a.ended) }) // before the server waits for its requests
	return a
}

// Env are the variables by which the AWS SDK and Terraform find it, and nothing else.
func (a *Amazon) Env(folder string) map[string]string {
	none := filepath.Join(folder, "none")
	return map[string]string{
		"AWS_ACCESS_KEY_ID": "AKIATEST", "AWS_SECRET_ACCESS_KEY": "s3cr3t", "AWS_SESSION_TOKEN": "", "AWS_CREDENTIAL_EXPIRATION": "",
		"AWS_REGION": "us-east-2", "AWS_DEFAULT_REGION": "", "AWS_PROFILE": "", "AWS_MAX_ATTEMPTS": "", "AWS_ENDPOINT_URL": "",
		"AWS_CONFIG_FILE": none, "AWS_SHARED_CREDENTIALS_FILE": none, "AWS_EC2_METADATA_DISABLED": "true",
		"AWS_ENDPOINT_URL_S3": a.URL, "AWS_ENDPOINT_URL_DYNAMODB": a.URL, "AWS_ENDPOINT_URL_ROUTE_53": a.URL,
	}
}

// Setenv sets these variables for the time of a test.
func (a *Amazon) Setenv(t *testing.T) {
	t.Helper()
	for k, v := range a.Env(t.TempDir()) {
		t.Setenv(k, v)
	}
}

// Versioned makes the buckets keep versions.
func (a *Amazon) Versioned() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.versions = true
}

// Fault is asked for each request, by its name; nil for none. It must not use the Amazon.
func (a *Amazon) Fault(f func(name string) Fault) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.fault = f
}

// Once makes the first request whose name begins so go wrong.
func (a *Amazon) Once(prefix string, f Fault) {
	done := false
	a.Fault(func(name string) Fault {
		if done || !strings.HasPrefix(name, prefix) {
			return None
		}
		done = true
		return f
	})
}

// Always makes all the requests whose names begin so go wrong.
func (a *Amazon) Always(prefix string, f Fault) {
	a.Fault(func(name string) Fault {
		if strings.HasPrefix(name, prefix) {
			return f
		}
		return None
	})
}

// Requests gives what came since it was asked last.
func (a *Amazon) Requests() []Request {
	a.mu.Lock()
	defer a.mu.Unlock()
	came := a.requests
	a.requests = nil
	return came
}

// Names gives the names of what came since it was asked last.
func (a *Amazon) Names() []string {
	var names []string
	for _, r := range a.Requests() {
		names = append(names, r.Name)
	}
	return names
}

// ServeHTTP implements http.Handler.
func (a *Amazon) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the client went away
	}
	q := &query{r: r, body: string(body), path: strings.TrimPrefix(r.URL.Path, "/")}
	q.operation = strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "DynamoDB_20120810.")
	if q.operation != "" {
		q.decode()
		q.name = q.operation + " " + q.table + "/" + q.id
	} else if !q.route53() {
		q.name = r.Method + " " + q.path
	}
	switch fault := a.take(w, q); fault {
	case None:
	case Hung:
		<-a.ended
	case Lost:
		panic(http.ErrAbortHandler) // closes the connection
	default:
		q.fail(w, fault)
	}
}

// take notes a request, and does what it asks for unless a fault prevents it. Nothing
// happens in between.
func (a *Amazon) take(w http.ResponseWriter, q *query) Fault {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.requests = append(a.requests, Request{Name: q.name, Header: q.r.Header.Clone(), Body: q.body})
	if !strings.HasPrefix(q.r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 Credential=AKIATEST/") {
		return Denied
	}
	if !a.allowed(q) {
		return Denied
	}
	fault := None
	if a.fault != nil {
		fault = a.fault(q.name)
	}
	switch fault {
	case None:
	case Lost:
		w = httptest.NewRecorder()
	case Careless:
		q.r.Header.Del("If-Match")
		q.r.Header.Del("If-None-Match")
		q.condition, fault = "", None
	default:
		return fault
	}
	switch {
	case q.operation != "":
		a.dynamo(w, q)
	case q.route != "":
		a.serve53(w, q)
	default:
		a.s3(w, q)
	}
	return fault
}

// query is a request in work.
type query struct {
	r                    *http.Request
	name, path, body     string
	operation, table, id string
	route                string // operation of Route 53
	condition            string
	item, values         map[string]attribute
	names                map[string]string
}

// fail answers as AWS does in a fault.
func (q *query) fail(w http.ResponseWriter, f Fault) {
	switch f {
	case None, Lost, Hung, Careless: // are no answers
	case Busy:
		q.refuse(w, http.StatusBadRequest, "PriorRequestNotComplete", "", "The request was rejected because Route 53 was still processing a prior request.")
	case Throttled:
		q.refuse(w, http.StatusServiceUnavailable, "SlowDown", "ProvisionedThroughputExceededException", "Reduce your request rate.")
	case Expired:
		q.refuse(w, http.StatusBadRequest, "ExpiredToken", "ExpiredTokenException", "The provided token has expired.")
	case Skewed:
		q.refuse(w, http.StatusForbidden, "RequestTimeTooSkewed", "InvalidSignatureException", "Signature expired: 20260101T000000Z is now earlier than 20260101T005500Z")
	case Conflicted:
		q.refuse(w, http.StatusConflict, "ConditionalRequestConflict", "TransactionConflictException", "A conflicting operation occurred.")
	case Denied:
		q.refuse(w, http.StatusForbidden, "AccessDenied", "AccessDeniedException", "User: x is not authorized to perform this")
	case Elsewhere:
		w.Header().Set("x-amz-bucket-region", "us-west-2")
		q.refuse(w, http.StatusMovedPermanently, "PermanentRedirect", "", "The bucket you are attempting to access must be addressed using the specified endpoint.")
	case New:
		w.Header().Set("x-amz-bucket-region", "us-west-2")
		w.Header().Set("Location", "http://"+q.r.Host+"/elsewhere/"+q.path)
		q.refuse(w, http.StatusTemporaryRedirect, "TemporaryRedirect", "", "Please re-send this request to the specified temporary endpoint.")
	}
}

// refuse answers with an error in the form of the service.
func (q *query) refuse(w http.ResponseWriter, status int, s3code, dynamoCode, says string) {
	if q.operation != "" {
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprintf(w, `{"__type":"com.amazonaws.dynamodb.v20120810#%s","message":%q}`, dynamoCode, says)
		return
	}
	if q.route != "" {
		if s3code == "SlowDown" {
			status, s3code = http.StatusBadRequest, "Throttling"
		}
		refuse53(w, status, s3code, says)
		return
	}
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	if q.r.Method != http.MethodHead {
		fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?><Error><Code>%s</Code><Message>%s</Message></Error>`, s3code, says)
	}
}

// Keys lists the objects and items that are there, sorted.
func (a *Amazon) Keys() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var keys []string
	for k := range a.objects {
		if _, ok := a.newest(k); ok {
			keys = append(keys, "s3 "+k)
		}
	}
	for k := range a.items {
		keys = append(keys, "dynamodb "+k)
	}
	slices.Sort(keys)
	return keys
}
