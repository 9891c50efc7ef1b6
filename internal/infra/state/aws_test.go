package state

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"strings"
	"testing"

	"syslog-gateway/internal/infra/amazon/amazontest"
	"syslog-gateway/internal/testkit"
)

const stateKey = "bucket/terraform-proxmox/terraform.tfstate"

func newAmazon(t *testing.T) (*amazontest.Amazon, Source) {
	t.Helper()
	a := amazontest.Start(t)
	a.Setenv(t)
	t.Setenv("AWS_REGION", "")
	t.Setenv("AWS_ENDPOINT_URL_S3", "")
	t.Setenv("AWS_ENDPOINT_URL_DYNAMODB", "")
	a.Put(stateKey, tfstate)
	return a, Source{Location: "s3://" + stateKey, Region: "us-east-2", Endpoint: a.URL}
}

// onlyRead wants that nothing was written.
func onlyRead(t *testing.T, a *amazontest.Amazon, reads int) {
	t.Helper()
	names := a.Names()
	for _, n := range names {
		if !strings.HasPrefix(n, "GET ") && !strings.HasPrefix(n, "GetItem ") {
			t.Errorf("did %s", n)
		}
	}
	if reads >= 0 {
		testkit.Equal(t, "reads", len(names), reads)
	}
}

func TestMigrateFromS3(t *testing.T) {
	a, src := newAmazon(t)
	m, err := Migrate(context.Background(), src)
	if err != nil || len(m.Items) != len(items()) || len(m.Locks) != 0 || m.Warning != "" {
		t.Fatalf("%+v, %v", m, err)
	}
	onlyRead(t, a, 2)
}

func TestMigrateShowsLocks(t *testing.T) {
	a, src := newAmazon(t)
	src.Table = "locks"
	sum := md5.Sum([]byte(tfstate))
	a.PutItem(stateKey+"-md5", "Digest", hex.EncodeToString(sum[:]))
	m, err := Migrate(context.Background(), src)
	if err != nil || len(m.Locks) != 0 || m.Warning != "" {
		t.Fatalf("%+v, %v", m, err)
	}
	a.Put(stateKey+".tflock", lockInfo)
	a.PutItem(stateKey, "Info", lockInfo)
	m, err = Migrate(context.Background(), src)
	if err != nil || len(m.Locks) != 2 {
		t.Fatalf("%+v, %v", m, err)
	}
	if m.Locks[0].Where != "s3://"+stateKey || m.Locks[1].Where != "dynamodb:locks" || m.Locks[1].Who != "root@vm" {
		t.Errorf("%+v", m.Locks)
	}
	a.Put(stateKey+".tflock", "junk")
	if m, err = Migrate(context.Background(), src); err != nil || len(m.Locks) != 2 || m.Locks[0].Who != "unknown" {
		t.Errorf("a lock that cannot be read: %+v, %v", m, err)
	}
	onlyRead(t, a, -1)
}

// Terraform refuses a state whose digest is another one. So do we: it may be an older one.
func TestMigrateRefusesAWrongDigest(t *testing.T) {
	a, src := newAmazon(t)
	src.Table = "locks"
	a.PutItem(stateKey+"-md5", "Digest", "00000000000000000000000000000000")
	testkit.Fails(t, testkit.Err(Migrate(context.Background(), src)), "MD5", stateKey, "locks", "00000000", "run this again")
	a.PutItem(stateKey+"-md5", "", "")
	testkit.Must(t, testkit.Err(Migrate(context.Background(), src)))
	onlyRead(t, a, -1)
}

func TestMigrateFromS3Fails(t *testing.T) {
	for _, tc := range []struct {
		set func(*amazontest.Amazon, *Source)
		say string
	}{
		{func(a *amazontest.Amazon, _ *Source) { a.Remove(stateKey) }, "NoSuchKey"},
		{func(a *amazontest.Amazon, _ *Source) { a.Always("GET", amazontest.Denied) }, "aws-vault exec"},
		{func(a *amazontest.Amazon, _ *Source) { a.Always("GET", amazontest.Elsewhere) }, "us-west-2"},
		{func(_ *amazontest.Amazon, s *Source) { s.Region = "" }, "region is not known"},
		{func(_ *amazontest.Amazon, s *Source) { s.Table = "another" }, "is the table in that region"},
		{func(a *amazontest.Amazon, _ *Source) { a.Put(stateKey, "") }, "empty"},
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
	onlyRead(t, a, 0)
}

func FuzzReadLock(f *testing.F) {
	f.Add([]byte(lockInfo))
	f.Add([]byte(`{"ID": 7}`))
	f.Add([]byte(`{"Created": "yesterday"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if l := ReadLock("s3://b/k", b); l.Where != "s3://b/k" || !strings.Contains(l.String(), "is locked by") {
			t.Errorf("%+v", l)
		}
	})
}
