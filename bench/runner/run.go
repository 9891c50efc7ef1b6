package runner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	"syslog-gateway/bench/child"
	"syslog-gateway/bench/hecsink"
	"syslog-gateway/bench/loadgen"
	"syslog-gateway/bench/peers"
	"syslog-gateway/internal/testkit/abort"
)

const (
	token        = "bench-token"
	pollEvery    = 100 * time.Millisecond
	readyPoll    = 2 * time.Millisecond
	readyWait    = 30 * time.Second
	balanceWait  = 2 * time.Second
	subjectGrace = 45 * time.Second // shutdown_timeout is 30 s by default
	helperGrace  = 10 * time.Second
)

// Run is one run of one subject in one point of a scenario. Times are seconds, sizes are
// bytes.
type Run struct {
	Scenario string  `json:"scenario"`
	Point    string  `json:"point,omitempty"`
	X        float64 `json:"x,omitempty"`
	Subject  string  `json:"subject"`
	Number   int     `json:"number"`

	Startup float64 `json:"startup_seconds"` // exec to ready
	Through uint64  `json:"through"`         // messages that came to the end
	// Seconds runs from the first send to the arrival of the last message.
	Seconds float64 `json:"seconds"`
	// Rate is delivered messages a second.
	Rate          float64 `json:"rate"`
	CPU           float64 `json:"cpu_seconds"`
	CPUPerMessage float64 `json:"cpu_us_per_message"`
	// CPUShare is the part of one core that an idle subject takes.
	CPUShare float64 `json:"cpu_share,omitempty"`
	RSSHigh  uint64  `json:"rss_high_bytes"`
	Written  uint64  `json:"written_bytes"`
	SinkCPU  float64 `json:"sink_cpu_seconds"`
	LoadCPU  float64 `json:"load_cpu_seconds"`
	NodesCPU float64 `json:"nodes_cpu_seconds,omitempty"` // of a cluster's servers
	OtherCPU float64 `json:"other_cpu_seconds"`
	Watched  float64 `json:"watched_seconds"` // what OtherCPU is out of
	ExitCode int     `json:"exit_code"`

	Loads    []loadgen.Result `json:"loads,omitempty"`
	Sink     hecsink.Stats    `json:"sink"`
	Counts   Counts           `json:"books"`
	Problems []string         `json:"problems,omitempty"`
}

func (run *Run) problem(format string, args ...any) {
	run.Problems = append(run.Problems, fmt.Sprintf(format, args...))
}

func (run *Run) problemIf(so bool, format string, args ...any) {
	if so {
		run.problem(format, args...)
	}
}

// Sent is what all loads sent.
func (run *Run) Sent() (n uint64) {
	for _, l := range run.Loads {
		n += l.Sent
	}
	return n
}

// rig is a run under way: the processes and what is measured of them.
type rig struct {
	o       *Options
	sc      Scenario
	site    *site
	web     web
	sink    *child.Process
	subject *child.Process
	gateway string         // the subject's program
	peer    *peers.Program // nil: the subject is a gateway
	run     *Run
}

// measure makes one run. An error means that there is no result; what the gateway did
// wrong is in the run's problems.
func measure(ctx context.Context, o *Options, sc Scenario, sub subject, number int) (run Run, err error) {
	run = Run{Scenario: sc.Name, Point: sc.point, X: sc.x, Subject: sub.name, Number: number}
	r, err := newRig(o, sc, &run)
	if err != nil {
		return run, err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	defer abort.Catch(&err)
	r.gateway, r.peer = sub.gateway, sub.peer
	if sc.Backlog > 0 {
		abort.Must(fill(r.site.queue(), sc.Backlog))
		if sc.Cold {
			abort.Must(forget(r.site.queue()))
		}
	}
	if sc.Measure != measureDrain { // then it comes when all is queued
		abort.Must(r.startSink(ctx, sc.messages()))
	}
	if sc.Cluster {
		abort.Must(r.startNodes(ctx))
	}
	abort.Must(r.startSubject(ctx))
	if sc.Cluster {
		abort.Must(r.streamsUp(ctx))
	}
	switch sc.Measure {
	case measureLoad:
		err = r.underLoad(ctx)
	case measureIdle:
		err = r.idle(ctx)
	case measureStartup:
		err = r.footprint()
	case measureDrain:
		err = r.drain(ctx)
	}
	abort.Must(err)
	return run, r.finish(ctx)
}

// newRig makes the folder of a run. It starts nothing.
func newRig(o *Options, sc Scenario, run *Run) (*rig, error) {
	s, err := newSite(o.Dir)
	if err != nil {
		return nil, err
	}
	client := &http.Client{Transport: &http.Transport{}, Timeout: 5 * time.Second}
	return &rig{o: o, sc: sc, site: s, web: web{client}, run: run}, nil
}

// close ends what is still running and removes what it wrote.
func (r *rig) close() error {
	r.stop()
	r.web.client.CloseIdleConnections()
	if r.o.Keep {
		return nil
	}
	return os.RemoveAll(r.site.dir)
}

// startSink starts the sink, which expects so many messages.
func (r *rig) startSink(ctx context.Context, expect uint64) (err error) {
	args := []string{"sink", "--listen=" + local(r.site.sink), "--token=" + token, "--latency",
		"--expect=" + strconv.FormatUint(expect, 10)}
	if r.peer != nil {
		args = append(args, "--lines="+local(r.site.lines))
	}
	if r.sc.Refuse > 0 {
		args = append(args, "--fail-for="+r.sc.Refuse.String())
	}
	r.sink, err = child.Start(child.Options{Dir: r.site.dir, Name: "sink", Path: r.o.Bench, Args: args})
	if err != nil {
		return err
	}
	return r.await(ctx, r.sink, func(ctx context.Context) error { return r.web.up(ctx, r.site.sinkURL()+"/stats") })
}

// startSubject starts what is measured and waits until it takes messages.
func (r *rig) startSubject(ctx context.Context) error {
	begin := time.Now()
	ready, err := r.launch()
	if err != nil {
		return err
	}
	if err := r.await(ctx, r.subject, ready); err != nil {
		return err
	}
	r.run.Startup = time.Since(begin).Seconds()
	return nil
}

// launch starts the subject and returns what says that it is ready.
func (r *rig) launch() (ready func(context.Context) error, err error) {
	if r.peer == nil {
		path, err := r.site.writeConfig(r.sc)
		if err != nil {
			return nil, err
		}
		r.subject, err = child.Start(child.Options{Dir: r.site.dir, Name: "gateway",
			Env: []string{"SPLUNK_HEC_TOKEN=" + token}, Path: r.gateway, Args: []string{"run", "-c", path}})
		if err != nil {
			return nil, fmt.Errorf("%w (build it with: go build -o %s ./cmd/gateway)", err, r.gateway)
		}
		return func(ctx context.Context) error { return r.web.up(ctx, r.site.statsURL()+"/readyz") }, nil
	}
	cmd, err := r.peer.Command(peers.Site{Dir: r.site.dir, Ports: r.site.ports(r.sc), HEC: r.site.sinkURL(), Token: token, Lines: r.site.lines})
	if err != nil {
		return nil, err
	}
	r.subject, err = child.Start(child.Options{Dir: r.site.dir, Name: r.run.Subject, Env: cmd.Env, Path: cmd.Path, Args: cmd.Args})
	return func(ctx context.Context) error {
		var d net.Dialer
		for _, port := range r.site.ports(r.sc) {
			conn, err := d.DialContext(ctx, "tcp", local(port))
			if err != nil {
				return err
			}
			if err := conn.Close(); err != nil {
				return err
			}
		}
		return nil
	}, err
}

// await asks until ready returns no error.
func (r *rig) await(ctx context.Context, p *child.Process, ready func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, readyWait)
	defer cancel()
	t := time.NewTicker(readyPoll)
	defer t.Stop()
	for {
		err := ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-p.Done():
			return p.Failure()
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w", p, errors.Join(ctx.Err(), err))
		case <-t.C:
		}
	}
}

// footprint reads what the subject has used since its start.
func (r *rig) footprint() error {
	u, err := readUsage(r.subject.PID())
	r.run.CPU, r.run.RSSHigh, r.run.Written = u.cpu.Seconds(), u.rssHigh, u.written
	return err
}

// idle measures the subject doing nothing.
func (r *rig) idle(ctx context.Context) error {
	m, err := r.meter()
	if err != nil {
		return err
	}
	t := time.NewTimer(r.o.Idle)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-r.subject.Done():
		return r.subject.Failure()
	case <-t.C:
	}
	if err := m.read(nil); err != nil {
		return err
	}
	r.run.CPUShare = r.run.CPU / r.run.Watched
	return nil
}

// finish stops the subject, takes the last counts, and judges the run.
func (r *rig) finish(ctx context.Context) error {
	if r.subject.Ended() {
		return r.subject.Failure()
	}
	r.run.ExitCode = r.subject.Stop(subjectGrace)
	if r.run.ExitCode != 0 && r.peer == nil { // others have other habits
		r.run.problem("the exit code after SIGTERM is %d: %v", r.run.ExitCode, r.subject.Failure())
	}
	// Behind the subject's end, so that a late repetition is seen too.
	if err := r.web.json(ctx, r.site.sinkURL()+"/stats", &r.run.Sink); err != nil {
		return err
	}
	r.judge()
	if r.peer == nil {
		r.judgeCounts()
	}
	return nil
}

// judge compares the messages that were sent and that arrived.
func (r *rig) judge() {
	run, s := r.run, r.run.Sink
	for _, l := range run.Loads {
		run.problemIf(l.Errors > 0, "the load generator could not send %d messages: %s", l.Errors, l.FirstError)
	}
	run.problemIf(s.Lost > 0 && r.sc.lossless() && r.sc.Until == untilDelivered, "%d messages are lost, the first are %v", s.Lost, s.Missing)
	run.problemIf(s.Duplicated > 0, "%d messages came twice", s.Duplicated)
	run.problemIf(s.Foreign > 0, "%d events are not ours", s.Foreign)
}

// judgeCounts checks what only the gateway promises, and compares its counters with the
// messages that were sent and that arrived.
func (r *rig) judgeCounts() {
	run, s := r.run, r.run.Sink
	run.problemIf(s.Merged > 0, "%d messages share an event with another one", s.Merged)
	if unexplained := int64(s.Lost) - run.Counts.KernelDrops - run.Counts.Dropped; unexplained > 0 && !r.sc.lossless() {
		run.problem("%d of %d lost messages are in no counter of the gateway", unexplained, s.Lost)
	}
	run.problemIf(run.Rate < r.sc.Least, "%.0f messages a second, at least %.0f are wanted", run.Rate, r.sc.Least)
	if d := run.Counts.Difference(); d != 0 {
		run.problem("received and accounted-for messages differ by %d: %+v", d, run.Counts)
	}
	if sent := int64(run.Sent()); r.sc.lossless() && run.Counts.Received != sent {
		run.problem("the gateway counted %d messages as received, %d were sent", run.Counts.Received, sent)
	}
	if arrived := int64(s.Unique); run.Counts.Delivered < arrived {
		run.problem("the gateway counted %d messages as delivered, but %d arrived", run.Counts.Delivered, arrived)
	}
}

// stop ends what is still running, the source first.
func (r *rig) stop() {
	if r.subject != nil {
		r.subject.Stop(subjectGrace)
	}
	r.site.nodes.stop()
	if r.sink != nil {
		r.sink.Stop(helperGrace)
	}
}

// result reads what an ended load generator says.
func result(p *child.Process) (r loadgen.Result, err error) {
	if p.Err() != nil {
		return r, p.Failure()
	}
	if err := json.Unmarshal(p.Output(), &r); err != nil {
		return r, fmt.Errorf("read the result of %s: %w", p, err)
	}
	return r, nil
}
