package ledger

import (
	"sync"
	"testing"
)

func TestLedgerBalances(t *testing.T) {
	l := New()
	a := l.Account("linux")
	if l.Account("linux") != a {
		t.Fatal("a source has two pages")
	}
	a.Receive(UDP, 100, 5000)
	a.Receive(TLS, 10, 400)
	a.Recover(7)
	a.DropReceived("empty", 3)
	a.Accept(90)
	a.Deliver(50)
	a.DeadLetter("invalid_event", 2)
	a.DropQueued("drop_oldest", 5)
	a.CountFlaws(4, 3, 2)
	b := a.Balance()
	want := Balance{
		Source: "linux", Received: 110, Recovered: 7, InMemory: 17, Queued: 40,
		Delivered: 50, Deadlettered: 2, Dropped: 8, ReceivedBytes: 5400,
		Unparsed: 4, Truncated: 3, FramingErrors: 2,
	}
	if b.Difference() != 0 {
		t.Errorf("counts are off by %d: %+v", b.Difference(), b)
	}
	if b.Received != want.Received || b.Recovered != want.Recovered || b.InMemory != want.InMemory ||
		b.Queued != want.Queued || b.Delivered != want.Delivered || b.Deadlettered != want.Deadlettered ||
		b.Dropped != want.Dropped || b.ReceivedBytes != want.ReceivedBytes || b.Unparsed != 4 || b.Truncated != 3 || b.FramingErrors != 2 {
		t.Errorf("got %+v, want %+v", b, want)
	}
	if b.DropReasons["empty"] != 3 || b.DropReasons["drop_oldest"] != 5 || b.DeadReasons["invalid_event"] != 2 {
		t.Errorf("reasons: %v %v", b.DropReasons, b.DeadReasons)
	}
}

func TestLedgerConcurrent(t *testing.T) {
	l := New()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 1000 {
				a := l.Account("unifi")
				a.Receive(TCP, 3, 100)
				a.Accept(2)
				a.DropReceived("empty", 1)
				a.Deliver(1)
				a.DropQueued("corrupt", 1)
				a.Balance()
			}
		})
	}
	wg.Wait()
	b := l.Accounts()[0].Balance()
	if b.Difference() != 0 || b.Pending() != 0 || b.Received != 12000 {
		t.Errorf("got %+v", b)
	}
}

// What the gateway itself reports is counted, but under no transport of devices.
func TestInternalIsBooked(t *testing.T) {
	a := New().Account("gateway")
	if n := len(a.Balance().ByTransport); n != len(Transports()) {
		t.Errorf("%d transports", n)
	}
	a.Receive(Internal, 3, 300)
	a.Accept(3)
	b := a.Balance()
	if b.Received != 3 || b.ReceivedBytes != 300 || b.Difference() != 0 || b.ByTransport[len(Transports())] != (TransportCount{"internal", 3, 300}) {
		t.Errorf("%+v", b)
	}
}
