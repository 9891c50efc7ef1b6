package shared

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"syslog-gateway/internal/infra/amazon"
	"syslog-gateway/internal/infra/amazon/amazontest"
	"syslog-gateway/internal/infra/state"
	"syslog-gateway/internal/testkit"
)

// terraforms is a lock as Terraform 1.11 writes it.
const terraforms = `{"ID":"0c4ea6c0-1111-2222-3333-444455556666","Operation":"OperationTypeApply","Info":"","Who":"root@ci","Version":"1.11.4","Created":"2026-11-30T09:00:00.123456789Z","Path":"states/terraform-proxmox/terraform.tfstate"}`

// The lock is Terraform's: its form, its headers, its order, and the other way round at
// the end.
func TestLockIsTerraforms(t *testing.T) {
	r := newRig(t)
	release := testkit.Try(r.take("11111111-2222"))(t)
	const want = `{"ID":"11111111-2222","Operation":"provision apply","Info":"process 4711 on alpha, journal in /srv/estate/.provision","Who":"ops@alpha","Version":"provision 1.2","Created":"2026-11-30T12:00:00Z","Path":"states/terraform-proxmox/terraform.tfstate"}`
	object, _ := r.Object(objectPath)
	item, _ := r.Item(itemID, "Info")
	testkit.Equal(t, "object", object, want)
	testkit.Equal(t, "item", item, want)
	came := r.Requests()
	testkit.Equal(t, "requests", len(came), 2)
	header := came[0].Header
	for name, value := range map[string]string{"If-None-Match": "*", "Content-Type": "application/json", "X-Amz-Sdk-Checksum-Algorithm": "SHA256", "X-Amz-Server-Side-Encryption": "AES256"} {
		testkit.Equal(t, name, header.Get(name), value)
	}
	testkit.Holds(t, "PutItem", came[1].Body, `"ConditionExpression":"attribute_not_exists(LockID)"`)
	testkit.Must(t, release(t.Context()))
	r.free("released")
	testkit.Equal(t, "released in", strings.Join(r.Names(), ", "), "GetItem locks/"+itemID+", DeleteItem locks/"+itemID+", GET "+objectPath+", DELETE "+objectPath)
}

// Only what is configured is used.
func TestLockInOnePlace(t *testing.T) {
	r := newRig(t)
	for table, want := range map[string]int{"": 1, "locks": 1} {
		l := NewLock(r.account, r.bucket(), terraformKey, table == "", table)
		release := testkit.Try(l.Take(t.Context(), claim("a"), state.LockOptions{Wait: -1}))(t)
		testkit.Equal(t, "requests with table "+table, len(r.Requests()), want)
		testkit.Must(t, release(t.Context()))
		r.free(table)
		r.Requests()
	}
}

// Whoever has one of the two has both: what we took is given back.
func TestHeldByTerraform(t *testing.T) {
	for _, where := range []string{"S3", "DynamoDB"} {
		t.Run(where, func(t *testing.T) {
			r := newRig(t)
			if where == "S3" {
				r.Put(objectPath, terraforms)
			} else {
				r.PutItem(itemID, "Info", terraforms)
			}
			_, err := r.take("mine")
			testkit.Fails(t, err, "is locked by root@ci for Apply since", "Terraform or OpenTofu 1.11.4, lock ID 0c4ea6c0-1111", "provision state unlock 0c4ea6c0-1111")
			if held, ok := errors.AsType[*HeldError](err); !ok || held.Lock.Version != "1.11.4" {
				t.Errorf("%+v", err)
			}
			testkit.Equal(t, "left", len(r.Keys()), 1)
		})
	}
}

// It waits, says for whom once, and takes the lock when it is free.
func TestWaitsForAnotherRun(t *testing.T) {
	r := newRig(t)
	r.PutItem(itemID, "Info", terraforms)
	r.Put(objectPath, terraforms)
	var said []string
	tries := 0
	r.Fault(func(name string) amazontest.Fault {
		if strings.HasPrefix(name, "PUT ") {
			if tries++; tries == 3 {
				r.freeLater()
			}
		}
		return amazontest.None
	})
	release, err := r.lock().Take(t.Context(), claim("mine"), state.LockOptions{Wait: time.Minute, Waiting: func(s fmt.Stringer) { said = append(said, s.String()) }})
	testkit.Must(t, err)
	if len(said) != 1 || !strings.Contains(said[0], "root@ci") {
		t.Errorf("said %q", said)
	}
	testkit.Must(t, release(t.Context()))
	r.free("released")
	// Ctrl-C while waiting.
	r.Put(objectPath, terraforms)
	ctx, cancel := context.WithCancel(t.Context())
	_, err = r.lock().Take(ctx, claim("mine"), state.LockOptions{Wait: time.Minute, Waiting: func(fmt.Stringer) { cancel() }})
	testkit.Fails(t, err, "root@ci", "context canceled")
}

// freeLater frees Terraform's lock; a fault's function must not use the rig.
func (r *rig) freeLater() {
	go func() {
		r.Remove(objectPath)
		r.PutItem(itemID, "", "")
	}()
}

// One answer is lost, at each of the requests: the lock is held nevertheless, and released.
func TestLostAnswers(t *testing.T) {
	for _, request := range []string{"PUT ", "PutItem ", "DeleteItem ", "DELETE "} {
		t.Run(request, func(t *testing.T) {
			r := newRig(t)
			r.Once(request, amazontest.Lost)
			release := testkit.Try(r.take("mine"))(t)
			_, object := r.Object(objectPath)
			_, item := r.Item(itemID, "Info")
			if !object || !item {
				t.Errorf("not held: S3 %v, DynamoDB %v", object, item)
			}
			testkit.Fails(t, testkit.Err(r.take("another")), "ops@alpha for provision apply since", "provision 1.2", "unlock mine")
			testkit.Must(t, release(t.Context()))
			r.free("released")
		})
	}
}

// All answers are lost from one request on: the error says what may be left, by its ID, and
// that the network is the reason. What is there always says whose it is.
func TestLostNetwork(t *testing.T) {
	for _, request := range []string{"PUT ", "PutItem "} {
		t.Run(request, func(t *testing.T) {
			r := newRig(t)
			t.Setenv("AWS_MAX_ATTEMPTS", "1")
			r.open(amazon.Options{})
			lost := false
			r.Fault(func(name string) amazontest.Fault {
				if lost = lost || strings.HasPrefix(name, request); lost {
					return amazontest.Lost
				}
				return amazontest.None
			})
			testkit.Fails(t, testkit.Err(r.take("mine")), "a lock may be left", "provision state unlock mine")
			r.Fault(nil)
			broken, err := r.lock().Break(t.Context(), []string{"mine"}, false)
			if err != nil || len(broken) == 0 {
				t.Errorf("%v, %v", broken, err)
			}
			r.free("unlocked")
		})
	}
}

// The usual faults of AWS: what heals by itself, and what the error says of the rest.
func TestFaults(t *testing.T) {
	for _, c := range []struct {
		request string
		fault   amazontest.Fault
		once    bool
		says    []string // none: it heals
	}{
		{"PUT ", amazontest.Throttled, true, nil},
		{"PutItem ", amazontest.Throttled, true, nil},
		{"PUT ", amazontest.Conflicted, true, nil},
		{"PUT ", amazontest.Skewed, true, nil},
		{"PUT ", amazontest.Throttled, false, []string{"SlowDown", "again in a minute"}},
		{"PutItem ", amazontest.Throttled, false, []string{"ProvisionedThroughputExceeded", "again in a minute"}},
		{"PutItem ", amazontest.Skewed, false, []string{"Signature expired", "clock", "timedatectl"}},
		{"PUT ", amazontest.Expired, false, []string{"ExpiredToken", "aws-vault exec"}},
		{"PutItem ", amazontest.Expired, false, []string{"ExpiredToken", "aws-vault exec"}},
		{"PUT ", amazontest.Denied, false, []string{"AccessDenied", "aws-vault exec", "`provision check`"}},
		{"PutItem ", amazontest.Denied, false, []string{"AccessDenied", "`provision check`"}},
		{"PUT ", amazontest.Elsewhere, false, []string{"us-west-2", "state.region"}},
		{"PUT ", amazontest.New, false, []string{"TemporaryRedirect", "us-west-2", "state.region"}},
		{"PUT ", amazontest.Hung, false, []string{"no answer in time"}},
	} {
		t.Run(c.request+string(c.fault), func(t *testing.T) {
			r := newRig(t)
			o := amazon.Options{}
			if !c.once {
				t.Setenv("AWS_MAX_ATTEMPTS", "2")
			}
			if c.fault == amazontest.Hung {
				o.Timeout = 300 * time.Millisecond
			}
			r.open(o)
			if c.once {
				r.Once(c.request, c.fault)
			} else {
				r.Always(c.request, c.fault)
			}
			release, err := r.take("mine")
			r.Fault(nil)
			if len(c.says) == 0 {
				testkit.Must(t, err)
				testkit.Must(t, release(t.Context()))
			} else {
				testkit.Fails(t, err, c.says...)
				testkit.Lacks(t, "a sentence for people", err.Error(), "s3cr3t", "https response error", "operation error")
			}
			r.free("in the end")
		})
	}
}

// Credentials that end soon: nothing is begun. Those of the SDK renew themselves.
func TestCredentialsThatEnd(t *testing.T) {
	r := newRig(t)
	for left, says := range map[time.Duration]string{-time.Hour: "have ended at", 4 * time.Minute: "5m0s are needed"} {
		t.Setenv("AWS_CREDENTIAL_EXPIRATION", time.Now().Add(left).UTC().Format(time.RFC3339))
		testkit.Fails(t, testkit.Err(r.take("mine")), says, "nothing was begun", "aws-vault exec")
	}
	t.Setenv("AWS_CREDENTIAL_EXPIRATION", "tomorrow")
	testkit.Fails(t, testkit.Err(r.take("mine")), "AWS_CREDENTIAL_EXPIRATION", "tomorrow")
	if names := r.Names(); len(names) > 0 {
		t.Errorf("sent: %v", names)
	}
	t.Setenv("AWS_CREDENTIAL_EXPIRATION", time.Now().Add(6*time.Minute).UTC().Format(time.RFC3339))
	testkit.Must(t, testkit.Try(r.take("mine"))(t)(t.Context()))
}

// Credentials end while the run works: its lock stays, and the error says how to end it.
func TestCredentialsEndInTheMiddle(t *testing.T) {
	r := newRig(t)
	release := testkit.Try(r.take("mine"))(t)
	r.Fault(func(string) amazontest.Fault { return amazontest.Expired })
	testkit.Fails(t, release(t.Context()), "ExpiredToken", objectPath, "dynamodb:locks/"+itemID, "stays", "provision state unlock mine", "aws-vault")
	r.Fault(nil)
	testkit.Fails(t, testkit.Err(r.take("next")), "ops@alpha", "process 4711 on alpha", "/srv/estate/.provision")
	testkit.Must(t, testkit.Err(r.lock().Break(t.Context(), []string{"mine"}, false)))
	r.free("unlocked")
}

// The lock is given back after Ctrl-C, too, and a try that Ctrl-C ends leaves none.
func TestReleaseAfterCancel(t *testing.T) {
	r := newRig(t)
	ctx, cancel := context.WithCancel(t.Context())
	release := testkit.Try(r.lock().Take(ctx, claim("mine"), state.LockOptions{Wait: -1}))(t)
	cancel()
	testkit.Must(t, release(ctx))
	r.free("released")
	for _, request := range []string{"PUT ", "PutItem "} {
		ctx, cancel := context.WithCancel(t.Context())
		r.Fault(func(name string) amazontest.Fault {
			if strings.HasPrefix(name, request) {
				cancel()
				return amazontest.Lost
			}
			return amazontest.None
		})
		testkit.Fails(t, testkit.Err(r.lock().Take(ctx, claim("mine"), state.LockOptions{Wait: -1})))
		testkit.Eventually(t, "no lock after Ctrl-C at "+request, func() bool { return len(r.Keys()) == 0 })
	}
}

// A lock that was broken while the run worked: the run says so, and takes nothing from the
// new holder.
func TestReleaseOfABrokenLock(t *testing.T) {
	r := newRig(t)
	release := testkit.Try(r.take("mine"))(t)
	r.Remove(objectPath)
	r.PutItem(itemID, "Info", terraforms)
	testkit.Fails(t, release(t.Context()), "taken away", "root@ci", "terraform force-unlock")
	testkit.Equal(t, "what is left", strings.Join(r.Keys(), " "), "dynamodb "+itemID)
}

// What a dead predecessor on the same folder left is taken over; nothing else is.
func TestTakesOverWhatDeadRunsLeft(t *testing.T) {
	r := newRig(t)
	testkit.Try(r.take("dead"))(t)
	me := claim("mine")
	me.Holder.Left = []string{"another", "dead"}
	release := testkit.Try(r.lock().Take(t.Context(), me, state.LockOptions{Wait: -1}))(t)
	object, _ := r.Object(objectPath)
	testkit.Holds(t, "the lock", object, `"ID":"mine"`)
	testkit.Must(t, release(t.Context()))
	r.free("released")
}

func TestBreak(t *testing.T) {
	r := newRig(t)
	r.Put(objectPath, terraforms)
	testkit.Try(r.lock().Holders(t.Context()))(t)
	broken, err := r.lock().Break(t.Context(), []string{""}, false)
	testkit.Fails(t, err, "root@ci", "provision state unlock 0c4ea6c0-1111")
	testkit.Equal(t, "broken", len(broken), 0)
	broken = testkit.Try(r.lock().Break(t.Context(), []string{"0c4ea6c0-1111-2222-3333-444455556666"}, false))(t)
	if len(broken) != 1 || broken[0].Who != "root@ci" {
		t.Errorf("%+v", broken)
	}
	r.free("broken")
	r.PutItem(itemID, "Info", "no JSON") // nobody can say whose it is
	testkit.Fails(t, testkit.Err(r.take("mine")), "unknown", "--force")
	testkit.Fails(t, testkit.Err(r.lock().Break(t.Context(), []string{""}, false)), "--force")
	testkit.Must(t, testkit.Err(r.lock().Break(t.Context(), nil, true)))
	r.free("forced")
}

// In a versioned bucket a lock that was released leaves a mark of its deletion, and can be
// taken again.
func TestLockInAVersionedBucket(t *testing.T) {
	r := newRig(t)
	r.Versioned()
	for range 3 {
		testkit.Must(t, testkit.Try(r.take("mine"))(t)(t.Context()))
	}
	r.free("released")
}

// Of many runs one at a time has the lock, whatever is lost.
func TestLockIsExclusive(t *testing.T) {
	r := newRig(t)
	var mu sync.Mutex
	n := 0
	r.Fault(func(string) amazontest.Fault {
		mu.Lock()
		defer mu.Unlock()
		if n++; n%11 == 0 {
			return amazontest.Lost
		}
		return amazontest.None
	})
	var inside []string
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			id := fmt.Sprint("run ", i)
			release, err := r.lock().Take(t.Context(), claim(id), state.LockOptions{Wait: time.Minute})
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			inside = append(inside, id)
			if len(inside) != 1 {
				t.Errorf("inside at once: %v", inside)
			}
			mu.Unlock()
			object, _ := r.Object(objectPath)
			testkit.Holds(t, "the lock", object, id)
			mu.Lock()
			inside = slices.DeleteFunc(inside, func(s string) bool { return s == id })
			mu.Unlock()
			if err := release(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	r.free("in the end")
}

// answers is a place where a deletion ends so, and where a lock is found then.
type answers struct {
	place
	dropped error
	found   string
}

func (answers) String() string                         { return "a place" }
func (a answers) drop(context.Context, []byte) error   { return a.dropped }
func (a answers) read(context.Context) ([]byte, error) { return []byte(a.found), nil }

// The answer to our deletion is lost, and the next run takes the lock before the SDK asks again:
// nothing was taken away from us.
func TestNextRunTakesTheLockBehindALostAnswer(t *testing.T) {
	refused := fmt.Errorf("delete: %w", amazon.ErrConflict)
	for says, a := range map[string]answers{
		"":               {dropped: refused, found: terraforms},
		"was taken away": {dropped: errOthers, found: terraforms},
		"stays":          {dropped: refused, found: "mine"},
	} {
		err := (&Lock{places: []place{a}}).release(t.Context(), []byte("mine"), "1")
		if says == "" {
			testkit.Must(t, err)
			continue
		}
		testkit.Fails(t, err, says)
	}
}
