package powerloss

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"syslog-gateway/bench/powerloss/disk"
)

// Options say what is run.
type Options struct {
	Gateway  string
	Cuts     int    // in each model
	Seed     uint64 // of the first series
	Only     []string
	Dir      string // where temporary folders are made
	Keep     bool   // the folders of series that fail
	Progress io.Writer
}

// perSeries is the most cuts of one series.
const perSeries = 8

// part is one row to come.
type part struct {
	name string
	seed uint64
	run  func(context.Context, *Result) error
}

// Run plays all series, and reports those that it played also when there is an error.
func (o *Options) Run(ctx context.Context) (Report, error) {
	if err := disk.Usable(); err != nil {
		return nil, err
	}
	parts, err := o.parts()
	if err != nil {
		return nil, err
	}
	var rep Report
	for _, p := range parts {
		res := Result{Name: p.name, Seed: p.seed}
		fmt.Fprintf(o.Progress, "%s, seed %d\n", p.name, p.seed)
		began := time.Now()
		err := p.run(ctx, &res)
		res.Took = time.Since(began)
		res.problemIf(err != nil, "%v", err)
		rep = append(rep, res)
		if err := ctx.Err(); err != nil {
			return rep, err
		}
	}
	return rep, nil
}

func (o *Options) wants(name string) bool {
	for _, part := range o.Only {
		if strings.Contains(name, part) {
			return true
		}
	}
	return len(o.Only) == 0
}

func (o *Options) parts() (all []part, err error) {
	gateway, err := filepath.Abs(o.Gateway)
	if err != nil {
		return nil, err
	}
	add := func(sc scenario, model disk.Model, seed uint64, cuts int) {
		name := fmt.Sprintf("%s: %s", model, sc.name)
		if cuts > 0 && o.wants(name) {
			all = append(all, part{name, seed, func(ctx context.Context, res *Result) error {
				s := &series{opts: o, sc: sc, model: model, seed: seed, cuts: cuts, res: res, gateway: gateway}
				return s.run(ctx)
			}})
		}
	}
	for _, model := range []disk.Model{disk.Journal, disk.Strict} {
		var chosen []scenario
		for _, sc := range scenarios {
			if o.wants(fmt.Sprintf("%s: %s", model, sc.name)) {
				chosen = append(chosen, sc)
			}
		}
		for i, sc := range chosen {
			left := (o.Cuts + len(chosen) - 1 - i) / len(chosen)
			for seed := o.Seed; left > 0; seed++ {
				cuts := min(left, perSeries)
				add(sc, model, seed, cuts)
				left -= cuts
			}
		}
	}
	for _, sc := range controls {
		add(sc, disk.Journal, o.Seed, 1)
	}
	return all, nil
}
