package backend

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"syslog-gateway/internal/infra/amazon/amazontest"
	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/state"
	"syslog-gateway/internal/testkit"
)

// inS3 is a record in S3 with both of Terraform's locks.
func inS3() declaration.State {
	return declaration.State{S3: true, Bucket: "states", Key: "provision/record.json", Table: "locks", Lockfile: true, Encrypt: true, TerraformKey: "tf.tfstate"}
}

const recordPath = "states/provision/record.json"

func newAmazon(t *testing.T) *amazontest.Amazon {
	t.Helper()
	a := amazontest.Start(t)
	a.Setenv(t)
	return a
}

func open(t *testing.T, folder string, s declaration.State) *Backend {
	t.Helper()
	return testkit.Try(Open(t.Context(), folder, s))(t)
}

// put saves a record with one more guest, under the lock.
func put(t *testing.T, b *Backend, key string) {
	t.Helper()
	release := testkit.Try(b.Lock(t.Context(), state.LockOptions{Command: "provision apply", Wait: -1}))(t)
	record := testkit.Try(b.Load(t.Context()))(t)
	record.Put(state.Object{Kind: "lxc", Key: key})
	testkit.Must(t, b.Save(t.Context(), record))
	testkit.Must(t, release())
}

// keys are the recorded guests.
func keys(t *testing.T, b *Backend) string {
	t.Helper()
	var all []string
	for _, o := range testkit.Try(b.Load(t.Context()))(t).Objects {
		all = append(all, o.Key)
	}
	return strings.Join(all, " ")
}

// The same rules hold for a folder and for S3.
func TestRecordIsWhereItIsDeclared(t *testing.T) {
	onlyLock := declaration.State{Bucket: "states", TerraformKey: "tf.tfstate", Lockfile: true}
	for name, settings := range map[string]declaration.State{"local": {}, "local with Terraform's lock": onlyLock, "s3": inS3()} {
		t.Run(name, func(t *testing.T) {
			a := newAmazon(t)
			folder := filepath.Join(t.TempDir(), "state")
			b := open(t, folder, settings)
			testkit.Equal(t, "empty", keys(t, b), "")
			if _, err := os.Stat(folder); err == nil {
				t.Error("reading made the folder")
			}
			put(t, b, "dns")
			put(t, b, "web")
			testkit.Equal(t, "recorded", keys(t, open(t, folder, settings)), "dns web")
			_, there := a.Object(recordPath)
			testkit.Equal(t, "in S3", there, settings.S3)
			for _, k := range a.Keys() {
				if k != "s3 "+recordPath {
					t.Errorf("left: %s", k)
				}
			}
		})
	}
}

// From a folder to S3 and back: the record is in one place at a time, and every other
// place says where it is.
func TestMoveToS3AndBack(t *testing.T) {
	newAmazon(t)
	folder := t.TempDir()
	local := open(t, folder, declaration.State{})
	put(t, local, "dns")
	remote := open(t, folder, inS3())
	testkit.Fails(t, testkit.Err(remote.Load(t.Context())), folder, "s3://"+recordPath, "provision state push")
	testkit.Must(t, testkit.Err(remote.Push(t.Context(), nil, false)))
	remote = open(t, folder, inS3())
	put(t, remote, "web")
	testkit.Equal(t, "in S3", keys(t, remote), "dns web")
	testkit.Fails(t, testkit.Err(local.Load(t.Context())), "is in s3://"+recordPath, "--to-folder")
	testkit.Fails(t, testkit.Err(remote.Push(t.Context(), nil, false)), "is in s3://")

	// Another machine finds it, and a new folder learns whose record it is.
	other := open(t, t.TempDir(), inS3())
	testkit.Equal(t, "elsewhere", keys(t, other), "dns web")

	testkit.Must(t, testkit.Err(remote.PullToFolder(t.Context())))
	testkit.Equal(t, "back", keys(t, open(t, folder, declaration.State{})), "dns web")
	testkit.Fails(t, testkit.Err(open(t, folder, inS3()).Load(t.Context())), "provision state push")
	testkit.Fails(t, testkit.Err(local.PullToFolder(t.Context())), "already")
	testkit.Fails(t, testkit.Err(local.Versions(t.Context())), "state folder")
}

// Two buckets, or two records, are not taken for one another.
func TestBucketsThatAreMixedUp(t *testing.T) {
	a := newAmazon(t)
	folder := t.TempDir()
	b := open(t, folder, inS3())
	put(t, b, "dns")
	another := inS3()
	another.Bucket = "others"
	testkit.Fails(t, testkit.Err(open(t, folder, another).Load(t.Context())), "is in s3://"+recordPath, "says s3://others/provision/record.json", "which one is right")

	mine, _ := a.Object(recordPath)
	put(t, open(t, t.TempDir(), another), "web")
	theirs, _ := a.Object("others/provision/record.json")
	a.Put(recordPath, theirs) // a copy by hand
	testkit.Fails(t, testkit.Err(open(t, folder, inS3()).Load(t.Context())), "is another one", recordPath)
	a.Remove(recordPath)
	testkit.Fails(t, testkit.Err(open(t, folder, inS3()).Load(t.Context())), "is gone", recordPath)
	a.Put(recordPath, mine)
	testkit.Equal(t, "restored", keys(t, open(t, folder, inS3())), "dns")

	var record state.Record
	testkit.Must(t, json.Unmarshal([]byte(theirs), &record))
	testkit.Fails(t, testkit.Err(b.Push(t.Context(), &record, false)), "another lineage", "--force")
	old := testkit.Try(b.Load(t.Context()))(t)
	put(t, open(t, folder, inS3()), "web")
	testkit.Fails(t, testkit.Err(b.Push(t.Context(), old, false)), "is newer", "--force")
	testkit.Must(t, testkit.Err(b.Push(t.Context(), old, true)))
	testkit.Equal(t, "forced", keys(t, open(t, folder, inS3())), "dns")
}

// A run that holds the folder's lock and does not get the shared one holds neither.
func TestLockIsAllOrNothing(t *testing.T) {
	a := newAmazon(t)
	a.PutItem("states/tf.tfstate", "Info", `{"ID":"0c4e","Operation":"OperationTypeApply","Who":"root@ci"}`)
	b := open(t, t.TempDir(), inS3())
	testkit.Fails(t, testkit.Err(b.Lock(t.Context(), state.LockOptions{Wait: -1})), "root@ci", "provision state unlock 0c4e")
	l := testkit.Try(b.Dir.Lock(t.Context(), state.LockOptions{Wait: -1}))(t)
	testkit.Must(t, l.Release())
	testkit.Equal(t, "left", strings.Join(a.Keys(), " "), "dynamodb states/tf.tfstate")

	testkit.Fails(t, testkit.Err(b.Unlock(t.Context(), "", false)), "root@ci", "provision state unlock 0c4e")
	u := testkit.Try(b.Unlock(t.Context(), "0c4e", false))(t)
	if u.Local != nil || len(u.Shared) != 1 {
		t.Errorf("%+v", u)
	}
	testkit.Must(t, testkit.Try(b.Lock(t.Context(), state.LockOptions{Wait: -1}))(t)())
}

// A run of another machine with the same folder name, or of this one that lives, keeps its lock.
func TestUnlockOfALivingRun(t *testing.T) {
	a := newAmazon(t)
	folder := t.TempDir()
	b := open(t, folder, inS3())
	release := testkit.Try(b.Lock(t.Context(), state.LockOptions{Command: "provision apply", Wait: -1}))(t)
	testkit.Fails(t, testkit.Err(open(t, folder, inS3()).Unlock(t.Context(), "", false)), "still runs")
	testkit.Fails(t, testkit.Err(open(t, t.TempDir(), inS3()).Unlock(t.Context(), "", false)), "provision apply", "process")
	testkit.Equal(t, "locks", len(a.Keys()), 2)
	testkit.Must(t, release())
}

// A run that died on another host, or here: its locks are taken away together.
func TestUnlockOfADeadRun(t *testing.T) {
	a := newAmazon(t)
	folder := t.TempDir()
	b := open(t, folder, inS3())
	testkit.Try(b.Lock(t.Context(), state.LockOptions{Command: "provision apply", Wait: -1}))(t)
	file := filepath.Join(folder, "lock.json")
	var holder state.Holder
	testkit.Must(t, json.Unmarshal(testkit.Try(os.ReadFile(file))(t), &holder))
	holder.Host = "beta"
	testkit.Must(t, os.WriteFile(file, testkit.Try(json.Marshal(holder))(t), 0o600))
	testkit.Fails(t, testkit.Err(b.Lock(t.Context(), state.LockOptions{Wait: -1})), "on beta", "provision state unlock")
	u := testkit.Try(b.Unlock(t.Context(), "", false))(t)
	if u.Local == nil || u.Local.Host != "beta" || len(u.Shared) != 2 {
		t.Errorf("%+v", u)
	}
	testkit.Equal(t, "left", len(a.Keys()), 0)
	u = testkit.Try(b.Unlock(t.Context(), "", false))(t)
	if u.Local != nil || len(u.Shared) != 0 {
		t.Errorf("of a free lock: %+v", u)
	}
}
