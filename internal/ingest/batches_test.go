package ingest

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"syslog-gateway/internal/dialect"
	"syslog-gateway/internal/event"
	"syslog-gateway/internal/ledger"
)

// handed is a sink that keeps the batches as they were handed over, and when.
type handed struct {
	pool    *event.Pool
	batches []string
	at      []time.Time
}

func (h *handed) Handle(b *event.Batch) error {
	h.batches = append(h.batches, string(b.Data))
	h.at = append(h.at, time.Now())
	b.Account.Accept(b.Events)
	h.pool.Put(b)
	return nil
}

// families says of which families the events of a batch are, in their order.
func families(batch string) []string {
	var found []string
	for line := range strings.Lines(batch) {
		_, class, _ := strings.Cut(line, `"class":"`)
		for _, f := range []string{"unifi", "pan", "cisco", "linux", "windows", "fallback"} {
			if strings.HasPrefix(class, f) && !slices.Contains(found, f) {
				found = append(found, f)
			}
		}
	}
	return found
}

// newTestStream is a connection to a source of this vendor, and its Batcher.
func newTestStream(t *testing.T, vendorName string, pool *event.Pool, sink Sink) (*Stream, *Batcher, *ledger.Account) {
	s := NewSource("any", 1514, settings(t, vendorName), ledger.New())
	b := NewBatcher(s, ledger.TCP, Options{MaxBytes: 64 << 10, MaxEvents: 1000, MaxAge: 200 * time.Millisecond, Pool: pool, Sink: sink})
	st := NewStream(s, ledger.TCP, netip.MustParseAddr("192.0.2.7"), NewPartialMemory(nil), nil)
	st.Attach(b)
	return st, b, s.account
}

func TestEachFamilyHasABatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &handed{pool: event.NewPool(OpenBatches(dialect.Auto), 64<<10)}
		st, b, account := newTestStream(t, dialect.Auto, sink.pool, sink)
		mixed := []byte(strings.Join(samples, "\n") + "\nwhat is this\n")
		for range 3 {
			st.Feed(mixed, time.Now())
		}
		if len(sink.batches) != 0 {
			t.Fatalf("%d batches before their age", len(sink.batches))
		}
		time.Sleep(150 * time.Millisecond)
		st.Feed([]byte(samples[2]+"\n"), time.Now())
		time.Sleep(time.Second)
		synctest.Wait()
		if n := len(sink.batches); n != numFamilies {
			t.Fatalf("%d batches, want one for each family and one for the rest", n)
		}
		events := 0
		for _, b := range sink.batches {
			events += strings.Count(b, "\n")
			if f := families(b); len(f) != 1 {
				t.Errorf("a batch holds %v", f)
			}
		}
		if want := 3*(len(samples)+1) + 1; events != want {
			t.Errorf("%d events in the batches, want %d", events, want)
		}
		b.Close()
		if bal := account.Balance(); bal.Difference() != 0 || bal.InMemory != 0 {
			t.Errorf("balance %+v", bal)
		}
	})
}

// Each open batch has an age of its own.
func TestBatchesAgeByThemselves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &handed{pool: event.NewPool(OpenBatches(dialect.Auto), 64<<10)}
		st, b, _ := newTestStream(t, dialect.Auto, sink.pool, sink)
		begin := time.Now()
		var want []time.Duration
		for i, line := range samples {
			at := time.Duration(i) * 70 * time.Millisecond
			time.Sleep(at - time.Since(begin))
			st.Feed([]byte(line+"\n"), time.Now())
			want = append(want, at+200*time.Millisecond)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		var got []time.Duration
		for _, at := range sink.at {
			got = append(got, at.Sub(begin))
		}
		if !slices.EqualFunc(got, want, func(a, b time.Duration) bool { return a >= b-time.Millisecond && a <= b }) {
			t.Errorf("batches were handed over after %v, want %v", got, want)
		}
		b.Close()
	})
}

// busy is a sink that takes a while for the first batch.
type busy struct {
	handed
	first time.Duration
}

func (b *busy) Handle(batch *event.Batch) error {
	time.Sleep(b.first)
	b.first = 0
	return b.handed.Handle(batch)
}

// A batch that reached its age while another one waited for room does not wait once more.
func TestBatchesAgeWhileOneWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const wait = 5 * time.Second
		sink := &busy{handed{pool: event.NewPool(OpenBatches(dialect.Auto), 64<<10)}, wait}
		st, b, _ := newTestStream(t, dialect.Auto, sink.pool, sink)
		begin := time.Now()
		st.Feed([]byte(samples[2]+"\n"), begin)
		time.Sleep(150 * time.Millisecond)
		st.Feed([]byte(samples[0]+"\n"), time.Now()) // the timer comes to its family first
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(sink.at) != 2 {
			t.Fatalf("%d batches, want 2", len(sink.at))
		}
		if late := sink.at[1].Sub(sink.at[0]); late > time.Millisecond {
			t.Errorf("the second batch was handed over %v after the first, long after its age", late)
		}
		b.Close()
	})
}

// A Batcher that holds a batch does not wait for another one.
func TestNoWaitForASecondBatch(t *testing.T) {
	sink := &handed{pool: event.NewPool(2, 64<<10)}
	st, b, account := newTestStream(t, dialect.Auto, sink.pool, sink)
	st.Feed([]byte(strings.Join(samples, "\n")+"\n"), time.Now())
	b.Close()
	if len(sink.batches) != 2 || len(families(sink.batches[0])) != 4 {
		t.Errorf("%d batches; the first holds %v, want what had no batch of its own as well", len(sink.batches), families(sink.batches[0]))
	}
	if bal := account.Balance(); bal.Difference() != 0 || bal.InMemory != 0 {
		t.Errorf("balance %+v", bal)
	}
}

func TestOtherSourcesHaveOneBatch(t *testing.T) {
	for _, name := range dialect.Names() {
		families := make(map[uint8]bool)
		for _, c := range dialect.Classes(nil) {
			family := familyOf(c, name)
			if family >= numFamilies {
				t.Fatalf("class %s of source %s has family %d of %d", c.Name, name, family, numFamilies)
			}
			families[family] = true
		}
		if len(families) != OpenBatches(name) {
			t.Errorf("a source of vendor %s uses %d batches, promised are %d", name, len(families), OpenBatches(name))
		}
	}
}

// gateway parse shows the events in the order of the lines.
func TestReplayKeepsTheOrder(t *testing.T) {
	sink := &handed{pool: event.NewPool(2, 64<<10)}
	r := NewStreamReplay(NewSource("any", 1514, settings(t, dialect.Auto), ledger.New()), Options{MaxBytes: 64 << 10, MaxEvents: 1000, MaxAge: time.Hour, Pool: sink.pool, Sink: sink}, 0, netip.MustParseAddr("192.0.2.7"))
	r.Write([]byte(strings.Join(samples, "\n")+"\n"), time.Now())
	r.Close(time.Now())
	if len(sink.batches) != 1 || strings.Join(families(sink.batches[0]), " ") != "unifi pan cisco linux windows" {
		t.Errorf("batches %q", sink.batches)
	}
}

// Who wants the order of the lines has one batch for all.
func TestInOrderIsOneBatch(t *testing.T) {
	sink := &handed{pool: event.NewPool(2, 64<<10)}
	st, b, _ := newTestStream(t, dialect.Auto, sink.pool, sink)
	b.options.InOrder = true
	st.Feed([]byte(strings.Join(samples, "\n")+"\n"), time.Now())
	b.Close()
	if len(sink.batches) != 1 || len(families(sink.batches[0])) != len(samples) {
		t.Errorf("%d batches", len(sink.batches))
	}
}
