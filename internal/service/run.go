//go:build linux

package service

import (
	"context"
	"fmt"
	"math"
	"os"
	"slices"
	"sync"
	"syscall"

	"syslog-gateway/internal/config"
	"syslog-gateway/internal/owner"
)

// Load reads the configuration and the HEC token anew.
type Load func() (config.Config, string, error)

// Run serves until SIGTERM or SIGINT comes; a second one ends the waiting. SIGHUP reloads.
func (g *Gateway) Run(parent context.Context, signals <-chan os.Signal, reload Load) error {
	ctx, stop := context.WithCancel(parent)
	defer stop()
	hard, stopHard := context.WithCancel(parent)
	defer stopHard()
	health := newHealth(g)
	var background sync.WaitGroup
	defer background.Wait()
	ended, end := context.WithCancel(context.Background())
	defer end()
	background.Go(func() { health.run(ended) })
	background.Go(func() {
		for stopping := false; ; {
			select {
			case <-ended.Done():
				return
			case sig := <-signals:
				switch {
				case sig == syscall.SIGHUP && stopping: // too late
				case sig == syscall.SIGHUP:
					health.reloading()
					g.reload(reload)
					health.ready()
				case stopping:
					g.log.Warn("second signal: not waiting any longer", "signal", sig)
					stopHard()
				default:
					stopping = true
					health.stop()
					stop()
				}
			}
		}
	})
	err := g.Serve(ctx, hard, func() {
		g.announce()
		health.ready()
	})
	if err == nil {
		var drops uint64
		for _, s := range g.listener.Status() {
			drops += s.KernelDrops
		}
		g.log.Info("stopped", "left_in_queue", g.store.Stats().Events, "udp_kernel_drops", drops)
	}
	return err
}

// announce logs the sources, the endpoints and what the operator should know.
func (g *Gateway) announce() {
	c := g.config.Load()
	for _, s := range g.listener.Status() {
		g.log.Info("listening", "source", s.Balance.Source, "address", c.Sources[s.Balance.Source].Address, "port", s.Port, "transports", s.Transports)
	}
	if c.HEC.TLS.InsecureSkipVerify {
		g.log.Warn("hec.tls.insecure_skip_verify is set: anybody between gateway and endpoint can read the token and the events")
	}
	if c.Stats.Admin && c.Stats.Username == "" {
		g.log.Warn("stats.admin is set without stats.username: nobody can set drain or maint over the network", "fix", "set stats.username and its password, or take stats.admin away")
	}
	g.warnOfRoot(*c)
	files := openFiles()
	if want := connections(*c); want > files {
		g.log.Warn("the limit of open files allows fewer connections than max_connections of all sources",
			"open_files", files, "max_connections", want, "fix", "raise LimitNOFILE= of the unit, in a container the host's hard limit, or lower max_connections")
	}
	left := g.store.Stats()
	g.log.Info("ready", "version", g.version, "endpoints", endpointNames(g), "queue", c.Queue.Path,
		"queued_events", left.Events, "open_files", files, "stats", fmt.Sprint(g.stats.Addr()))
}

// openFiles returns the limit of open files of this process, which may be lower than
// that in the systemd unit.
func openFiles() int {
	var r syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r) != nil {
		return 0
	}
	return int(min(r.Cur, math.MaxInt32))
}

// connections returns how many connections all sources may have open together.
func connections(c config.Config) (n int) {
	for _, s := range c.Sources {
		if slices.ContainsFunc(s.Protocols, func(p string) bool { return p != "udp" }) {
			n += s.MaxConnections
		}
	}
	return n
}

func endpointNames(g *Gateway) (names []string) {
	for _, e := range g.client.Endpoints() {
		names = append(names, e.URL)
	}
	return names
}

// warnOfRoot says so when root runs the gateway in folders of another user: what it makes
// there is root's, and that user's service could not go on with it.
func (g *Gateway) warnOfRoot(c config.Config) {
	if os.Geteuid() != 0 {
		return
	}
	for _, folder := range []string{c.Queue.Path, c.DeadLetter.Path} {
		if uid, _, err := owner.Of(folder); err == nil && uid != 0 {
			g.log.Warn("root runs the gateway in a folder of another user, who cannot use the files that it makes",
				"folder", folder, "user", owner.Name(uid),
				"fix", fmt.Sprintf("stop it, chown -R %s %s, and run it as that user", owner.Name(uid), folder))
		}
	}
}
