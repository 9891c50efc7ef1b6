package rules

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/pve"
	"syslog-gateway/internal/testkit"
)

func liveRule(r declaration.Rule) Live {
	return Live{Type: r.Type, Action: r.Action, Enable: 1, Proto: r.Proto, DPort: r.DPort, Source: r.Source, Dest: r.Dest}
}

// carry does to a list what Proxmox VE does with a request.
func carry(t *testing.T, live []Live, op Request) []Live {
	t.Helper()
	switch op.Method {
	case "POST":
		p := op.Params
		r := Live{Type: p.Get("type"), Action: p.Get("action"), Proto: p.Get("proto"), DPort: p.Get("dport"), Source: p.Get("source"), Dest: p.Get("dest")}
		if p.Get("enable") == "1" {
			r.Enable = 1
		}
		return slices.Insert(slices.Clone(live), 0, r)
	case "DELETE":
		return slices.Delete(slices.Clone(live), op.Pos, op.Pos+1)
	}
	to := testkit.Try(strconv.Atoi(op.Params.Get("moveto")))(t)
	var out []Live
	for i, r := range live {
		if i == to {
			out = append(out, live[op.Pos])
		}
		if i != op.Pos {
			out = append(out, r)
		}
	}
	if to >= len(live) {
		out = append(out, live[op.Pos])
	}
	return out
}

// TestRulesConverge brings random lists to random wants, in at most one write per rule
// that is missing, too many, or out of order; what is wanted and there never goes.
func TestRulesConverge(t *testing.T) {
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 2))
	for range 3000 {
		var want []declaration.Rule
		for range rng.IntN(7) {
			want = append(want, declaration.Rule{Type: "in", Action: "ACCEPT", Proto: "tcp", DPort: strconv.Itoa(rng.IntN(8))})
		}
		var live []Live
		for range rng.IntN(8) {
			r := liveRule(declaration.Rule{Type: "in", Action: "ACCEPT", Proto: "tcp", DPort: strconv.Itoa(rng.IntN(8))})
			r.Enable = pve.Int(rng.IntN(2))
			live = append(live, r)
		}
		matched := len(slices.DeleteFunc(match(live, want), func(p int) bool { return p < 0 }))
		limit := len(want) - matched + len(live) - matched + len(want)
		for n := 0; ; n++ {
			op := Next(live, want, false)
			if op.Method == "" {
				break
			}
			if n > limit {
				t.Fatalf("seed %d: still not there after %d writes: %v, want %v", seed, n, live, want)
			}
			live = carry(t, live, op)
			now := len(slices.DeleteFunc(match(live, want), func(p int) bool { return p < 0 }))
			if now < matched {
				t.Fatalf("seed %d: %v removed what is wanted", seed, op)
			}
			matched = now
		}
		if len(live) != len(want) {
			t.Fatalf("seed %d: %v, want %v", seed, live, want)
		}
		for i := range want {
			if live[i].Signature() != signature(want[i]) {
				t.Fatalf("seed %d: %v, want %v", seed, live, want)
			}
		}
	}
}

func TestSameRules(t *testing.T) {
	want := []declaration.Rule{{Type: "in", Action: "ACCEPT", Proto: "udp", DPort: "1514:1518", Source: "10.0.0.0/8,172.16.0.0/12"}}
	for name, tc := range map[string]struct {
		edit func(*Live)
		same bool
	}{
		"as declared":  {func(*Live) {}, true},
		"other order":  {func(r *Live) { r.Source = "172.16.0.0/12, 10.0.0.0/8" }, true},
		"range form":   {func(r *Live) { r.DPort = "1514-1518" }, true},
		"disabled":     {func(r *Live) { r.Enable = 0 }, false},
		"interface":    {func(r *Live) { r.Iface = "net0" }, false},
		"macro":        {func(r *Live) { r.Macro = "SSH" }, false},
		"other source": {func(r *Live) { r.Source = "10.0.0.0/8" }, false},
		"action":       {func(r *Live) { r.Action = "DROP" }, false},
	} {
		r := liveRule(want[0])
		tc.edit(&r)
		testkit.Equal(t, name, Same([]Live{r}, want, false), tc.same)
	}
}
