package amazontest

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// policy is an IAM policy of statements that allow.
type policy struct {
	Statement []struct {
		Effect   string
		Action   []string
		Resource string
	}
}

// Allow lets through only what an IAM policy allows, without regard to conditions; "" is
// everything.
func (a *Amazon) Allow(t *testing.T, text string) {
	t.Helper()
	var p *policy
	if text != "" {
		p = new(policy)
		if err := json.Unmarshal([]byte(text), p); err != nil {
			t.Fatalf("the policy: %v\n%s", err, text)
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.policy = p
}

// allows says whether one statement allows an action on a resource.
func (p *policy) allows(action, resource string) bool {
	for _, s := range p.Statement {
		pattern := "^" + strings.ReplaceAll(regexp.QuoteMeta(s.Resource), `\*`, ".*") + "$"
		for _, allowed := range s.Action {
			if s.Effect == "Allow" && allowed == action && regexp.MustCompile(pattern).MatchString(resource) {
				return true
			}
		}
	}
	return false
}

// allowed says whether the policy allows a request.
func (a *Amazon) allowed(q *query) bool {
	if a.policy == nil {
		return true
	}
	switch {
	case q.operation != "":
		return a.policy.allows("dynamodb:"+q.operation, "arn:aws:dynamodb:us-east-2:123456789012:table/"+q.table)
	case q.route == "GetChange":
		return a.policy.allows("route53:GetChange", "arn:aws:route53:::change/"+q.id)
	case q.route != "":
		return a.policy.allows("route53:"+q.route, "arn:aws:route53:::hostedzone/"+q.id)
	}
	bucket, _, _ := strings.Cut(q.path, "/")
	list := "arn:aws:s3:::" + bucket
	asked := q.r.URL.Query()
	switch {
	case asked.Has("versions"):
		return a.policy.allows("s3:ListBucketVersions", list)
	case asked.Has("list-type"):
		return a.policy.allows("s3:ListBucket", list)
	}
	action := map[string]string{http.MethodGet: "s3:GetObject", http.MethodHead: "s3:GetObject", http.MethodPut: "s3:PutObject", http.MethodDelete: "s3:DeleteObject"}[q.r.Method]
	if asked.Has("versionId") {
		action += "Version"
	}
	_, there := a.newest(q.path)
	if action == "s3:GetObject" && !there && !a.policy.allows("s3:ListBucket", list) {
		return false // what is missing is nobody's business
	}
	return a.policy.allows(action, "arn:aws:s3:::"+q.path)
}
