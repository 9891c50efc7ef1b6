package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	stdlog "log"
	"log/slog"
	"math"
	"net/url"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/spf13/cobra"

	"syslog-gateway/internal/cli"
	"syslog-gateway/internal/config"
	"syslog-gateway/internal/listener"
	"syslog-gateway/internal/redact"
)

// defaultFile is the configuration file of the packages.
const defaultFile = "/etc/syslog-gateway/gateway.yaml"

// runOptions are the flags of `gateway run`.
type runOptions struct {
	file     string
	dev      bool
	password string // of the statistics page with --dev, generated for this run; empty: none
}

// devUser is the user of the statistics page of `gateway run --dev`.
const devUser = "dev"

func newRun() *cobra.Command {
	var o runOptions
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Run the gateway",
		Long: `Runs the gateway until SIGTERM or SIGINT: it then stops accepting, drains what has
been received within shutdown_timeout, keeps the rest on disk and exits 0; a second
signal does not wait. SIGHUP reloads the configuration.

With --dev no file is needed: the five ports on localhost, the queue in ./data, and
an embedded HEC endpoint that prints each delivered event as a JSON line on stdout. The
address of the statistics page is printed on stderr, with a password made for this run.`,
		Args: cobra.NoArgs,
	}
	cmd.RunE = cli.Does(func(cmd *cobra.Command, _ []string) error {
		err := o.run(cmd)
		if err != nil {
			notifyFailure(err)
		}
		return err
	})
	cmd.Flags().StringVarP(&o.file, "config", "c", defaultFile, "configuration file")
	// Flags with the name of a key win over the file and the environment.
	cmd.Flags().String("log.level", "", "debug, info, warn or error")
	cmd.Flags().String("log.format", "", "auto, text, json or journal")
	cmd.Flags().String("queue.path", "", "folder of the disk queue")
	cmd.Flags().String("stats.listen", "", "address of the statistics page")
	cmd.Flags().BoolVar(&o.dev, "dev", false, "run without a configuration file, on localhost, events to stdout")
	return cmd
}

// load reads the configuration. With --dev it reads a file only if the flag names one.
func (o *runOptions) load(cmd *cobra.Command) (config.Config, error) {
	if !o.dev {
		return config.Load(o.file, os.Environ(), cmd.Flags())
	}
	file := ""
	if cmd.Flags().Changed("config") {
		file = o.file
	}
	return config.LoadOver(config.Dev(), file, os.Environ(), cmd.Flags())
}

func (o *runOptions) run(cmd *cobra.Command) error {
	c, err := o.load(cmd)
	if err != nil {
		return err
	}
	// No part uses the standard log except net/http, which would print unchecked what a
	// server sends unasked.
	stdlog.SetOutput(io.Discard)
	level := new(slog.LevelVar)
	log := newLogger(c.Log, level, cmd.ErrOrStderr())
	token := ""
	if o.dev {
		sink, err := startDevSink(cmd.OutOrStdout())
		if err != nil {
			return err
		}
		defer sink.stop()
		c.HEC.Endpoints, token = []string{sink.server.URL()}, sink.token
		if c.Stats.Username == "" && c.Stats.AdminUsername == "" {
			o.password = rand.Text()
		}
		o.giveUser(&c)
	} else {
		if err := c.Check(); err != nil {
			return err
		}
		secret, err := c.Token(os.Environ())
		if err != nil {
			return err
		}
		token = secret.Reveal()
	}
	// From here on signals are caught: one that arrives during the repair of the queue
	// waits for its end.
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	defer signal.Stop(signals)
	g, err := newGateway(c, token, log, level, o.password != "")
	if err != nil {
		return err
	}
	if o.password != "" {
		page := statsURL(c)
		page.User, page.Path, page.RawQuery = url.UserPassword(devUser, o.password), "/stats", "login"
		fmt.Fprintf(cmd.ErrOrStderr(), "look at %s\n", &page)
	}
	reload := func() (config.Config, string, error) {
		fresh, err := o.load(cmd)
		if err != nil || o.dev {
			fresh.HEC.Endpoints = c.HEC.Endpoints
			o.giveUser(&fresh)
			return fresh, token, err
		}
		secret, err := fresh.Token(os.Environ())
		return fresh, secret.Reveal(), err
	}
	return g.runWithSignals(cmd.Context(), signals, reload)
}

// giveUser configures the user of this run for the statistics page, if there is one.
func (o *runOptions) giveUser(c *config.Config) {
	if o.password != "" {
		c.Stats.Username, c.Stats.Password = devUser, redact.Secret(o.password)
	}
}

// runWithSignals serves until SIGTERM or SIGINT.
func (g *gateway) runWithSignals(parent context.Context, signals <-chan os.Signal, reload func() (config.Config, string, error)) error {
	ctx, stop := context.WithCancel(parent)
	defer stop()
	hard, stopHard := context.WithCancel(parent)
	defer stopHard()
	service := newNotifier(g)
	watcher, watcherCtx := newStage()
	watcher.done.Go(func() { service.run(watcherCtx) })
	defer watcher.end()
	signalled, signalledCtx := newStage()
	signalled.done.Go(func() {
		for stopping := false; ; {
			select {
			case <-signalledCtx.Done():
				return
			case sig := <-signals:
				switch {
				case sig == syscall.SIGHUP && stopping: // too late
				case sig == syscall.SIGHUP:
					service.reloading()
					g.reload(reload)
					service.ready()
				case stopping:
					g.log.Warn("second signal: not waiting any longer", "signal", sig)
					stopHard()
				default:
					stopping = true
					service.stop()
					stop()
				}
			}
		}
	})
	defer signalled.end()
	err := g.serve(ctx, hard, func() {
		g.announce()
		service.ready()
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
func (g *gateway) announce() {
	c := g.config.Load()
	for _, s := range g.listener.Status() {
		g.log.Info("listening", "source", s.Balance.Source, "address", c.Sources[s.Balance.Source].Address, "port", s.Port, "transports", s.Transports)
	}
	if c.HEC.TLS.InsecureSkipVerify {
		g.log.Warn("hec.tls.insecure_skip_verify is set: anybody between gateway and endpoint can read the token and the events")
	}
	if c.Stats.Admin && c.Stats.Username == "" {
		g.log.Warn("stats.admin is set without stats.username: nobody can set anything aside over the network", "fix", "set stats.username and its password, or take stats.admin away")
	}
	g.warnOfRoot(*c)
	files := openFiles()
	if want := connections(*c); want > files {
		g.log.Warn("the limit of open files allows fewer connections than max_connections of all sources",
			"open_files", files, "max_connections", want, "fix", "raise LimitNOFILE= of the unit, in a container the host's hard limit, or lower max_connections")
	}
	left := g.store.Stats()
	g.log.Info("ready", "version", version, "endpoints", endpointNames(g), "queue", c.Queue.Path,
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

func endpointNames(g *gateway) (names []string) {
	for _, e := range g.client.Endpoints() {
		names = append(names, e.URL)
	}
	return names
}

// reload loads the configuration and applies what can change while the gateway runs. An
// invalid configuration changes nothing.
func (g *gateway) reload(load func() (config.Config, string, error)) {
	fresh, token, err := load()
	if err == nil {
		err = g.apply(fresh, token)
	}
	g.reloads.Count(err)
	if err != nil {
		g.log.Error("reload refused, the old configuration stays in force", "error", err)
	}
}

// apply applies the keys of fresh that can change while the gateway runs. It calls each
// part that has to apply them once. On an error nothing has changed.
func (g *gateway) apply(fresh config.Config, token string) error {
	change := g.config.Load().Reload(fresh)
	next := change.Next
	sources, err := sourceOptions(next)
	if err != nil {
		return err
	}
	client, err := hecOptions(next, token)
	if err != nil {
		return err
	}
	apply := map[config.Stage]func() error{
		config.StageHEC:     func() error { return g.client.Reconfigure(client.Settings) },
		config.StageSources: func() error { g.applySources(sources); return nil },
		config.StageLog:     func() error { setLevel(g.level, next.Log.Level); return nil },
	}
	for _, part := range change.Stages { // the HEC client is the first, and the only one that may refuse
		if err := apply[part](); err != nil {
			return err
		}
	}
	g.config.Store(&next)
	if len(change.Restart) > 0 {
		g.log.Warn("these keys need a restart; the old values stay in force", "keys", change.Restart)
	}
	g.log.Info("configuration reloaded", "applied", change.Applied)
	return nil
}

func (g *gateway) applySources(sources []listener.SourceOptions) {
	for _, s := range sources {
		if open := g.listener.Source(s.Name); open != nil {
			open.Apply(s.Settings)
		}
	}
}

// newLogger returns the log of the gateway. Under systemd the journal adds the time and
// reads the level from the prefix of a line (sd-daemon(3)).
func newLogger(c config.Log, level *slog.LevelVar, w io.Writer) *slog.Logger {
	setLevel(level, c.Level)
	o := &slog.HandlerOptions{Level: level}
	format := c.Format
	if format == "auto" && os.Getenv("JOURNAL_STREAM") != "" {
		format = "journal"
	}
	switch format {
	case "json":
		return slog.New(slog.NewJSONHandler(w, o))
	case "journal":
		return slog.New(newJournalHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}

func setLevel(v *slog.LevelVar, name string) {
	var l slog.Level
	if l.UnmarshalText([]byte(name)) == nil {
		v.Set(l)
	}
}
