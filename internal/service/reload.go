//go:build linux

package service

import (
	"fmt"
	"time"

	"syslog-gateway/internal/config"
	"syslog-gateway/internal/stats/history"
	"syslog-gateway/internal/wiring"
)

// reload loads the configuration and applies what can change while the gateway runs. An
// invalid configuration changes nothing. The files of TLS are read again in any case.
func (g *Gateway) reload(load Load) {
	g.certificates.Reread()
	fresh, token, err := load()
	if err == nil {
		err = g.apply(fresh, token)
	}
	g.reloads.Count(err)
	if err == nil {
		g.refused.Store(nil)
		g.stats.Monitor().Mark(history.Reload, "")
		return
	}
	g.log.Error("reload refused, the old configuration stays in force", "error", err)
	why := fmt.Sprintf("The reload of %s was refused, so the configuration and the packs from before are in force: %s",
		time.Now().UTC().Format("2006-01-02 15:04:05 UTC"), firstProblem(err))
	g.refused.Store(&why)
	g.stats.Monitor().Mark(history.ReloadRefused, firstProblem(err))
}

// apply applies the keys of fresh that can change while the gateway runs. It calls each
// part that has to apply them once. On an error nothing has changed.
func (g *Gateway) apply(fresh config.Config, token string) error {
	change := g.config.Load().Reload(fresh)
	next := change.Next
	in, err := wiring.NewInput(next)
	if err != nil {
		return err
	}
	apply := map[config.Stage]func() error{
		config.StageHEC:     func() error { return g.client.Reconfigure(wiring.HECSettings(next, token)) },
		config.StageSources: func() error { g.applySources(in); return nil },
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

func (g *Gateway) applySources(in wiring.Input) {
	for _, s := range in.Sources {
		if open := g.listener.Source(s.Name); open != nil {
			open.Apply(s.Settings)
		}
		g.certificates.SetClientNames(tlsUse(s.Name), s.Config.TLS.ClientNames)
	}
	g.loaded(in)
}

// loaded says that packs are in force.
func (g *Gateway) loaded(in wiring.Input) {
	packs := in.Packs
	packs.Loaded = time.Now()
	g.packs.Store(&packs)
	g.ruled.Store(in.Rules)
	warnings := 0
	for _, p := range packs.Site {
		warnings += len(p.Warnings)
	}
	g.log.Info("packs loaded", "hash", packs.Hash, "in_force", packs.InForce, "embedded", packs.Embedded,
		"site", len(packs.Site), "warnings", warnings, "folder", packs.Folder)
}
