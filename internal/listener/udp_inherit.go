package listener

import (
	"context"
	"errors"
	"log/slog"
	"os"

	"syslog-gateway/internal/ingest"
	"syslog-gateway/internal/listener/inherit"
)

// takeOver stores the sockets of this process and empties those of the process before.
//
// gnet binds its own sockets, so for a moment a port has two. The kernel spreads new
// datagrams over both. The old one is then diverted, which leaves all new ones to the new
// socket, read until it is empty, and closed. Nothing is lost between.
func (u *udpListener) takeOver() {
	for _, p := range u.ports {
		if u.store != nil {
			p.kept = inherit.Name("udp", p.source.options.Port)
			if err := u.store.Keep(p.kept, p.fd); err != nil {
				u.log.Warn("a UDP socket cannot be handed over at a restart", "source", p.source.Name(), "error", err)
				p.kept = ""
			}
		}
		for _, f := range p.inherited {
			u.inheriting.Go(func() { u.empty(p, f) })
		}
	}
}

// empty takes what waits in the inherited socket of a port and closes it. A full queue
// delays it like any receiving. The rest, when the gateway stops, waits for the next
// process.
func (u *udpListener) empty(p *udpPort, f *os.File) {
	fd := int(f.Fd())
	log := u.log.With("source", p.source.Name())
	if err := inherit.Divert(fd); err != nil {
		log.Warn("divert the inherited UDP socket; a datagram may be lost when it is closed", "error", err)
	}
	d, to := newDrainer(), ingest.NewDatagrams(p.source.Source, p.batcher)
	taken, empty := inherit.Empty(u.giveUp, func() int { return readOnce(d, fd, to) })
	if !empty {
		return
	}
	dropped, err := u.countDrops(p, f)
	err = errors.Join(err, f.Close())
	if u.store != nil {
		err = errors.Join(err, u.store.Forget(f.Name()))
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

// countDrops counts what the kernel has dropped at the inherited socket since the process
// before has ended.
func (u *udpListener) countDrops(p *udpPort, f *os.File) (uint64, error) {
	drops, err := kernelDrops(int(f.Fd()))
	if err != nil {
		return 0, err
	}
	drops -= min(drops, inherit.ReportedDrops(f.Name()))
	u.mu.Lock()
	defer u.mu.Unlock()
	p.before += drops
	return drops, nil
}

// rename gives our socket another name in the Store, which takes no socket twice.
func (u *udpListener) rename(p *udpPort, name string) error {
	if err := u.store.Forget(p.kept); err != nil {
		return err
	}
	p.kept = name
	return u.store.Keep(name, p.fd)
}
