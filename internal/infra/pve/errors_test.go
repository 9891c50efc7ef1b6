package pve

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"syslog-gateway/internal/testkit"
)

const (
	jsonType = "application/json;charset=UTF-8"
	badParam = `{"data":null,"message":"Parameter verification failed.\n","errors":{"vmid":"property is missing and it is not optional","net0":"invalid format - format error\nnet0.tag: value must have a maximum value of 4094\n"}}`
)

func TestEveryBadStatusIsAnError(t *testing.T) {
	cases := []struct {
		name, answer string
		status       int
		reason       string // a part
		params       map[string]string
		unknown      bool // for a write
		is           func(error) bool
	}{
		{"500 with message", refuse("500", "unable to create VM 200 - VM 200 already exists on node 'pve1'"), 500, "VM 200 already exists", nil, false, IsExists},
		{"500 of version 8: phrase only", answer("500 pool 'nope' does not exist", jsonType, `{"data":null}`), 500, "pool 'nope' does not exist", nil, false, IsNotFound},
		{"500 as HTTP/2 gives it", answer("500", jsonType, `{"data":null,"message":"CT is locked (backup)\n"}`), 500, "CT is locked (backup)", nil, false, isLocked},
		{"500 without any word", answer("500 ", jsonType, `{"data":null}`), 500, "Internal Server Error", nil, false, nil},
		{"500 without body", answer("500 Internal Server Error", "", ""), 500, "Internal Server Error", nil, false, nil},
		{"400", answer("400 Parameter verification failed.", jsonType, badParam), 400, "Parameter verification failed.", map[string]string{
			"vmid": "property is missing and it is not optional",
			"net0": "invalid format - format error\nnet0.tag: value must have a maximum value of 4094",
		}, false, nil},
		{"400 no such", refuse("400", "no such alias"), 400, "no such alias", nil, false, IsNotFound},
		{"400 exists", answer("400 Parameter verification failed.", jsonType, `{"data":null,"errors":{"name":"alias 'web' already exists"}}`), 400, "Parameter", map[string]string{"name": "alias 'web' already exists"}, false, IsExists},
		{"401 without body", answer("401 No ticket", "", ""), 401, "No ticket", nil, false, isUnauthorized},
		{"401 without any word", answer("401 ", "", ""), 401, "Unauthorized", nil, false, isUnauthorized},
		{"403", refuse("403", "Permission check failed (/vms/100, VM.Allocate)"), 403, "(/vms/100, VM.Allocate)", nil, false, IsForbidden},
		{"403 root only", refuse("403", "Permission check failed (changing feature flags (except nesting) is only allowed for root@pam)"), 403, "only allowed for root@pam", nil, false, IsRootOnly},
		{"404", answer("404 Not Found", "text/html", "<html><body>gone</body></html>"), 404, `"gone"`, nil, false, IsNotFound},
		{"429", answer("429 Too Many Requests", "", ""), 429, "Too Many Requests", nil, false, nil},
		{"501", refuse("501", "Method 'GET /nope' not implemented"), 501, "not implemented", nil, false, nil},
		{"502 of a proxy", answer("502 Bad Gateway", "text/html", "<html><style>x{}</style><h1>Bad   gateway</h1>\n nginx</html>"), 502, `"Bad gateway nginx"`, nil, true, IsUnknownOutcome},
		{"503", answer("503 Service Unavailable", "", ""), 503, "Service Unavailable", nil, true, IsUnknownOutcome},
		{"504", answer("504 Gateway Timeout", "", ""), 504, "Gateway Timeout", nil, true, IsUnknownOutcome},
		{"595", answer("595 No route to host", "", ""), 595, "No route to host", nil, true, IsUnknownOutcome},
		{"595 without phrase", answer("595", "", ""), 595, "the node could not be reached", nil, true, IsUnknownOutcome},
		{"596", answer("596 Connection timed out", jsonType, `{"data":null}`), 596, "Connection timed out", nil, true, IsUnknownOutcome},
		{"596 without phrase", answer("596 ", "", ""), 596, "broke or timed out", nil, true, IsUnknownOutcome},
		{"599", answer("599 Too many redirections", "", ""), 599, "Too many redirections", nil, true, IsUnknownOutcome},
		{"301", "HTTP/1.1 301 Moved Permanently\r\nLocation: https://other:8006/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", 301, `redirected to "https://other:8006/"`, nil, false, nil},
		{"stale VM", refuse("500", "checksum mismatch (file change by other user?)"), 500, "checksum", nil, false, IsStale},
		{"stale container", refuse("500", "detected modified configuration - file changed by other user? Try again."), 500, "Try again.", nil, false, IsStale},
		{"cluster lock", refuse("500", "cfs-lock 'storage-x' error: got lock request timeout"), 500, "cfs-lock", nil, false, isLocked},
		{"missing guest", refuse("500", "Configuration file 'nodes/pve1/lxc/999.conf' does not exist"), 500, "999.conf", nil, false, IsNotFound},
		{"200 with a page", answer("200 OK", "text/html", "<h1>Please log in</h1>"), 200, `"Please log in"`, nil, true, IsUnknownOutcome},
		{"200 with nothing", answer("200 OK", jsonType, ""), 200, "an empty body", nil, true, IsUnknownOutcome},
		{"200 cut", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"data\":", 0, "no answer", nil, true, IsUnknownOutcome},
		{"no answer", cut, 0, "no answer", nil, true, IsUnknownOutcome},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			s, c := talk(t, always(tc.answer))
			_, err := c.Write(context.Background(), http.MethodPost, "/pools", form("poolid", "x"))
			e, ok := errors.AsType[*Error](err)
			if !ok {
				t.Fatalf("no *Error: %v", err)
			}
			if e.Method != "POST" || e.Path != "/pools" || e.Status != tc.status || e.Unknown != tc.unknown || !maps.Equal(e.Params, tc.params) {
				t.Errorf("got %+v", e)
			}
			testkit.Holds(t, "what was written", e.Reason, tc.reason)
			testkit.Fails(t, err, "POST /pools")
			if strings.ContainsAny(err.Error(), "\n\r<") {
				t.Errorf("not one line of text: %q", err)
			}
			if tc.is != nil && !tc.is(err) {
				t.Errorf("not recognised: %v", err)
			}
			if n := len(s.requests()); tc.unknown && n != 1 {
				t.Errorf("a write of unknown outcome was sent %d times", n)
			}
		})
	}
}

func TestErrorText(t *testing.T) {
	_, c := talk(t, always(answer("400 Parameter verification failed.", jsonType, badParam)))
	_, err := c.Write(context.Background(), http.MethodPost, "/nodes/pve1/lxc", form("net0", "x"))
	const want = "pve: POST /nodes/pve1/lxc: 400 Parameter verification failed. net0: invalid format - format error net0.tag: value must have a maximum value of 4094; vmid: property is missing and it is not optional"
	if err.Error() != want {
		t.Errorf("got  %s\nwant %s", err, want)
	}
}

func TestAMissingRightIsNotAMissingThing(t *testing.T) {
	err := error(&Error{Status: 403, Reason: "Permission check failed (pool 'nopool' does not exist)"})
	if IsNotFound(err) || !IsForbidden(err) {
		t.Error("403 taken for a missing pool")
	}
}

func TestPredicatesOfTasks(t *testing.T) {
	lock := &TaskError{UPID: "x", Exit: "can't lock file '/var/lock/qemu-server/lock-101.conf' - got timeout"}
	if !isLocked(lock) || IsUnknownOutcome(lock) || ConfigLock(lock) != "" {
		t.Error("lock of a task")
	}
	gone := &TaskError{UPID: "x", Exit: "unable to create CT 311 - volume 'local:vztmpl/nope.tar.zst' does not exist"}
	if !IsNotFound(gone) {
		t.Error("missing template of a task")
	}
	for _, is := range []func(error) bool{isLocked, IsNotFound, IsExists, IsStale, IsForbidden, isUnauthorized, IsRootOnly, IsUnknownOutcome} {
		if is(nil) || is(errors.New("does not exist: already exists, CT is locked")) {
			t.Error("an error of somebody else was recognised")
		}
	}
}

func FuzzRefusal(f *testing.F) {
	f.Add(500, "500 x", []byte(`{"message":"a\n"}`))
	f.Add(400, "400", []byte(badParam))
	f.Add(502, "502 Bad Gateway", []byte("<html>\xff"))
	f.Fuzz(func(t *testing.T, code int, status string, body []byte) {
		tr := &transport{}
		req := testkit.Try(http.NewRequest(http.MethodPost, "http://h/api2/json/pools", nil))(t)
		e := tr.refusal(req, &http.Response{StatusCode: code, Status: status, Header: http.Header{}}, body)
		if e.Reason == "" || e.Error() == "" {
			t.Errorf("no reason: %+v", e)
		}
		testkit.Try(json.Marshal(e.Params))(t)
	})
}

// roundTrip answers requests in place of a server.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// FuzzAnswer reads what any server answers: there is a value or an error, and no error shows the
// token.
func FuzzAnswer(f *testing.F) {
	f.Add(200, "", `{"data":[{"type":"lxc","vmid":"101","node":"pve","status":null}]}`)
	f.Add(200, "", `{"data":{"release":9,"version":[],"/":{"Sys.Audit":1}}}`)
	f.Add(500, "got timeout\x1b[31m", `{"data":null,"errors":{"a":"b"},"message":"5b1d0c3e"}`)
	f.Add(200, "", "<p>Authorization: PVEAPIToken=ops@pve!ci=5b1d0c3e-9a4f-4e0b-8f2d-0000000000ff</p>")
	f.Add(401, "No ticket 5b1d0c3e-9a4f-4e0b-8f2d-0000000000ff", "\xff{")
	f.Fuzz(func(t *testing.T, status int, reason, body string) {
		const secret = "5b1d0c3e-9a4f-4e0b-8f2d-0000000000ff"
		c := testkit.Try(New(Options{Endpoint: "https://pve.lab.example:8006", Token: "ops@pve!ci=" + secret, Sleep: func(context.Context, time.Duration) error { return nil },
			Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: 200 + (status%400+400)%400, Status: reason, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
					Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
			})}))(t)
		ctx := t.Context()
		_, write := c.Write(ctx, "PUT", "/pools", form("poolid", "a"))
		for _, err := range []error{testkit.Err(c.Resources(ctx)), testkit.Err(c.Config(ctx, "pve", "lxc", 101)), testkit.Err(c.Version(ctx)), testkit.Err(c.Permissions(ctx)), write} {
			if err != nil && strings.Contains(err.Error(), secret) {
				t.Errorf("the error is %q", err)
			}
		}
	})
}
