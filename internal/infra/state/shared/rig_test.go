package shared

import (
	"context"
	"testing"
	"time"

	"syslog-gateway/internal/infra/amazon"
	"syslog-gateway/internal/infra/amazon/amazontest"
	"syslog-gateway/internal/infra/state"
	"syslog-gateway/internal/testkit"
)

const (
	bucketName   = "states"
	recordKey    = "provision/record.json"
	terraformKey = "terraform-proxmox/terraform.tfstate"
	objectPath   = bucketName + "/" + terraformKey + ".tflock"
	itemID       = bucketName + "/" + terraformKey
)

// rig is one machine beside S3 and DynamoDB.
type rig struct {
	*amazontest.Amazon
	t       *testing.T
	account *amazon.Account
}

func newRig(t *testing.T) *rig {
	t.Helper()
	a := amazontest.Start(t)
	a.Setenv(t)
	r := &rig{Amazon: a, t: t}
	r.open(amazon.Options{})
	return r
}

// open reads the variables again.
func (r *rig) open(o amazon.Options) {
	r.t.Helper()
	r.account = testkit.Try(amazon.Open(r.t.Context(), o))(r.t)
}

func (r *rig) bucket() *amazon.Bucket {
	return r.account.Bucket(bucketName, amazon.Encryption{On: true})
}

// lock is Terraform's lock in both places, with short pauses.
func (r *rig) lock() *Lock {
	l := NewLock(r.account, r.bucket(), terraformKey, true, "locks")
	l.pause = time.Millisecond
	return l
}

func (r *rig) record() *Record { return NewRecord(r.bucket(), recordKey) }

// claim is that of one run.
func claim(id string) Claim {
	return Claim{Version: "1.2", Journal: "/srv/estate/.provision", Holder: state.Holder{ID: id, PID: 4711, Host: "alpha", User: "ops",
		Command: "provision apply", Since: time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)}}
}

// take takes the lock without waiting.
func (r *rig) take(id string) (func(context.Context) error, error) {
	return r.lock().Take(r.t.Context(), claim(id), state.LockOptions{Wait: -1})
}

// free wants that no lock is left.
func (r *rig) free(what string) {
	r.t.Helper()
	_, object := r.Object(objectPath)
	_, item := r.Item(itemID, "Info")
	if object || item {
		r.t.Errorf("%s: a lock is left: S3 %v, DynamoDB %v", what, object, item)
	}
}
