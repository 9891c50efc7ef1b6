package faults

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"syslog-gateway/internal/hec/hectest"
	"syslog-gateway/internal/testkit/abort"
)

func clusterRows() []Row {
	return []Row{
		clustered("the leader is killed", cluster{}, leaderKilled),
		clustered("two nodes are away for 10 s", cluster{}, twoAway),
		clustered("all nodes are killed", cluster{}, allKilled),
		clustered("the leader is frozen for 8 s", cluster{}, leaderFrozen),
		partitionRow(),
		nodeFullRow(),
		deliveringKilledRow(),
		clustered("a receiving gateway is killed and comes back", cluster{receives: [2]bool{true, false}}, receivingKilled),
		streamFullRow(),
		clustered("rolling restart of the nodes", cluster{conf: shortDuck}, rollingNodes),
		clustered("rolling restart of the gateways", cluster{}, rollingGateways),
		destroyedRow("a gateway is destroyed with its disk", false),
		destroyedRow("a gateway is destroyed with its disk while two nodes are away", true),
	}
}

func leaderKilled(ctx context.Context, f *fleet) error {
	f.begin(ctx)
	l := f.load(ctx, fleetRate)
	leader := abort.Value(f.leader(ctx))
	leader.kill()
	pass(ctx, 3*time.Second)
	abort.Must(leader.start())
	l.end()
	return f.whole(ctx, f.underWay())
}

// twoAway takes the majority away: records wait in the disk queues, and senders notice
// nothing.
func twoAway(ctx context.Context, f *fleet) error {
	f.begin(ctx)
	l := f.load(ctx, fleetRate)
	for _, n := range f.nodes[:2] {
		n.kill()
	}
	pass(ctx, 10*time.Second)
	spooled := f.sum(ctx, "gateway_queue_events")
	f.res.detail("%d messages waited in the disk queues", spooled)
	f.res.problemIf(spooled < int64(f.each)/2, "only %d messages waited in the disk queues: the senders were held up", spooled)
	f.startAll(ctx, f.nodes[:2]...)
	l.end()
	return f.whole(ctx, f.underWay())
}

func allKilled(ctx context.Context, f *fleet) error {
	f.begin(ctx)
	l := f.load(ctx, fleetRate)
	for _, n := range f.nodes {
		n.kill()
	}
	pass(ctx, 2*time.Second)
	f.startAll(ctx, f.nodes...)
	l.end()
	return f.whole(ctx, f.underWay())
}

// leaderFrozen stops a server where it is. Its connections stay, and nothing is read from
// them: the gateways must go on.
func leaderFrozen(ctx context.Context, f *fleet) error {
	f.begin(ctx)
	l := f.load(ctx, fleetRate)
	leader := abort.Value(f.leader(ctx))
	abort.Must(leader.proc.Freeze())
	slowest := time.Duration(0)
	for began := time.Now(); time.Since(began) < 8*time.Second; {
		pass(ctx, 200*time.Millisecond)
		for _, g := range f.gws {
			asked := time.Now()
			if _, err := g.web.scrape(ctx); err != nil {
				f.res.problem("/metrics while a server is frozen: %v", err)
			}
			slowest = max(slowest, time.Since(asked))
		}
	}
	f.res.detail("/metrics answered within %v", slowest.Round(time.Millisecond))
	abort.Must(leader.proc.Signal(syscall.SIGCONT))
	l.end()
	return f.whole(ctx, f.underWay())
}

// partitionRow puts a proxy between the routes of the nodes. The leader is cut off together
// with a gateway, which must find another node: all arrives while the partition lasts.
func partitionRow() Row {
	var p *proxies
	return clustered("partition, a gateway on the side of the old leader", cluster{conf: func(f *fleet, n *node, text string) string {
		if n.number == 0 {
			p = newProxies(f)
		}
		routes := fmt.Sprintf("routes: [%s]\n  no_advertise: true", strings.Join(p.routes(n), ", "))
		return routesLine.ReplaceAllString(text, routes)
	}}, func(ctx context.Context, f *fleet) error {
		defer p.close()
		abort.Must(p.open(ctx))
		f.begin(ctx)
		leader := abort.Value(f.leader(ctx))
		for try := 0; !leader.serves(ctx); try++ { // which node a gateway takes is by chance
			if try == 20 {
				return errors.New("no gateway connects to the leader")
			}
			f.gws[0].stop(time.Minute)
			abort.Must(f.gws[0].start(ctx))
			abort.Must(f.wait(ctx, "the streams can be used", func() bool { return f.up(ctx, f.gws...) }))
			leader = abort.Value(f.leader(ctx))
		}
		l := f.load(ctx, fleetRate)
		p.cut(leader, true)
		began := time.Now()
		l.end()
		abort.Must(f.wait(ctx, "all has arrived while the partition lasts", func() bool { return f.gws[0].tally.unique.Load() == int64(2*f.each) }))
		f.res.detail("all had arrived %.1f s after the cut", time.Since(began).Seconds())
		p.cut(leader, false)
		return f.whole(ctx, f.underWay())
	})
}

// nodeFullRow gives a node a file system that is too small. It turns JetStream off; the others
// go on, and it catches up after a restart with more room.
func nodeFullRow() Row {
	return clustered("the disk of a node is full", cluster{each: 20_000, streams: 1}, func(ctx context.Context, f *fleet) error {
		small := f.nodes[1]
		store := filepath.Join(small.dir, "store")
		var unmount func()
		_, small.wrapper, unmount = mountApart(ctx, store, "-t", "tmpfs", "-o", "size=12m", "tmpfs")
		end := func() {
			small.kill()
			unmount()
		}
		defer func() { end() }()
		f.gws[0].hec[0].SetDown(true) // the streams grow
		f.startAll(ctx, f.nodes...)
		for _, g := range f.gws {
			abort.Must(g.launch())
		}
		abort.Must(f.wait(ctx, "the streams can be used", func() bool { return f.up(ctx, f.gws...) }))
		l := f.send(ctx, 2*fleetRate)
		abort.Must(f.wait(ctx, "the node says that it is full", func() bool { return !small.healthy(ctx) }))
		l.end()
		abort.Must(f.wait(ctx, "all is secured", func() bool { return f.sum(ctx, "gateway_secured_events_total") == int64(2*f.each) }))
		end()
		_, small.wrapper, unmount = mountApart(ctx, store, "-t", "tmpfs", "-o", "size=200m", "tmpfs")
		f.startAll(ctx, small)
		f.gws[0].hec[0].SetDown(false)
		return f.whole(ctx, f.underWay())
	})
}

// deliveringKilledRow kills a gateway that is posting many records, for ever. Another one
// gets them when their time has run out.
func deliveringKilledRow() Row {
	const post = 64
	slow := hectest.Options{Script: func(*hectest.Request) hectest.Answer { return hectest.Answer{Delay: 4 * time.Second} }}
	return clustered("a delivering gateway is killed with many records in flight", cluster{post: post, endpoint: slow}, func(ctx context.Context, f *fleet) error {
		f.startAll(ctx, f.nodes...)
		first, second := f.gws[0], f.gws[1]
		abort.Must(first.start(ctx))
		abort.Must(second.start(ctx))
		abort.Must(f.wait(ctx, "the streams can be used", func() bool { return f.up(ctx, f.gws...) }))
		s := first.newSender(2*fleetRate, 2*f.each)
		ended := s.begin(ctx)
		var held int64
		abort.Must(f.wait(ctx, "it has many records in flight", func() bool {
			m, err := second.web.scrape(ctx)
			held = m.sum("gateway_stream_held_records")
			return err == nil && held >= 3*post/2
		}))
		second.gw.Kill()
		second.gw = nil
		abort.Must(<-ended)
		f.settle(ctx, 2*f.each)
		f.res.detail("it had %d records in flight", held)
		f.res.problemIf(f.res.Lost != 0, "%d messages are lost", f.res.Lost)
		most := int64(fleetBatch * f.streams * post)
		f.res.problemIf(f.res.Duplicated > most, "%d came twice, at most %d may", f.res.Duplicated, most)
		f.res.problemIf(f.res.Counts.Received != int64(2*f.each), "received %d", f.res.Counts.Received)
		return nil
	})
}

// receivingKilled kills the gateway that the sender sends to, and starts it again. What it had
// accepted is delivered.
func receivingKilled(ctx context.Context, f *fleet) error {
	f.begin(ctx)
	g := f.gws[0]
	l := f.load(ctx, fleetRate)
	c := freezeAndKill(ctx, g, l.senders[0])
	g.gw = nil // nobody misses it
	abort.Must(g.start(ctx))
	l.end()
	f.settle(ctx, 2*f.each-c.sockets-fleetYoung)
	for seq := range c.accepted {
		if !g.tally.has(seq) {
			f.res.problem("message %d was accepted and is lost", seq)
			break
		}
	}
	lost := f.res.Lost - int64(c.sockets)
	f.res.detail("lost: %d in socket buffers, %d not accepted yet", c.sockets, max(0, lost))
	f.res.problemIf(lost > fleetYoung, "%d messages are lost that were not in socket buffers, at most %d may", lost, fleetYoung)
	f.res.problemIf(f.res.Duplicated > f.underWay(), "%d came twice, at most %d may", f.res.Duplicated, f.underWay())
	return nil
}

// fleetYoung is how many messages a gateway may have read and not accepted yet, with the time
// that a busy machine takes.
const fleetYoung = fleetRate / 2

// streamFullRow fills the streams: what they do not take waits in the disk queues.
func streamFullRow() Row {
	return clustered("the streams are full", cluster{each: 30_000, size: "16MiB"}, func(ctx context.Context, f *fleet) error {
		f.begin(ctx)
		f.gws[0].hec[0].SetDown(true)
		l := f.send(ctx, 2*fleetRate)
		l.end()
		abort.Must(f.wait(ctx, "the streams refuse records", func() bool { return f.sum(ctx, "gateway_forward_records_total", `result="full"`) > 0 }))
		spooled := f.sum(ctx, "gateway_queue_events")
		f.res.detail("%d messages waited in the disk queues", spooled)
		f.res.problemIf(spooled == 0, "nothing waited in the disk queues: the row shows nothing")
		f.gws[0].hec[0].SetDown(false)
		return f.whole(ctx, 0)
	})
}

// shortDuck lets a node that stops wait less.
func shortDuck(_ *fleet, _ *node, text string) string {
	return text + "\nlame_duck_grace_period: \"1s\"\n"
}

func rollingNodes(ctx context.Context, f *fleet) error {
	f.begin(ctx)
	l := f.load(ctx, fleetRate/3)
	for _, n := range f.nodes {
		abort.Must(n.stop(ctx))
		f.startAll(ctx, n)
		abort.Must(f.wait(ctx, "all replicas are current", func() bool {
			return f.sum(ctx, "gateway_stream_replicas_current") == int64(2*3*f.streams)
		}))
	}
	l.end()
	return f.whole(ctx, f.underWay())
}

func rollingGateways(ctx context.Context, f *fleet) error {
	f.begin(ctx)
	l := f.load(ctx, fleetRate)
	for _, g := range f.gws {
		began := time.Now()
		process := g.gw
		g.gw = nil // nobody misses it
		if code := process.Stop(time.Minute); code != 0 {
			f.res.problem("exit code %d", code)
		}
		f.res.detail("stopped in %.1f s", time.Since(began).Seconds())
		abort.Must(g.start(ctx))
	}
	l.end()
	f.settle(ctx, 2*f.each)
	f.res.problemIf(f.res.Lost != 0, "%d messages are lost", f.res.Lost)
	f.res.problemIf(f.res.Duplicated != 0, "%d came twice", f.res.Duplicated)
	return nil
}

// destroyedRow takes a gateway and its disk away for ever. What was not secured is lost, and no
// more: it was in its disk queue, or not accepted yet. While two nodes are away nothing is
// secured: then much must be lost, which shows that the row can see it.
func destroyedRow(name string, away bool) Row {
	return clustered(name, cluster{receives: [2]bool{true, false}}, func(ctx context.Context, f *fleet) error {
		f.begin(ctx)
		l := f.load(ctx, fleetRate)
		if away {
			for _, n := range f.nodes[:2] {
				n.kill()
			}
			pass(ctx, 2*time.Second)
		}
		return destroyed(ctx, f, l, away)
	})
}

func destroyed(ctx context.Context, f *fleet, l *load, away bool) error {
	g := f.gws[0]
	before := abort.Value(g.web.scrape(ctx))
	lag := time.Duration(before.Sum("gateway_forward_lag_seconds") * float64(time.Second))
	c := freezeAndKill(ctx, g, l.senders[0])
	l.stop[0]() // nobody sends to it any more
	<-l.ended[0]
	g.gw = nil
	queued := abort.Value(g.queued(ctx))
	if away {
		f.startAll(ctx, f.nodes[:2]...)
	}
	abort.Must(<-l.ended[1])
	l.stop[1]()
	arrived := func() (n int) {
		for seq := range c.written {
			if g.tally.has(seq) {
				n++
			}
		}
		return n
	}
	least := c.written - c.sockets - len(queued) - fleetYoung
	abort.Must(f.wait(ctx, "all that was secured has arrived", func() bool {
		return arrived() >= least && g.tally.unique.Load() >= int64(arrived()+f.each)
	}))
	f.settle(ctx, f.each+least)
	lostQueued, lostOther := 0, 0
	for seq := range c.written {
		switch {
		case g.tally.has(seq):
		case queued[seq]:
			lostQueued++
		default:
			lostOther++
		}
	}
	for seq := range f.each {
		f.res.problemIf(!g.tally.has(f.each+seq), "message %d of the other gateway is lost", seq)
	}
	f.res.Sent, f.res.Lost = int64(c.written+f.each), int64(lostQueued+lostOther)
	f.res.detail("its disk held %d messages that were not secured (%d ms of load), the forward lag was %v; %d of them are lost, and %d in socket buffers or not accepted yet",
		len(queued), 1000*len(queued)/fleetRate, lag.Round(time.Millisecond), lostQueued, lostOther)
	// The disk may have grown between the reading of the lag and the end.
	most := int((lag + time.Second).Seconds() * fleetRate)
	f.res.problemIf(lostQueued > most, "%d messages of its disk queue are lost, the forward lag allows %d", lostQueued, most)
	f.res.problemIf(away && lostQueued == 0, "nothing is lost that waited in its disk queue: the row shows nothing")
	f.res.problemIf(lostOther > c.sockets+fleetYoung, "%d messages are lost that were neither in its disk queue nor in socket buffers, at most %d may", lostOther-c.sockets, fleetYoung)
	f.res.problemIf(f.res.Duplicated > f.underWay(), "%d came twice, at most %d may", f.res.Duplicated, f.underWay())
	return nil
}
