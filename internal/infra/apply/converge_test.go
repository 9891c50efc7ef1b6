package apply_test

import (
	"testing"

	"syslog-gateway/internal/infra/plan"
	"syslog-gateway/internal/infra/pvesim"
)

func TestConvergesFromEmpty(t *testing.T) {
	for _, name := range []string{"small", "full"} {
		t.Run(name, func(t *testing.T) {
			b := newRig(t, pvesim.Options{Seed: 7})
			e := estate(t, name)
			b.converge(e, plan.Options{})
		})
	}
}
