package state

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"syslog-gateway/internal/testkit"
)

// amazon answers GetObject and GetItem, as S3 and DynamoDB do, and records the rest.
type amazon struct {
	objects map[string]string // bucket/key
	items   map[string]string // LockID: the attribute's JSON
	refuse  string            // an S3 error code, for every object

	mu     sync.Mutex
	reads  []string
	others []string
}

func (a *amazon) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	target := r.Header.Get("X-Amz-Target")
	read := r.Method == http.MethodGet || target == "DynamoDB_20120810.GetItem"
	a.mu.Lock()
	if read {
		a.reads = append(a.reads, r.URL.Path+target)
	} else {
		a.others = append(a.others, r.Method+" "+r.URL.Path+" "+target)
	}
	a.mu.Unlock()
	if !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 Credential=AKIATEST/") {
		http.Error(w, "not signed", http.StatusForbidden)
		return
	}
	if target != "" {
		a.dynamo(w, r)
		return
	}
	body, ok := a.objects[strings.TrimPrefix(r.URL.Path, "/")]
	switch {
	case a.refuse != "":
		s3Error(w, http.StatusForbidden, a.refuse)
	case !ok:
		s3Error(w, http.StatusNotFound, "NoSuchKey")
	default:
		fmt.Fprint(w, body)
	}
}

func s3Error(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?><Error><Code>%s</Code><Message>no</Message></Error>`, code)
}

func (a *amazon) dynamo(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	var in struct {
		TableName      string
		ConsistentRead bool
		Key            struct{ LockID struct{ S string } }
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || in.TableName != "locks" || !in.ConsistentRead {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"__type":"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException","message":"Requested resource not found"}`)
		return
	}
	item, ok := a.items[in.Key.LockID.S]
	if !ok {
		fmt.Fprint(w, `{}`)
		return
	}
	fmt.Fprintf(w, `{"Item":{"LockID":{"S":%q},%s}}`, in.Key.LockID.S, item)
}

const stateKey = "bucket/terraform-proxmox/terraform.tfstate"

func newAmazon(t *testing.T) (*amazon, Source) {
	t.Helper()
	a := &amazon{objects: map[string]string{stateKey: tfstate}, items: map[string]string{}}
	s := httptest.NewServer(a)
	t.Cleanup(s.Close)
	none := filepath.Join(t.TempDir(), "none")
	for k, v := range map[string]string{
		"AWS_ACCESS_KEY_ID": "AKIATEST", "AWS_SECRET_ACCESS_KEY": "s3cr3t", "AWS_SESSION_TOKEN": "", "AWS_REGION": "", "AWS_DEFAULT_REGION": "",
		"AWS_PROFILE": "", "AWS_CONFIG_FILE": none, "AWS_SHARED_CREDENTIALS_FILE": none, "AWS_EC2_METADATA_DISABLED": "true",
	} {
		t.Setenv(k, v)
	}
	return a, Source{Location: "s3://" + stateKey, Region: "us-east-2", Endpoint: s.URL}
}

func TestMigrateFromS3(t *testing.T) {
	a, src := newAmazon(t)
	m, err := Migrate(context.Background(), src)
	if err != nil || len(m.Items) != len(items()) || len(m.Locks) != 0 || m.Warning != "" {
		t.Fatalf("%+v, %v", m, err)
	}
	if len(a.others) != 0 || len(a.reads) != 2 {
		t.Errorf("read %v, and did %v", a.reads, a.others)
	}
}

func TestMigrateShowsLocks(t *testing.T) {
	a, src := newAmazon(t)
	src.Table = "locks"
	sum := md5.Sum([]byte(tfstate))
	a.items[stateKey+"-md5"] = `"Digest":{"S":"` + hex.EncodeToString(sum[:]) + `"}`
	m, err := Migrate(context.Background(), src)
	if err != nil || len(m.Locks) != 0 || m.Warning != "" {
		t.Fatalf("%+v, %v", m, err)
	}
	a.objects[stateKey+".tflock"] = lockInfo
	a.items[stateKey] = fmt.Sprintf(`"Info":{"S":%q}`, lockInfo)
	a.items[stateKey+"-md5"] = `"Digest":{"S":"00000000000000000000000000000000"}`
	m, err = Migrate(context.Background(), src)
	if err != nil || len(m.Locks) != 2 || !strings.Contains(m.Warning, "digest") {
		t.Fatalf("%+v, %v", m, err)
	}
	if m.Locks[0].Where != "s3://"+stateKey || m.Locks[1].Where != "dynamodb:locks" || m.Locks[1].Who != "root@vm" {
		t.Errorf("%+v", m.Locks)
	}
	a.objects[stateKey+".tflock"] = "junk"
	if m, err = Migrate(context.Background(), src); err != nil || len(m.Locks) != 2 || m.Locks[0].Who != "unknown" {
		t.Errorf("a lock that cannot be read: %+v, %v", m, err)
	}
	if len(a.others) != 0 {
		t.Errorf("did %v", a.others)
	}
}

func TestMigrateFromS3Fails(t *testing.T) {
	for _, tc := range []struct {
		set func(*amazon, *Source)
		say string
	}{
		{func(a *amazon, _ *Source) { clear(a.objects) }, "NoSuchKey"},
		{func(a *amazon, _ *Source) { a.refuse = "AccessDenied" }, "aws-vault exec"},
		{func(a *amazon, _ *Source) { a.refuse = "PermanentRedirect" }, "set AWS_REGION"},
		{func(_ *amazon, s *Source) { s.Region = "" }, "the region is not known"},
		{func(_ *amazon, s *Source) { s.Table = "another" }, "is the table in that region"},
		{func(a *amazon, _ *Source) { a.objects[stateKey] = "" }, "empty"},
	} {
		t.Run(tc.say, func(t *testing.T) {
			a, src := newAmazon(t)
			tc.set(a, &src)
			_, err := Migrate(context.Background(), src)
			testkit.Fails(t, err, tc.say)
			if err != nil && strings.Contains(err.Error(), "s3cr3t") {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestMigrateWithoutCredentials(t *testing.T) {
	a, src := newAmazon(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	testkit.Fails(t, testkit.Err(Migrate(context.Background(), src)), "no AWS credentials", "aws-vault exec")
	if len(a.reads) != 0 {
		t.Errorf("sent %v", a.reads)
	}
}
