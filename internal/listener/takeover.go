package listener

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"os"
	"time"
)

// linger is how long an inherited socket is watched after it was found empty: a
// datagram that the kernel was about to put there when it was diverted arrives
// within microseconds.
const linger = 20 * time.Millisecond

// takeOver stores the sockets of this process with the Keeper and empties those of
// the process before.
//
// gnet binds its own sockets, so for a moment a port has two. The kernel spreads new
// datagrams over both. The old one is then diverted, which leaves all new ones to
// the new socket, read until it is empty, and closed. Nothing is lost between.
func (u *udp) takeOver() {
	for _, p := range u.ports {
		if u.keeper != nil {
			p.kept = keptName("udp", p.source)
			if err := u.keeper.Keep(p.kept, p.fd); err != nil {
				u.log.Warn("a UDP socket cannot be handed over at a restart", "source", p.source.Name(), "error", err)
				p.kept = ""
			}
		}
		for _, f := range p.inherited {
			u.inheriting.Go(func() { u.empty(p, f) })
		}
	}
}

// empty takes what waits in the inherited socket of a port. A full queue holds it up
// like any receiving; what is left when the gateway stops waits on.
func (u *udp) empty(p *udpPort, f *os.File) {
	fd := int(f.Fd())
	log := u.log.With("source", p.source.Name())
	if err := divert(fd); err != nil {
		log.Warn("divert the inherited UDP socket; a datagram may be lost when it is closed", "error", err)
	}
	d, s, taken := newDrainer(), knownSenders{source: p.source, by: make(map[netip.Addr]*sender)}, 0
	for lingered := false; ; lingered = true {
		for n := -1; n != 0; taken += n {
			select {
			case <-u.giveUp:
				return
			default:
			}
			n = u.turn(d, p, fd, &s)
		}
		if lingered {
			break
		}
		pause(linger)
	}
	dropped, err := u.inheritDrops(p, f)
	err = errors.Join(err, f.Close())
	if u.keeper != nil {
		err = errors.Join(err, u.keeper.Forget(f.Name()))
	}
	level := slog.LevelDebug
	if taken > 0 || dropped > 0 {
		level = slog.LevelInfo
	}
	log.Log(context.Background(), level, "took over the UDP socket of the process before", "waiting_datagrams", taken, "dropped_meanwhile", dropped)
	if err != nil {
		log.Warn("close the inherited UDP socket", "error", err)
	}
}

// inheritDrops books what the kernel has dropped at the inherited socket since the
// process before has ended.
func (u *udp) inheritDrops(p *udpPort, f *os.File) (uint64, error) {
	drops, err := kernelDrops(int(f.Fd()))
	if err != nil {
		return 0, err
	}
	drops -= min(drops, reportedDrops(f.Name()))
	u.mu.Lock()
	defer u.mu.Unlock()
	p.before += drops
	return drops, nil
}

// filled is the part of the fullest receive buffer that is in use.
func (u *udp) filled() (most float64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, p := range u.ports {
		if p.fd >= 0 {
			most = max(most, filled(p.fd))
		}
	}
	return most
}
