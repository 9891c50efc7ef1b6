package preflight

import (
	"net/url"
	"testing"
	"time"

	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/pve"
	"syslog-gateway/internal/testkit"
)

// TestCertificatesThatEnd: what check says about a node's certificate, by the time left.
func TestCertificatesThatEnd(t *testing.T) {
	b := newRig(t)
	b.estate.Extra.ACMECertificates = []declaration.ACMECertificate{{Key: "pve", Node: "pve", Domains: []string{"pve.example.com"}}}
	const what = "certificate of pve"
	testkit.Equal(t, "without one", b.run("right")[what].Says, "none is ordered yet: apply orders it")

	root := b.client(pve.Options{Username: "root@pam", Password: "right"})
	for _, r := range []pve.Request{
		{Method: "POST", Path: "/cluster/acme/account", Params: url.Values{"name": {"le"}, "contact": {"a@example.com"}}},
		{Method: "PUT", Path: "/nodes/pve/config", Params: url.Values{"acme": {"account=le"}, "acmedomain0": {"pve.example.com"}}},
		{Method: "POST", Path: "/nodes/pve/certificates/acme/certificate"},
	} {
		testkit.Must(t, root.Run(t.Context(), r, func(string) error { return nil }, nil))
	}
	var all []served
	testkit.Must(t, root.Get(t.Context(), "/nodes/pve/certificates/info", nil, &all))
	end := time.Unix(int64(all[len(all)-1].NotAfter), 0)
	for _, c := range []struct {
		left        time.Duration
		domains     []string
		state, says string
	}{
		{60 * 24 * time.Hour, []string{"pve.example.com"}, Fine, "pve.example.com, until " + end.UTC().Format(time.DateOnly)},
		{60 * 24 * time.Hour, []string{"pve.example.com", "pve.example.org"}, Warn, "it lacks pve.example.org: apply orders it again"},
		{29 * 24 * time.Hour, []string{"pve.example.com"}, Fine, "until"},
		{24 * 24 * time.Hour, []string{"pve.example.com"}, Warn, "should have renewed it"},
		{0, []string{"pve.example.com"}, Fail, "it has expired; run on the node: pvenode acme cert renew --force"},
	} {
		b.estate.Extra.ACMECertificates[0].Domains = c.domains
		b.now = func() time.Time { return end.Add(-c.left) }
		f := b.run("right")[what]
		testkit.Equal(t, "state with "+c.left.String(), f.State, c.state)
		testkit.Holds(t, "with "+c.left.String(), f.Says, c.says)
	}
	b.estate.Extra.ACMECertificates[0].Node = "nowhere"
	testkit.Equal(t, "state of an unknown node", b.run("right")["certificate of nowhere"].State, Fail)
}
