package apply_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"syslog-gateway/internal/infra/apply"
	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/plan"
	"syslog-gateway/internal/infra/pve"
	"syslog-gateway/internal/infra/pvesim"
	"syslog-gateway/internal/testkit"
)

// killer is a process that is killed at its nth request: before it is sent, or when the
// API has it. From then on nothing reaches the API any more.
type killer struct {
	next  http.RoundTripper
	at    int64
	sent  bool // the nth request still reaches the API
	count atomic.Int64
	kill  context.CancelFunc
}

var errKilled = errors.New("killed")

func (k *killer) RoundTrip(r *http.Request) (*http.Response, error) {
	n := k.count.Add(1)
	if k.at > 0 && n >= k.at {
		defer k.kill()
		if n > k.at || !k.sent {
			return nil, errKilled
		}
	}
	// What is on the wire arrives, whoever is dead; its answer does not.
	answer, err := k.next.RoundTrip(r.WithContext(context.WithoutCancel(r.Context())))
	if err == nil && k.at > 0 && k.count.Load() >= k.at {
		answer.Body.Close()
		return nil, errKilled
	}
	return answer, err
}

// attempt plans and applies, and is killed at the nth request; 0: never.
func (b *rig) attempt(e *declaration.Estate, at int64, sent bool) (requests int64, r *apply.Result, err error) {
	b.t.Helper()
	ctx, kill := context.WithCancel(b.t.Context())
	defer kill()
	wire := &http.Transport{MaxIdleConnsPerHost: 8}
	defer wire.CloseIdleConnections()
	k := &killer{next: wire, at: at, sent: sent, kill: kill}
	client := b.connect(k)
	p, err := plan.Make(ctx, client, e, plan.Options{Root: true})
	if err != nil {
		return k.count.Load(), nil, err
	}
	root := b.login(pve.Options{Username: pvesim.DefaultUser, Password: pvesim.DefaultPassword, Transport: k})
	r, err = apply.Run(ctx, client, p, apply.Options{Root: root, Sleep: brief})
	return k.count.Load(), r, err
}

// TestKilledAnywhere kills an apply at random requests, again and again, and then lets
// one through: it is there, and no guest was made twice.
func TestKilledAnywhere(t *testing.T) {
	rng, seed := seeded(t)
	b := newRig(t, pvesim.Options{Seed: 17})
	total, r, err := b.attempt(lean(t), 0, false)
	testkit.Must(t, err)
	if !r.Converged || total < 50 {
		t.Fatalf("%d requests, %+v", total, r)
	}
	for n := range 20 {
		point := rand.New(rand.NewPCG(seed, uint64(n)))
		b := newRig(t, pvesim.Options{Seed: rng.Uint64(), TaskDelay: time.Duration(point.IntN(4)) * time.Millisecond})
		e := lean(t)
		for range 1 + point.IntN(2) {
			if _, r, err := b.attempt(e, 1+point.Int64N(total), point.IntN(2) == 0); err == nil && r.Converged {
				break // its number was higher than the number of requests
			}
		}
		_, r, err := b.attempt(e, 0, false)
		if err != nil || !r.Converged {
			t.Fatalf("seed %d, point %d: %v", seed, n, err)
		}
		once(t, b.creates())
		b.still(e, plan.Options{Root: true})
		if got := b.config(250)["ciuser"]; got == "" {
			t.Errorf("seed %d, point %d: the VM was made without its cloud-init data", seed, n)
		}
		for _, id := range []int{175, 180, 250} {
			if d := b.config(id)["description"]; d == "" || b.live(id).Status != "running" {
				t.Errorf("seed %d, point %d: %d has %q and is %s", seed, n, id, d, b.live(id).Status)
			}
		}
		if t.Failed() {
			t.Fatalf("seed %d, point %d", seed, n)
		}
	}
}
