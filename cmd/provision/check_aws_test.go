package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"syslog-gateway/internal/infra/amazon/amazontest"
	"syslog-gateway/internal/infra/pvesim"
	"syslog-gateway/internal/testkit"
)

// awsWorld has a record and a lock in S3, a lock in DynamoDB, and DNS records.
func awsWorld(t *testing.T) (*world, *amazontest.Amazon) {
	t.Helper()
	w, a := sharedWorld(t, pvesim.Options{})
	a.AddZone("Z1", "lab.example")
	w.Edit(`"domain"`, `"dns": {"route53": {"zone": "lab.example", "zone_id": "Z1", "records": {"gateway": {"guest": "gateway"}, "*": {"a": ["192.0.2.1"]}}}}, "domain"`)
	return w, a
}

// printedPolicy is the IAM policy that a check prints.
func printedPolicy(t *testing.T, said string) string {
	t.Helper()
	_, policy, ok := strings.Cut(said, "runs this: ")
	policy, _, _ = strings.Cut(policy, "\n")
	if !ok {
		t.Fatalf("no policy in\n%s", said)
	}
	return policy
}

// check tries what an apply does in AWS, leaves nothing, and prints the policy that allows
// it: with that one everything works, and without any of its rights check says so.
func TestCheckTriesAWS(t *testing.T) {
	t.Parallel()
	w, a := awsWorld(t)
	a.Versioned()
	a.Route53.Pending = 1
	before := fmt.Sprint(a.Keys(), a.Sets("Z1"))
	w.expect(0, []string{"ok   record s3://states/provision/record.json: serial 0, 0 objects", "ok   access to s3://states/provision/record.json",
		"ok   access to s3://" + lockObject, "ok   access to dynamodb:locks/" + lockItem, "ok   lock: free", "zone lab.example (Z1), 1 records; they may be changed"}, "check")
	requests := a.Names()
	t.Logf("%d requests: %s", len(requests), strings.Join(requests, ", "))
	testkit.Equal(t, "what is left", fmt.Sprint(a.Keys(), a.Sets("Z1")), before)
	for _, name := range requests {
		if changes := strings.HasPrefix(name, "PUT ") || strings.HasPrefix(name, "DELETE ") || strings.HasPrefix(name, "PutItem") || strings.HasPrefix(name, "DeleteItem"); changes && !strings.Contains(name, ".check-") {
			t.Errorf("did %s", name)
		}
	}
	a.PutItem(lockItem, "Info", `{"ID":"0c4e-1","Operation":"OperationTypeApply","Who":"root@ci"}`)
	w.expect(0, []string{"warn lock: dynamodb:locks/" + lockItem + " is locked by root@ci"}, "check")
	a.PutItem(lockItem, "", "")

	a.Allow(t, `{"Statement": []}`)
	text := printedPolicy(t, w.expect(1, []string{"FAIL record s3://states/provision/record.json: state: read", "FAIL DNS", "AccessDenied", "FAIL AWS rights: create this IAM policy"}, "check").out)
	a.Allow(t, text)
	w.expect(0, []string{"lock: free"}, "check")
	w.expect(0, []string{"done"}, "apply", "--yes")
	w.Edit("192.0.2.1", "192.0.2.2")
	w.expect(0, []string{"1 done"}, "apply", "--yes")
	w.expect(0, []string{"forgotten"}, "state", "forget", "dns")
	w.expect(0, []string{"adopted"}, "adopt", "dns")
	versions := strings.Fields(w.expect(0, []string{"version-id"}, "state", "versions").out)
	w.expect(0, []string{"lineage"}, "state", "pull", "--version-id", versions[3])
	w.expect(0, []string{"free"}, "state", "unlock")
	w.expect(0, []string{"Nothing to do"}, "plan")
	w.expect(0, nil, "check")

	var policy struct {
		Version   string
		Statement []struct {
			Effect   string
			Action   []string
			Resource string
		}
	}
	testkit.Must(t, json.Unmarshal([]byte(text), &policy))
	docs := string(testkit.Try(os.ReadFile("../../docs/provision.md"))(t))
	for i, s := range policy.Statement {
		for j, action := range s.Action {
			testkit.Holds(t, "docs/provision.md", docs, "`"+action+"`")
			// What apply does not need, and what only the real objects need.
			if action == "s3:ListBucketVersions" || action == "s3:GetObjectVersion" || strings.HasSuffix(s.Resource, "/record.json") && action == "s3:PutObject" ||
				strings.HasSuffix(s.Resource, ".tflock") && action != "s3:GetObject" {
				continue
			}
			policy.Statement[i].Action = slices.Delete(slices.Clone(s.Action), j, j+1)
			a.Allow(t, string(testkit.Try(json.Marshal(policy))(t)))
			w.expect(1, []string{"AccessDenied", "AWS rights", `"` + action + `"`}, "check")
		}
		policy.Statement[i].Action = s.Action
	}
}

// An S3 or a DynamoDB that ignores conditions is found out, and so are other faults; what
// the check wrote is gone.
func TestCheckFindsFaultsOfAWS(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		prefix string
		fault  amazontest.Fault
		says   string
	}{
		{"S3 ignores conditions", "PUT ", amazontest.Careless, "nothing would keep two runs apart"},
		{"DynamoDB ignores conditions", "PutItem", amazontest.Careless, "nothing would keep two runs apart"},
		{"other region", "GET ", amazontest.Elsewhere, "us-west-2"},
		{"skewed clock", "PutItem", amazontest.Skewed, "compare this machine's clock"},
		{"ended credentials", "", amazontest.Expired, "the AWS credentials have ended"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w, a := awsWorld(t)
			a.Always(c.prefix, c.fault)
			answer := w.expect(1, []string{"FAIL", c.says}, "check")
			testkit.Lacks(t, "a secret, or a policy that would not help", answer.out+answer.errs, "s3cr3t", "IAM policy")
			testkit.Equal(t, "left", len(a.Keys()), 0)
		})
	}
	w, a := awsWorld(t)
	w.set("AWS_CREDENTIAL_EXPIRATION=2026-01-01T00:00:00Z")
	w.expect(1, []string{"have ended at", "FAIL state", "FAIL DNS"}, "check")
	testkit.Equal(t, "requests", len(a.Names()), 3) // of the plan, for the rights in Proxmox VE
}
