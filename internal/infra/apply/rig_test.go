package apply_test

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"syslog-gateway/internal/infra/apply"
	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/plan"
	"syslog-gateway/internal/infra/plan/change"
	"syslog-gateway/internal/infra/pve"
	"syslog-gateway/internal/infra/pvesim"
	"syslog-gateway/internal/infra/pvesim/schema"
	"syslog-gateway/internal/testkit"
)

const (
	ctTemplate = "local:vztmpl/debian-13-standard_13.1-2_amd64.tar.zst"
	snippet    = "local:snippets/splunk-aio-cloud-init.yml"
)

// rig is a simulated cluster with a client, over a real connection.
type rig struct {
	t      testing.TB
	sim    *pvesim.Sim
	url    string
	client *pve.Client
	root   *pve.Client
}

// official is the official schema, where PVE_SCHEMA names it: every request of every test is
// then checked against it.
var official = sync.OnceValues(schema.FromEnv)

func newRig(t testing.TB, o pvesim.Options) *rig {
	t.Helper()
	schema := testkit.Try(official())(t)
	o.Schema = schema
	o.Nodes = append([]string{"pve"}, o.Nodes...)
	if o.Storages == nil {
		o.Storages = []pvesim.Storage{
			{ID: "local", Type: "dir", Content: []string{"iso", "vztmpl", "backup", "snippets"}, Path: "/var/lib/vz", Total: 1 << 40},
			{ID: "local-zfs", Type: "zfspool", Content: []string{"images", "rootdir"}, Path: "rpool/data", Total: 4 << 40},
			{ID: "local-lvm", Type: "lvmthin", Content: []string{"images", "rootdir"}, Total: 1 << 40},
		}
	}
	sim := testkit.Try(pvesim.New(o))(t)
	testkit.Must(t, sim.AddTemplateFile(ctTemplate, 100<<20, 400<<20))
	testkit.Must(t, sim.AddFile(snippet, 2000))
	testkit.Must(t, sim.AddTemplateVM(pvesim.TemplateVM{VMID: 9000, Disks: map[string]string{"scsi0": "10G"}}))
	testkit.Must(t, sim.AddTemplateVM(pvesim.TemplateVM{VMID: 9200, Disks: map[string]string{"virtio0": "20G"}}))
	srv := httptest.NewServer(sim.Handler())
	b := &rig{t: t, sim: sim, url: srv.URL}
	b.client = b.connect(nil)
	b.root = b.login(pve.Options{Username: pvesim.DefaultUser, Password: pvesim.DefaultPassword})
	t.Cleanup(func() {
		b.client.Close()
		b.root.Close()
		srv.Close()
		testkit.Must(t, sim.Mismatches())
	})
	return b
}

func (b *rig) connect(rt http.RoundTripper) *pve.Client {
	return b.login(pve.Options{Token: pvesim.DefaultToken, Transport: rt})
}

func (b *rig) login(o pve.Options) *pve.Client {
	b.t.Helper()
	o.Endpoint, o.Node, o.Sleep = b.url, "pve", brief
	return testkit.Try(pve.New(o))(b.t)
}

// brief waits a thousandth of what is asked: the simulator works at once.
func brief(ctx context.Context, d time.Duration) error { return pve.Sleep(ctx, d/1000) }

// estate reads a declaration of the tests, with edits of its JSON.
func estate(t testing.TB, name string, edits ...func(map[string]any)) *declaration.Estate {
	t.Helper()
	data := readFile(t, filepath.Join("..", "declaration", "testdata", name, "deployment.json"))
	var d map[string]any
	testkit.Must(t, json.Unmarshal(data, &d))
	d["firewall"] = map[string]any{"manage_cluster": true}
	for _, edit := range edits {
		edit(d)
	}
	out := testkit.Try(json.Marshal(d))(t)
	path := filepath.Join(t.TempDir(), "deployment.json")
	writeFile(t, path, out)
	return testkit.Try(declaration.Load(t.Context(), declaration.Options{Deployment: path}))(t)
}

// lean is the small estate with one guest of each sort: made in one request, in several
// as root@pam, and cloned.
func lean(t testing.TB) *declaration.Estate {
	t.Helper()
	e := estate(t, "small", drop("minio"))
	e.Splunk = nil
	return e
}

// guestOf is the JSON of a declared guest.
func guestOf(d map[string]any, kind, key string) map[string]any {
	return d[kind].(map[string]any)[key].(map[string]any)
}

// set returns an edit of one field of a guest; nil removes it.
func set(kind, key, field string, value any) func(map[string]any) {
	return func(d map[string]any) {
		if value == nil {
			delete(guestOf(d, kind, key), field)
			return
		}
		guestOf(d, kind, key)[field] = value
	}
}

// drop returns an edit that takes a container out of the declaration.
func drop(key string) func(map[string]any) {
	return func(d map[string]any) { delete(d[ct].(map[string]any), key) }
}

func (b *rig) plan(e *declaration.Estate, o plan.Options) *plan.Plan {
	b.t.Helper()
	return testkit.Try(plan.Make(b.t.Context(), b.client, e, o))(b.t)
}

func (b *rig) apply(p *plan.Plan, o apply.Options) (*apply.Result, error) {
	b.t.Helper()
	o.Sleep, o.Root = brief, b.root
	return apply.Run(b.t.Context(), b.client, p, o)
}

// converge plans and applies until the estate is as declared. Then the plan is
// empty, and applying it writes nothing.
func (b *rig) converge(e *declaration.Estate, o plan.Options) {
	b.t.Helper()
	r := testkit.Try(b.apply(b.plan(e, o), apply.Options{}))(b.t)
	if !r.Converged {
		b.t.Fatalf("not converged: %+v", r.Outcomes)
	}
	o.AllowDestroy = nil // they are gone, and unknown from now on
	b.still(e, o)
}

// make plans and applies, for tests that begin with what is there.
func (b *rig) make(e *declaration.Estate) {
	b.t.Helper()
	testkit.Try(b.apply(b.plan(e, plan.Options{}), apply.Options{}))(b.t)
}

// made is a cluster where the small estate was applied.
func made(t testing.TB, seed uint64) *rig {
	t.Helper()
	b := newRig(t, pvesim.Options{Seed: seed})
	b.make(estate(t, "small"))
	return b
}

// noted shows that there is nothing to do, and that the plan says the words.
func (b *rig) noted(e *declaration.Estate, o plan.Options, words string) {
	b.t.Helper()
	if p := b.plan(e, o); !p.Empty() || !strings.Contains(show(b.t, p), words) {
		b.t.Fatalf("want nothing but the note %q:\n%s", words, show(b.t, p))
	}
}

// wrote counts the writes to what ends so.
func (b *rig) wrote(suffix string) (n int) {
	for _, w := range b.sim.Writes() {
		if strings.HasSuffix(w.Path, suffix) {
			n++
		}
	}
	return n
}

// filters switches the firewall of the cluster on, as it is after the first apply.
func (b *rig) filters() {
	b.t.Helper()
	b.by("PUT", "/cluster/firewall/options", url.Values{"enable": {"1"}, "policy_in": {"ACCEPT"}, "ebtables": {"0"},
		"log_ratelimit": {"enable=1,burst=10,rate=5/second"}})
}

// still fails unless the plan is empty. A part of the estate never converges.
func (b *rig) still(e *declaration.Estate, o plan.Options) {
	b.t.Helper()
	p := b.plan(e, o)
	if !p.Empty() {
		b.t.Fatalf("the second plan is not empty:\n%s", show(b.t, p))
	}
	b.sim.ResetJournal()
	r := testkit.Try(b.apply(p, apply.Options{}))(b.t)
	if r.Converged != (len(o.Only) == 0) || len(b.sim.Writes()) > 0 {
		b.t.Fatalf("the second apply wrote: %v", b.sim.Writes())
	}
}

// live is a guest in the cluster's list; the zero value: it is not there.
func (b *rig) live(vmid int) (guest pve.Resource) {
	b.t.Helper()
	for _, r := range testkit.Try(b.client.Resources(b.t.Context()))(b.t) {
		if r.IsGuest() && r.VMID == vmid {
			guest = r
		}
	}
	return guest
}

// config is the live configuration of a guest, read as root.
func (b *rig) config(vmid int) pve.Config {
	b.t.Helper()
	r := b.live(vmid)
	if r.VMID == 0 {
		return nil
	}
	return testkit.Try(b.client.Config(b.t.Context(), r.Node, r.Type, vmid))(b.t)
}

func show(t testing.TB, p *plan.Plan) string {
	t.Helper()
	var s strings.Builder
	testkit.Must(t, p.Text(&s, false))
	return s.String()
}

// planned finds the change of an ID.
func planned(t testing.TB, p *plan.Plan, id string) change.Change {
	t.Helper()
	for _, c := range p.Changes {
		if c.ID() == id {
			return c
		}
	}
	t.Fatalf("the plan has no %s:\n%s", id, show(t, p))
	return change.Change{}
}

func seeded(t testing.TB) (*rand.Rand, uint64) {
	t.Helper()
	seed := rand.Uint64()
	return rand.New(rand.NewPCG(seed, 1)), seed
}

func TestConvergesFromEmpty(t *testing.T) {
	for _, name := range []string{"small", "full"} {
		t.Run(name, func(t *testing.T) {
			b := newRig(t, pvesim.Options{Seed: 7})
			e := estate(t, name)
			b.converge(e, plan.Options{})
		})
	}
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	return testkit.Try(os.ReadFile(path))(t)
}

func writeFile(t testing.TB, path string, data []byte) {
	t.Helper()
	testkit.Must(t, os.WriteFile(path, data, 0o600))
}
