package hec

import (
	"context"
	"testing"
	"time"

	"syslog-gateway/internal/hec/endpoints"
	"syslog-gateway/internal/hec/hectest"
	"syslog-gateway/internal/testkit"
)

// A drained endpoint gets no new requests; with all of them drained delivery
// waits, and goes on when one comes back.
func TestSetMode(t *testing.T) {
	a, b := serve(t, hectest.Options{Token: testToken}), serve(t, hectest.Options{Token: testToken})
	r := newRig(t, func(o *Options) { o.HealthInterval = 20 * time.Millisecond }, a, b)
	testkit.Must(t, r.SetMode(a.URL(), endpoints.Drain))
	if err := r.SetMode("http://unknown:1", endpoints.Drain); err == nil {
		t.Error("a mode is accepted for an endpoint that does not exist")
	}
	src := newMemory(records(20, 1)...)
	testkit.Must(t, r.start(t.Context(), src)())
	if a.Requests() != 0 || b.Requests() != 20 {
		t.Fatalf("%d requests to the drained endpoint, %d to the other", a.Requests(), b.Requests())
	}
	testkit.Must(t, r.SetMode(b.URL(), endpoints.Maintenance))
	if r.AnyUp() {
		t.Error("an endpoint is up while none is in use")
	}
	for _, s := range r.Endpoints() {
		if want := map[string]endpoints.Mode{a.URL(): endpoints.Drain, b.URL(): endpoints.Maintenance}[s.URL]; endpoints.Mode(s.Mode) != want || !s.Up {
			t.Errorf("%+v", s)
		}
	}
	probed := b.Probes()
	src = newMemory(records(5, 1)...)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	probes := make(chan struct{})
	go func() {
		defer close(probes)
		_ = r.Run(ctx)
	}()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = r.Deliver(ctx, src)
	}()
	testkit.Eventually(t, "the drained endpoint is probed", func() bool { return a.Probes() > 4 })
	if n := a.Requests() + b.Requests(); n != 20 {
		t.Errorf("%d requests while no endpoint is in use", n-20)
	}
	if n := b.Probes() - probed; n > 1 { // one may have been under way
		t.Errorf("%d probes of an endpoint in maintenance", n)
	}
	testkit.Must(t, r.SetMode(a.URL(), endpoints.Ready))
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Fatal("delivery did not go on")
	}
	testkit.Equal(t, "requests to the endpoint that came back", a.Requests(), 5)
	cancel()
	<-probes
}
