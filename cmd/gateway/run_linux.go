package main

import (
	"crypto/rand"
	"fmt"
	"io"
	stdlog "log"
	"log/slog"
	"net/url"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"

	"syslog-gateway/internal/cli"
	"syslog-gateway/internal/config"
	"syslog-gateway/internal/service"
	"syslog-gateway/internal/wiring"
)

// run is the verb; `systemctl status` shows why it failed.
func (o *runOptions) run(cmd *cobra.Command) error {
	err := o.serve(cmd)
	if err != nil {
		service.NotifyFailure(err)
	}
	return err
}

// gcPercent is by how much the heap grows before garbage is collected. A message makes none, so
// there is little to collect, and 100, as Go has it, would only take a sixth more memory
// (docs/adr/0013). The variable GOGC sets another value.
const gcPercent = 50

func (o *runOptions) serve(cmd *cobra.Command) error {
	c, err := o.load(cmd)
	if err != nil {
		return err
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	// No part uses the standard log except net/http, which would print unchecked what a
	// server sends unasked.
	stdlog.SetOutput(io.Discard)
	level := new(slog.LevelVar)
	log := wiring.NewLogger(c.Log, level, cmd.ErrOrStderr())
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
	build := cli.ThisBuild()
	g, err := service.New(service.Options{
		Config: c, Token: token, Log: log, Level: level, Readers: o.password != "", Version: build.Version, Commit: build.Commit,
	})
	if err != nil {
		return err
	}
	if o.password != "" {
		page := wiring.StatsURL(c)
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
	return g.Run(cmd.Context(), signals, reload)
}
