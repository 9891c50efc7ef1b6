package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"syslog-gateway/internal/infra/amazon/amazontest"
	"syslog-gateway/internal/infra/pvesim"
	"syslog-gateway/internal/testkit"
)

const (
	recordObject = "states/provision/record.json"
	lockObject   = "states/terraform-proxmox/terraform.tfstate.tflock"
	lockItem     = "states/terraform-proxmox/terraform.tfstate"
)

// stateInS3 is the declaration's section.
const stateInS3 = `"state": {"backend": "s3", "bucket": "states", "key": "provision/record.json", "region": "us-east-2",
  "dynamodb_table": "locks", "use_lockfile": true, "terraform_key": "terraform-proxmox/terraform.tfstate"}, "domain"`

// sharedWorld is a world whose declaration has its record in S3.
func sharedWorld(t *testing.T, options pvesim.Options) (*world, *amazontest.Amazon) {
	t.Helper()
	w, a := newWorld(t, options), amazontest.Start(t)
	w.Edit(`"domain"`, stateInS3)
	for k, v := range a.Env(w.Dir) {
		w.set(k + "=" + v)
	}
	return w, a
}

// locks gives what the locks of Terraform say, by place.
func locks(t *testing.T, a *amazontest.Amazon) map[string]string {
	t.Helper()
	all := make(map[string]string)
	if text, ok := a.Object(lockObject); ok {
		all["S3"] = text
	}
	if text, ok := a.Item(lockItem, "Info"); ok {
		all["DynamoDB"] = text
	}
	return all
}

func TestRecordInS3(t *testing.T) {
	t.Parallel()
	w, a := sharedWorld(t, pvesim.Options{})
	w.expect(0, nil, "validate")
	w.expect(2, []string{"to create"}, "plan")
	if a.Requests(); w.exists(".provision") {
		t.Error("a plan made the folder")
	}
	const objects, fixed = 5, 10 // four guests and a pool
	w.expect(0, []string{"done"}, "apply", "--yes")
	names := a.Names()
	if len(names) > fixed+objects {
		t.Errorf("%d requests, want %d at most: %v", len(names), fixed+objects, names)
	}
	t.Logf("%d requests: %s", len(names), strings.Join(names, ", "))
	if left := locks(t, a); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	w.Edit(`"memory_dedicated": 512`, `"memory_dedicated": 1024`)
	w.expect(0, []string{"1 done"}, "apply", "--yes")
	if names := a.Names(); len(names) > fixed+1 {
		t.Errorf("%d requests for one changed guest: %v", len(names), names)
	}
	w.expect(0, []string{"Nothing to do: 4 guests"}, "plan")
	w.expect(0, []string{"dns", "splunk"}, "state", "list")

	// Another machine, with a folder of its own.
	w.expect(0, []string{"Nothing to do"}, "apply", "--yes", "--state-dir", "other")
	w.expect(0, []string{"forgotten: lxc/dns"}, "state", "forget", "dns", "--state-dir", "other")
	testkit.Lacks(t, "forgotten elsewhere", w.expect(0, nil, "state", "list").out, "dns")
	w.expect(0, []string{"adopted"}, "adopt", "dns")
	testkit.Lacks(t, "a secret", w.Read(".provision/record.json"), "s3cr3t")
	w.expect(0, []string{`"lineage"`, `"key": "dns"`}, "state", "pull")
}

// What only reads asks S3 once, also for Ansible, which gets all hosts from --list.
func TestReadersAskS3Once(t *testing.T) {
	t.Parallel()
	w, a := sharedWorld(t, pvesim.Options{})
	w.mkdir("repo/inventory")
	w.Edit(`"domain"`, `"inventory_sync": ["repo"], "domain"`)
	w.expect(0, nil, "apply", "--yes")
	for _, line := range []string{"--list", "--host dns", "inventory", "inventory --format ansible", "inventory --sync", "state list", "state pull", "plan", "orphans"} {
		a.Requests()
		w.expect(0, nil, strings.Fields(line)...)
		testkit.Equal(t, "requests of "+line, strings.Join(a.Names(), ", "), "GET "+recordObject)
	}
	testkit.Holds(t, "the answer to Ansible", w.expect(0, nil, "--list").out, `"_meta"`, `"hostvars"`)
	// Where S3 cannot be asked, there is an error, and not an inventory with old nodes.
	a.Always("GET ", amazontest.Expired)
	answer := w.expect(1, []string{"the AWS credentials have ended"}, "--list")
	testkit.Equal(t, "printed", answer.out, "")
}

func TestRecordMovesToS3AndBack(t *testing.T) {
	t.Parallel()
	w, a := sharedWorld(t, pvesim.Options{})
	a.Versioned()
	declared := w.Read("deployment.json")
	local := strings.Replace(declared, stateInS3, `"domain"`, 1)
	w.Write("deployment.json", local)
	w.expect(0, nil, "apply", "--yes")
	w.Write("deployment.json", declared)
	w.expect(1, []string{"provision state push"}, "plan")
	w.expect(0, []string{"the record is in s3://" + recordObject}, "state", "push")
	w.expect(0, []string{"Nothing to do: 4 guests"}, "plan")
	w.Write("deployment.json", local)
	w.expect(1, []string{"is in s3://" + recordObject}, "plan")
	w.expect(1, []string{"is in s3://" + recordObject}, "state", "list")
	w.Write("deployment.json", declared)

	kept := w.expect(0, nil, "state", "pull").out
	w.Write("kept.json", kept)
	w.expect(0, nil, "state", "forget", "dns")
	w.expect(1, []string{"is newer", "--force"}, "state", "push", "kept.json")
	w.expect(0, nil, "state", "push", "--force", "kept.json")
	w.expect(0, []string{"dns"}, "state", "list")
	versions := w.expect(0, []string{"version-id"}, "state", "versions").out
	oldest := strings.Fields(versions[strings.LastIndex(strings.TrimSpace(versions), "\n"):])[0]
	w.expect(0, []string{`"key": "dns"`}, "state", "pull", "--version-id", oldest)
	w.expect(1, []string{"is no record"}, "state", "push", "deployment.json")

	w.expect(0, []string{"Next: remove state"}, "state", "pull", "--to-folder")
	w.Write("deployment.json", local)
	w.expect(0, []string{"Nothing to do: 4 guests"}, "plan")
	w.expect(1, []string{"has no versions"}, "state", "versions")
}

// What is wrong with the shared state: one sentence, and nothing is done.
func TestBadSharedStateStopsBeforeHarm(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		spoil func(w *world, a *amazontest.Amazon)
		says  string
	}{
		{"Terraform runs", func(_ *world, a *amazontest.Amazon) {
			a.PutItem(lockItem, "Info", `{"ID":"0c4e-1","Operation":"OperationTypeApply","Who":"root@ci","Version":"1.11.4","Created":"2026-11-30T09:00:00Z"}`)
		}, "is locked by root@ci for Apply since"},
		{"credentials that end", func(w *world, _ *amazontest.Amazon) {
			w.set("AWS_CREDENTIAL_EXPIRATION=" + time.Now().Add(time.Minute).UTC().Format(time.RFC3339))
		}, "AWS credentials end in"},
		{"no credentials", func(w *world, _ *amazontest.Amazon) { w.set("AWS_ACCESS_KEY_ID="); w.set("AWS_SECRET_ACCESS_KEY=") }, "no AWS credentials"},
		{"wrong table", func(w *world, _ *amazontest.Amazon) { w.Edit(`"dynamodb_table": "locks"`, `"dynamodb_table": "lokcs"`) }, "is the table in that region?"},
		{"half a record", func(_ *world, a *amazontest.Amazon) { a.Put(recordObject, `{"version": 1, "ser`) }, "not a JSON object"},
		{"newer record", func(_ *world, a *amazontest.Amazon) {
			a.Put(recordObject, `{"version": 9, "serial": 1, "objects": []}`)
		}, "use a newer program"},
		{"Terraform's state", func(_ *world, a *amazontest.Amazon) {
			a.Put(recordObject, `{"version": 4, "terraform_version": "1.11.4", "resources": []}`)
		}, "a state of Terraform"},
		{"other region", func(_ *world, a *amazontest.Amazon) { a.Always("GET ", amazontest.Elsewhere) }, "us-west-2"},
		{"another cluster's record", func(_ *world, a *amazontest.Amazon) {
			a.Put(recordObject, `{"version": 1, "serial": 3, "lineage": "x", "updated": "2026-01-01T00:00:00Z", "cluster": "root CA 00:11", "objects": []}`)
		}, "belongs to another Proxmox VE"},
		{"Terraform's key", func(w *world, _ *amazontest.Amazon) {
			w.Edit(`"key": "provision/record.json"`, `"key": "terraform-proxmox/terraform.tfstate"`)
		}, "is an object of Terraform's"},
		{"no lock at all", func(w *world, _ *amazontest.Amazon) {
			w.Edit(`"dynamodb_table": "locks", "use_lockfile": true`, `"use_lockfile": false`)
		}, "nothing would keep two runs apart"},
		{"no bucket", func(w *world, _ *amazontest.Amazon) { w.Edit(stateInS3, `"state": {"backend": "s3"}, "domain"`) }, "$.state.bucket"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w, a := sharedWorld(t, pvesim.Options{})
			c.spoil(w, a)
			before := a.Keys()
			answer := w.provision("apply", "--yes", "--lock-timeout", "0")
			if answer.code != 1 || !strings.Contains(answer.errs, c.says) || strings.Contains(answer.errs, "s3cr3t") {
				t.Errorf("exit code %d, want %q in\n%s%s", answer.code, c.says, answer.out, answer.errs)
			}
			if writes := w.Sim.Writes(); len(writes) > 0 {
				t.Errorf("written: %v", writes)
			}
			testkit.Equal(t, "objects and items", fmt.Sprint(a.Keys()), fmt.Sprint(before))
		})
	}
}

// The answer to any request of an apply is lost: the apply succeeds, and leaves no lock.
func TestAnyAnswerMayBeLost(t *testing.T) {
	t.Parallel()
	options := pvesim.Options{}
	w, a := sharedWorld(t, options)
	w.expect(0, nil, "apply", "--yes")
	total := len(a.Names())
	for n := 1; n <= total; n++ {
		w.Reset(options)
		a.Remove(recordObject)
		seen, lost := 0, ""
		a.Fault(func(name string) amazontest.Fault {
			if seen++; seen == n {
				lost = name
				return amazontest.Lost
			}
			return amazontest.None
		})
		answer := w.provision("apply", "--yes", "--lock-timeout", "0", "--state-dir", "state"+strconv.Itoa(n))
		a.Fault(nil)
		if left := locks(t, a); answer.code != 0 || len(left) > 0 {
			t.Errorf("lost: %s: exit code %d, left %v\n%s", lost, answer.code, left, answer.errs)
		}
		w.once()
	}
}

// Credentials end in the middle of an apply: it stops, says so and what stays, and is
// finished with new ones.
func TestCredentialsEndDuringApply(t *testing.T) {
	t.Parallel()
	w, a := sharedWorld(t, pvesim.Options{})
	puts := 0
	a.Fault(func(name string) amazontest.Fault {
		if strings.HasPrefix(name, "PUT "+recordObject) {
			puts++
		}
		if puts > 2 {
			return amazontest.Expired
		}
		return amazontest.None
	})
	answer := w.expect(1, []string{"ExpiredToken", "stays", "provision state unlock"}, "apply", "--yes")
	testkit.Lacks(t, "a secret", answer.out+answer.errs, "s3cr3t")
	a.Fault(nil)
	id := holder(t, locks(t, a)["S3"]).ID
	w.expect(1, []string{"is locked by", id}, "apply", "--yes", "--lock-timeout", "0")
	w.expect(0, []string{"taken away", id}, "state", "unlock", id)
	w.expect(0, nil, "apply", "--yes")
	w.once()
}

// lockInfo is what Terraform reads of a lock.
type lockInfo struct{ ID, Operation, Info, Who, Version, Created, Path string }

// holder reads a lock. Every lock has a name.
func holder(t *testing.T, text string) lockInfo {
	t.Helper()
	var l lockInfo
	testkit.Must(t, json.Unmarshal([]byte(text), &l))
	if l.ID == "" || l.Operation != "provision apply" || !strings.Contains(l.Who, "@") || !strings.Contains(l.Info, "process ") ||
		!strings.Contains(l.Info, "journal in /") || l.Created == "" || l.Path != lockItem {
		t.Errorf("a lock without a name: %+v", l)
	}
	return l
}

// Two runs on two folders, as on two machines, never apply at once: also with a record in
// each folder, by Terraform's lock alone.
func TestTwoFoldersExcludeEachOther(t *testing.T) {
	t.Parallel()
	for name, section := range map[string]string{"s3": stateInS3,
		"local": `"state": {"bucket": "states", "region": "us-east-2", "dynamodb_table": "locks", "terraform_key": "terraform-proxmox/terraform.tfstate"}, "domain"`} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, a := sharedWorld(t, pvesim.Options{})
			w.Edit(stateInS3, section)
			holding, proceed := make(chan struct{}), make(chan struct{})
			var once sync.Once
			w.Hooks(func(r *http.Request) {
				if r.Method != http.MethodGet {
					once.Do(func() { close(holding); <-proceed })
				}
			}, nil)
			first := w.command("apply", "--yes", "--state-dir", "one")
			testkit.Must(t, first.Start())
			<-holding
			id := holder(t, locks(t, a)["DynamoDB"]).ID
			w.expect(1, []string{"is locked by", "provision apply", id, "one", "provision state unlock"}, "apply", "--yes", "--state-dir", "two", "--lock-timeout", "0")
			w.expect(1, []string{id}, "state", "unlock", "--state-dir", "two")
			w.expect(2, []string{"to create"}, "plan", "--state-dir", "two") // reads without a lock
			close(proceed)
			second := w.provision("apply", "--yes", "--state-dir", "two", "--lock-timeout", "1m")
			testkit.Must(t, first.Wait())
			if second.code != 0 || !strings.Contains(second.out, "Nothing to do") {
				t.Errorf("the run that waited: %+v", second)
			}
			if left := locks(t, a); len(left) > 0 {
				t.Errorf("left: %v", left)
			}
		})
	}
}

// An apply that is killed at any of its requests to AWS leaves locks that say whose they
// are. The next run on that folder takes them over, or somebody unlocks them elsewhere.
func TestKilledAtAnyLockSaysWho(t *testing.T) {
	t.Parallel()
	seed := killSeed(t)
	for worker := range workers {
		t.Run(strconv.Itoa(worker), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed+uint64(worker), 2))
			options := pvesim.Options{Seed: seed}
			w, a := sharedWorld(t, options)
			w.expect(0, nil, "apply", "--yes")
			total := len(a.Names())
			held := 0
			for i := range kills / workers {
				w.Reset(options)
				a.Remove(recordObject)
				folder := "state" + strconv.Itoa(i)
				point, done := 1+random.IntN(total), random.IntN(2) == 0
				killedAt(t, a, w.command("apply", "--yes", "--state-dir", folder), point, done)
				testkit.Eventually(t, "every request was answered", w.Quiet)
				for _, text := range locks(t, a) {
					held++
					id := holder(t, text).ID
					if i%2 == 0 {
						continue
					}
					w.expect(1, []string{"is locked by", id}, "apply", "--yes", "--state-dir", "other"+folder, "--lock-timeout", "0")
					w.expect(0, []string{id}, "state", "unlock", id, "--state-dir", "other"+folder)
					break
				}
				w.expect(0, nil, "apply", "--yes", "--state-dir", folder)
				w.once()
				if left := locks(t, a); len(left) > 0 || t.Failed() {
					t.Fatalf("seed %d, kill %d at request %d of %d, done %v; left: %v", seed, i, point, total, done, left)
				}
			}
			t.Logf("%d locks were left by %d kills", held, kills/workers)
		})
	}
}

// faulty is S3 and DynamoDB, or what stands in front of them.
type faulty interface {
	Fault(f func(name string) amazontest.Fault)
}

// killedAt starts a run and kills it at its nth request to AWS, which is done or not.
func killedAt(t *testing.T, a faulty, cmd *exec.Cmd, n int, done bool) {
	t.Helper()
	started, ended := make(chan struct{}), make(chan struct{})
	seen := 0
	a.Fault(func(string) amazontest.Fault {
		if seen++; seen < n {
			return amazontest.None
		}
		if seen == n {
			<-started
			_ = cmd.Process.Kill()
			<-ended
			if done {
				return amazontest.Lost
			}
		}
		return amazontest.Denied
	})
	testkit.Must(t, cmd.Start())
	close(started)
	_ = cmd.Wait()
	close(ended)
	a.Fault(nil) // waits for the request in work
	if cmd.ProcessState.ExitCode() >= 0 {
		t.Errorf("the run ended by itself before request %d", n)
	}
}

// What somebody wrote into a lock does not reach the terminal as control characters.
func TestLockOfAStrangerIsEscaped(t *testing.T) {
	t.Parallel()
	w, a := sharedWorld(t, pvesim.Options{})
	a.PutItem(lockItem, "Info", `{"ID":"x-1","Operation":"apply","Who":"\u001b[2Jroot"}`)
	for _, args := range [][]string{{"apply", "--yes", "--lock-timeout", "1ms"}, {"state", "unlock"}, {"state", "unlock", "x-1"}} {
		answer := w.provision(args...)
		testkit.Holds(t, "the name", answer.out+answer.errs, "root")
		testkit.Lacks(t, "an escape", answer.out+answer.errs, "\x1b")
	}
}
