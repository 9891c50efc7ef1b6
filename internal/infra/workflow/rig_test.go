package workflow

import (
	"errors"
	"testing"

	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/inventory"
	"syslog-gateway/internal/infra/plan"
	"syslog-gateway/internal/infra/pve"
	"syslog-gateway/internal/infra/pvesim"
	"syslog-gateway/internal/infra/state"
	"syslog-gateway/internal/infra/workflow/workflowtest"
	"syslog-gateway/internal/testkit"
)

// dns is the first container's text in the estate.
const dns = `"dns": {"vm_id": 103, "hostname": "dns", "tags": ["terraform", "container", "dns"], "memory_dedicated": 512, "unprivileged": true, "root_disk": {"size": 8}},`

// rig is an estate and a cluster, and how workflow reaches both.
type rig struct {
	*workflowtest.Rig
	site   Site
	access Access
}

func newRig(t *testing.T, text string, options pvesim.Options) *rig {
	t.Helper()
	r := workflowtest.New(t, text, options)
	return &rig{
		Rig:    r,
		site:   Site{Declaration: declaration.Options{Deployment: r.Path("deployment.json")}, State: r.Path(".provision")},
		access: Access{API: pve.Options{Endpoint: r.URL, Token: pvesim.DefaultToken}},
	}
}

// begin takes the lock without waiting.
func (b *rig) begin() (*Work, error) {
	return Begin(b.T.Context(), b.site, b.access, state.LockOptions{Command: "provision test", Wait: -1})
}

// apply plans and carries out, and publishes to the targets if the whole estate was
// planned.
func (b *rig) apply(o plan.Options, targets ...string) (results []inventory.Result, err error) {
	b.T.Helper()
	ctx := b.T.Context()
	w, err := b.begin()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	if err := w.Settle(ctx, func(int) {}); err != nil {
		return nil, err
	}
	p, err := w.Plan(ctx, o)
	if err != nil {
		return nil, err
	}
	result, err := w.CarryOut(ctx, p, nil)
	if err != nil || !result.Converged {
		return nil, err
	}
	return w.Conclude(ctx, p, targets, "test")
}

// applied wants an apply to succeed.
func (b *rig) applied() {
	b.T.Helper()
	testkit.Try(b.apply(plan.Options{}))(b.T)
}

// plan plans, without the lock.
func (b *rig) plan() (*plan.Plan, error) {
	s, err := Open(b.T.Context(), b.site, b.access)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	return s.Plan(b.T.Context(), plan.Options{})
}

// empty wants a plan without changes.
func (b *rig) empty() {
	b.T.Helper()
	p := testkit.Try(b.plan())(b.T)
	if !p.Empty() {
		b.T.Errorf("planned: %+v", p.Changes)
	}
}

// publish publishes what was applied last.
func (b *rig) publish() ([]inventory.Result, error) {
	e, err := b.site.Load(b.T.Context())
	if err != nil {
		return nil, err
	}
	return b.site.Publish(b.T.Context(), e, "test")
}
