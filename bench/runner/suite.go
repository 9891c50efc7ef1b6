package runner

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"syslog-gateway/bench/peers"
)

// Options say what to measure.
type Options struct {
	// Scenarios are run in this order.
	Scenarios []Scenario
	// Gateway is the program under test; it is started as `GATEWAY run -c FILE`.
	Gateway string
	// Before is another version of it, which is measured in alternation; empty: none.
	Before string
	// Queue is the program of a cluster's servers.
	Queue string
	// Peers are measured beside it in the scenarios that they can run.
	Peers []peers.Peer
	// Cache is where the peers' programs are unpacked and built.
	Cache string
	// Bench is this program, for its verbs load and sink.
	Bench string
	// Messages replaces the scenarios' number of messages; 0 keeps it.
	Messages uint64
	// Repeat is how often each scenario is run; 0 is as often as it says.
	Repeat int
	// Dir is where the temporary folders are made; "" is the system's temporary folder.
	// The queue is there, so its file system matters.
	Dir string
	// Keep leaves the temporary folders.
	Keep bool
	// Quiet ends a run without progress after this time.
	Quiet time.Duration
	// Idle is how long the scenario idle watches.
	Idle time.Duration
	// Progress receives one line for each run.
	Progress io.Writer
}

// Report is all runs of a suite.
type Report struct {
	Taken   time.Time      `json:"taken"`
	Command string         `json:"command"`
	Machine Machine        `json:"machine"`
	Gateway string         `json:"gateway_sha256"` // empty: none was measured
	Before  string         `json:"before_sha256,omitempty"`
	Peers   []PeerReport   `json:"peers,omitempty"`
	About   []ScenarioInfo `json:"scenarios"`
	// Ceilings are the rates of the harness's components alone, if they were measured.
	Ceilings []Ceiling `json:"ceilings,omitempty"`
	Runs     []Run     `json:"runs"`
}

// PeerReport says how a peer was set up, or why it was skipped.
type PeerReport struct {
	Name    string `json:"name"`
	About   string `json:"about"`
	Version string `json:"version,omitempty"`
	Config  string `json:"config,omitempty"`
	Missing string `json:"missing,omitempty"`
}

// ScenarioInfo is what a scenario does.
type ScenarioInfo struct {
	Name  string `json:"name"`
	About string `json:"about"`
	Axis  string `json:"axis,omitempty"` // what varies
}

// subject is what is measured: the gateway, another version of it, or a peer.
type subject struct {
	name    string
	gateway string         // its program
	peer    *peers.Program // nil: it is a gateway
}

// The gateways among the subjects of runs: the one under test, and another version of it.
const (
	GatewayName = "gateway"
	BeforeName  = "before"
)

// Run makes all runs. Beside an error, the report holds those made before it.
func (o Options) Run(ctx context.Context) (rep Report, err error) {
	if o.Repeat < 0 || o.Quiet <= 0 || o.Idle <= 0 {
		return rep, fmt.Errorf("repeat %d, quiet %v, idle %v: none may be negative, the times must be positive", o.Repeat, o.Quiet, o.Idle)
	}
	rep = Report{Taken: time.Now().UTC(), Machine: machine(runtime.NumCPU())}
	gateways, err := o.gateways(&rep)
	if err != nil {
		return rep, err
	}
	others, err := o.prepare(ctx, &rep)
	if err != nil {
		return rep, err
	}
	for _, sc := range o.Scenarios {
		rep.About = append(rep.About, ScenarioInfo{Name: sc.Name, About: sc.About, Axis: sc.Vary.axis()})
		if sc.Measure == measureCeiling {
			if err := o.ceilings(ctx, &rep, sc); err != nil {
				return rep, err
			}
			continue
		}
		mine := gateways
		if sc.Peers {
			mine = slices.Concat(gateways, others)
		}
		for _, p := range sc.points() {
			goOn, err := o.point(ctx, &rep, p, mine)
			if err != nil {
				return rep, err
			}
			if !goOn {
				break
			}
		}
	}
	return rep, nil
}

// gateways finds the gateway and the other version of it.
func (o *Options) gateways(rep *Report) (found []subject, err error) {
	if !slices.ContainsFunc(o.Scenarios, func(s Scenario) bool { return s.Measure != measureCeiling }) {
		return nil, nil
	}
	for _, g := range []struct {
		name, path string
		digest     *string
	}{{GatewayName, o.Gateway, &rep.Gateway}, {BeforeName, o.Before, &rep.Before}} {
		if g.path == "" {
			continue
		}
		path, err := filepath.Abs(g.path) // without a slash, exec would search for the program in PATH
		if err != nil {
			return nil, err
		}
		if *g.digest, err = digest(path); err != nil {
			return nil, fmt.Errorf("read the gateway: %w (build it with: go build -o %s ./cmd/gateway)", err, path)
		}
		found = append(found, subject{name: g.name, gateway: path})
	}
	return found, nil
}

// prepare makes the peers ready.
func (o *Options) prepare(ctx context.Context, rep *Report) (subjects []subject, err error) {
	if !slices.ContainsFunc(o.Scenarios, func(s Scenario) bool { return s.Peers }) {
		return nil, nil
	}
	for _, p := range o.Peers {
		pr := PeerReport{Name: p.Name, About: p.About}
		prog, err := p.Prepare(ctx, o.Cache)
		switch {
		case errors.Is(err, peers.ErrMissing):
			pr.Missing = err.Error()
			if _, err := fmt.Fprintln(o.Progress, "skipped:", pr.Missing); err != nil {
				return nil, fmt.Errorf("report progress: %w", err)
			}
		case err != nil:
			return nil, err
		default:
			cmd, err := exampleConfig(prog)
			if err != nil {
				return nil, err
			}
			pr.Version, pr.Config = prog.Version, cmd
			subjects = append(subjects, subject{name: p.Name, peer: prog})
		}
		rep.Peers = append(rep.Peers, pr)
	}
	return subjects, nil
}

// exampleConfig is a peer's configuration with the usual ports. Where a scenario sends all
// lines to one port, the peer has the first of them only.
func exampleConfig(prog *peers.Program) (string, error) {
	dir, err := os.MkdirTemp("", "gateway-bench-")
	if err != nil {
		return "", fmt.Errorf("make a folder for a configuration: %w", err)
	}
	cmd, err := prog.Command(peers.Site{Dir: dir, Ports: []int{1514, 1515, 1516, 1517, 1518}, HEC: "http://127.0.0.1:8088", Token: "TOKEN", Lines: 6514})
	return strings.ReplaceAll(cmd.Config, dir, "DIR"), errors.Join(err, os.RemoveAll(dir))
}

// point makes the runs of one point: the subjects alternate (A B A B). goOn is false
// when the gateway has lost more than the scenario goes on with.
func (o *Options) point(ctx context.Context, rep *Report, sc Scenario, subjects []subject) (goOn bool, err error) {
	goOn = true
	for i := range o.repeats(sc) {
		for _, sub := range subjects {
			run, err := measure(ctx, o, sc.scaled(o.Messages), sub, i+1)
			if err != nil && sub.name != GatewayName && ctx.Err() == nil { // a peer that fails is a result
				run.problem("%v", err)
				err = nil
			}
			if err != nil {
				return false, fmt.Errorf("run %d of %s with %s: %w", i+1, sc.label(), sub.name, err)
			}
			rep.Runs = append(rep.Runs, run)
			if _, err := fmt.Fprintln(o.Progress, run.line()); err != nil {
				return false, fmt.Errorf("report progress: %w", err)
			}
			if sc.StopAtLoss > 0 && sub.name == GatewayName && run.lossShare() > sc.StopAtLoss {
				goOn = false
			}
		}
	}
	return goOn, nil
}

// repeats is how often a scenario is run.
func (o *Options) repeats(sc Scenario) int {
	if o.Repeat > 0 {
		return o.Repeat
	}
	return sc.Repeat
}

// digest identifies a program.
func digest(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	_, err = io.Copy(h, f)
	return hex.EncodeToString(h.Sum(nil)), errors.Join(err, f.Close())
}

// Problems counts the gateway's runs that have any: a peer that loses is a result.
func (rep Report) Problems() (n int) {
	for _, run := range rep.Runs {
		if run.Subject == GatewayName && len(run.Problems) > 0 {
			n++
		}
	}
	return n
}
