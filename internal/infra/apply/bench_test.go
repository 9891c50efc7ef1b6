package apply_test

import (
	"fmt"
	"testing"

	"syslog-gateway/internal/infra/apply"
	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/plan"
	"syslog-gateway/internal/infra/pvesim"
	"syslog-gateway/internal/testkit"
)

// twenty is an estate of 20 guests without firewall classes.
func twenty(t testing.TB) *declaration.Estate {
	t.Helper()
	e := estate(t, "small", func(d map[string]any) {
		containers := map[string]any{}
		for n := range 20 {
			key := fmt.Sprintf("web-%02d", n+1)
			containers[key] = map[string]any{
				"vm_id": 101 + n, "hostname": key, "pool_id": "logging", "tags": []string{"terraform", "container"},
				"root_disk": map[string]any{"datastore_id": "local-zfs", "size": 8},
			}
		}
		d["containers"], d["vms"] = containers, map[string]any{}
	})
	e.Splunk = nil
	return e
}

// TestPlanAsksLittle counts the requests of a plan: one a guest and a few. Without a record
// also what of a guest waits for a restart, and its firewall rules.
func TestPlanAsksLittle(t *testing.T) {
	b := newRig(t, pvesim.Options{Seed: 19})
	e := twenty(t)
	for _, state := range []string{"empty", "converged", "recorded"} {
		b.sim.ResetJournal()
		o, each := plan.Options{}, 1
		switch state {
		case "converged":
			each = 3
		case "recorded":
			o.Known = record(e)
		}
		p := b.plan(e, o)
		if n := len(b.sim.Journal()); n > each*p.Guests+10 {
			t.Errorf("%s: %d requests for %d guests: %v", state, n, p.Guests, b.sim.Journal())
		}
		if state == "empty" {
			testkit.Try(b.apply(p, apply.Options{}))(t)
		}
	}
}

// TestPlanOfTheEstateAsksLittle counts those of the whole estate: one read per guest, two
// more per guest with a class, one per group, and a few.
func TestPlanOfTheEstateAsksLittle(t *testing.T) {
	b := newRig(t, pvesim.Options{Seed: 19})
	e := estate(t, "full")
	testkit.Try(b.apply(b.plan(e, plan.Options{}), apply.Options{}))(t)
	b.sim.ResetJournal()
	p := b.plan(e, plan.Options{Known: record(e)})
	classes := 0
	for _, g := range e.Guests() {
		if g.Class != "" {
			classes++
		}
	}
	if n, limit := len(b.sim.Journal()), p.Guests+2*classes+len(e.Firewall.Groups)+10; n > limit {
		t.Errorf("%d requests, want at most %d", n, limit)
	}
}

func benchmarkPlan(b *testing.B, e *declaration.Estate) {
	rig := newRig(b, pvesim.Options{Seed: 19})
	testkit.Try(rig.apply(rig.plan(e, plan.Options{}), apply.Options{}))(b)
	rig.sim.ResetJournal()
	b.ResetTimer()
	for range b.N {
		if p := rig.plan(e, plan.Options{Known: record(e)}); !p.Empty() {
			b.Fatal(p.Summary())
		}
	}
	b.StopTimer()
	b.ReportMetric(float64(len(rig.sim.Journal()))/float64(b.N), "requests/op")
}

// BenchmarkPlan20 plans 20 guests without firewall classes. The limit is 0.3 s.
func BenchmarkPlan20(b *testing.B) { benchmarkPlan(b, twenty(b)) }

// BenchmarkPlanEstate plans the estate of 78 objects. The limit is 0.6 s.
func BenchmarkPlanEstate(b *testing.B) { benchmarkPlan(b, estate(b, "full")) }

// BenchmarkApplyEstate makes the estate from nothing.
func BenchmarkApplyEstate(b *testing.B) {
	e := estate(b, "full")
	requests := 0
	for range b.N {
		b.StopTimer()
		rig := newRig(b, pvesim.Options{Seed: 19})
		b.StartTimer()
		r := testkit.Try(rig.apply(rig.plan(e, plan.Options{}), apply.Options{}))(b)
		if !r.Converged {
			b.Fatal("not converged")
		}
		requests += len(rig.sim.Journal())
	}
	b.ReportMetric(float64(requests)/float64(b.N), "requests/op")
}
