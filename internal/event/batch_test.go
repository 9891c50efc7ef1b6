package event

import (
	"testing"
	"time"
)

func TestPoolBoundsBatches(t *testing.T) {
	p := NewPool(2, 100)
	stop := make(chan struct{})
	a, b := p.Get(stop), p.Get(stop)
	if a == nil || b == nil || a == b {
		t.Fatal("no two batches")
	}
	got := make(chan *Batch)
	go func() { got <- p.Get(stop) }()
	select {
	case <-got:
		t.Fatal("a third batch of two")
	case <-time.After(10 * time.Millisecond):
	}
	a.Data = append(a.Data, make([]byte, 1000)...)
	a.Events = 3
	p.Put(a)
	c := <-got
	if c != a || c.Events != 0 || len(c.Data) != 0 || cap(c.Data) != 100 {
		t.Errorf("batch is not empty: %+v", c)
	}
	close(stop)
	if p.Get(stop) != nil {
		t.Error("Get returned a batch that is not there")
	}
}
