//go:build linux

package service

import (
	"syslog-gateway/internal/config"
	"syslog-gateway/internal/wiring"
)

// reload loads the configuration and applies what can change while the gateway runs. An
// invalid configuration changes nothing.
func (g *Gateway) reload(load Load) {
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
func (g *Gateway) apply(fresh config.Config, token string) error {
	change := g.config.Load().Reload(fresh)
	next := change.Next
	sources, err := wiring.Sources(next)
	if err != nil {
		return err
	}
	client, err := wiring.HEC(next, token)
	if err != nil {
		return err
	}
	apply := map[config.Stage]func() error{
		config.StageHEC:     func() error { return g.client.Reconfigure(client.Settings) },
		config.StageSources: func() error { g.applySources(sources); return nil },
		config.StageLog:     func() error { wiring.SetLevel(g.level, next.Log.Level); return nil },
	}
	for _, stage := range change.Stages { // the HEC client is the first, and the only one that may refuse
		if err := apply[stage](); err != nil {
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

func (g *Gateway) applySources(sources []wiring.Source) {
	for _, s := range sources {
		if open := g.listener.Source(s.Name); open != nil {
			open.Apply(s.Settings)
		}
	}
}
