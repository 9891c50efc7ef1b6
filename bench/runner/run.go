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
	OtherCPU float64 `json:"other_cpu_seconds"`
	Watched  float64 `json:"watched_seconds"` // what OtherCPU is out of
	ExitCode int     `json:"exit_code"`

	Loads    []loadgen.Result `json:"loads,omitempty"`
	Sink     hecsink.Stats    `json:"sink"`
	Books    Books            `json:"books"`
	Problems []string         `json:"problems,omitempty"`
}

func (r *Run) problem(format string, args ...any) {
	r.Problems = append(r.Problems, fmt.Sprintf(format, args...))
}

// Sent is what all loads sent.
func (r *Run) Sent() (n uint64) {
	for _, l := range r.Loads {
		n += l.Sent
	}
	return n
}

// bed is a run under way: the processes and what is measured of them.
type bed struct {
	o       *Options
	sc      Scenario
	site    *site
	web     web
	sink    *child.Process
	subject *child.Process
	peer    *peers.Program // nil: the subject is the gateway
	run     *Run
}

// measure makes one run. An error means that there is no result; what the gateway did
// wrong is in the run's problems.
func measure(ctx context.Context, o *Options, sc Scenario, sub subject, number int) (run Run, err error) {
	run = Run{Scenario: sc.Name, Point: sc.point, X: sc.x, Subject: sub.name, Number: number}
	b, err := newBed(o, sc, &run)
	if err != nil {
		return run, err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	b.peer = sub.peer
	if sc.Backlog > 0 {
		if err := fill(b.site.queue(), sc.Backlog); err != nil {
			return run, err
		}
		if sc.Cold {
			if err := forget(b.site.queue()); err != nil {
				return run, err
			}
		}
	}
	if sc.Measure != measureDrain { // then it comes when all is queued
		if err := b.startSink(ctx, sc.messages()); err != nil {
			return run, err
		}
	}
	if err := b.startSubject(ctx); err != nil {
		return run, err
	}
	switch sc.Measure {
	case measureLoad:
		err = b.underLoad(ctx)
	case measureIdle:
		err = b.idle(ctx)
	case measureStartup:
		err = b.footprint()
	case measureDrain:
		err = b.drain(ctx)
	}
	if err != nil {
		return run, err
	}
	return run, b.finish(ctx)
}

// newBed finds a place for a run; nothing is started there yet.
func newBed(o *Options, sc Scenario, run *Run) (*bed, error) {
	s, err := newSite(o.Dir)
	if err != nil {
		return nil, err
	}
	client := &http.Client{Transport: &http.Transport{}, Timeout: 5 * time.Second}
	return &bed{o: o, sc: sc, site: s, web: web{client}, run: run}, nil
}

// close ends what is still running and removes what it wrote.
func (b *bed) close() error {
	b.stop()
	b.web.client.CloseIdleConnections()
	if b.o.Keep {
		return nil
	}
	return os.RemoveAll(b.site.dir)
}

// startSink starts the sink, which expects so many messages.
func (b *bed) startSink(ctx context.Context, expect uint64) (err error) {
	args := []string{"sink", "--listen=" + local(b.site.sink), "--token=" + token, "--latency",
		"--expect=" + strconv.FormatUint(expect, 10)}
	if b.peer != nil {
		args = append(args, "--lines="+local(b.site.lines))
	}
	if b.sc.Refuse > 0 {
		args = append(args, "--fail-for="+b.sc.Refuse.String())
	}
	b.sink, err = child.Start(child.Options{Dir: b.site.dir, Name: "sink", Path: b.o.Bench, Args: args})
	if err != nil {
		return err
	}
	return b.await(ctx, b.sink, func(ctx context.Context) error { return b.web.up(ctx, b.site.sinkURL()+"/stats") })
}

// startSubject starts what is measured and waits until it takes messages.
func (b *bed) startSubject(ctx context.Context) error {
	begin := time.Now()
	ready, err := b.launch(ctx)
	if err != nil {
		return err
	}
	if err := b.await(ctx, b.subject, ready); err != nil {
		return err
	}
	b.run.Startup = time.Since(begin).Seconds()
	return nil
}

// launch starts the subject and returns what says that it is ready.
func (b *bed) launch(ctx context.Context) (ready func(context.Context) error, err error) {
	if b.peer == nil {
		path, err := b.site.writeConfig(b.sc)
		if err != nil {
			return nil, err
		}
		b.subject, err = child.Start(child.Options{Dir: b.site.dir, Name: "gateway",
			Env: []string{"SPLUNK_HEC_TOKEN=" + token}, Path: b.o.Gateway, Args: []string{"run", "-c", path}})
		if err != nil {
			return nil, fmt.Errorf("%w (build it with: go build -o %s ./cmd/gateway)", err, b.o.Gateway)
		}
		return func(ctx context.Context) error { return b.web.up(ctx, b.site.statsURL()+"/readyz") }, nil
	}
	cmd, err := b.peer.Command(peers.Site{Dir: b.site.dir, Ports: b.site.ports(b.sc), HEC: b.site.sinkURL(), Token: token, Lines: b.site.lines})
	if err != nil {
		return nil, err
	}
	b.subject, err = child.Start(child.Options{Dir: b.site.dir, Name: b.run.Subject, Env: cmd.Env, Path: cmd.Path, Args: cmd.Args})
	return func(ctx context.Context) error {
		var d net.Dialer
		for _, port := range b.site.ports(b.sc) {
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
func (b *bed) await(ctx context.Context, p *child.Process, ready func(context.Context) error) error {
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
func (b *bed) footprint() error {
	u, err := readUsage(b.subject.PID())
	b.run.CPU, b.run.RSSHigh, b.run.Written = u.cpu.Seconds(), u.rssHigh, u.written
	return err
}

// idle measures the subject doing nothing.
func (b *bed) idle(ctx context.Context) error {
	m, err := b.meter()
	if err != nil {
		return err
	}
	t := time.NewTimer(b.o.Idle)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-b.subject.Done():
		return b.subject.Failure()
	case <-t.C:
	}
	if err := m.read(nil); err != nil {
		return err
	}
	b.run.CPUShare = b.run.CPU / b.run.Watched
	return nil
}

// finish stops the subject, takes the last counts, and judges the run.
func (b *bed) finish(ctx context.Context) error {
	if b.subject.Ended() {
		return b.subject.Failure()
	}
	b.run.ExitCode = b.subject.Stop(subjectGrace)
	if b.run.ExitCode != 0 && b.peer == nil { // others have other habits
		b.run.problem("the exit code after SIGTERM is %d: %v", b.run.ExitCode, b.subject.Failure())
	}
	// Behind the subject's end, so that a late repetition is seen too.
	if err := b.web.json(ctx, b.site.sinkURL()+"/stats", &b.run.Sink); err != nil {
		return err
	}
	b.judge()
	if b.peer == nil {
		b.judgeBooks()
	}
	return nil
}

// judge looks at what was sent and what arrived.
func (b *bed) judge() {
	r, s := b.run, b.run.Sink
	for _, l := range r.Loads {
		if l.Errors > 0 {
			r.problem("the load generator could not send %d messages: %s", l.Errors, l.FirstError)
		}
	}
	if s.Lost > 0 && b.sc.lossless() && b.sc.Until == untilDelivered {
		r.problem("%d messages are lost, the first are %v", s.Lost, s.Missing)
	}
	if s.Duplicated > 0 {
		r.problem("%d messages came twice", s.Duplicated)
	}
	if s.Foreign > 0 {
		r.problem("%d events are not ours", s.Foreign)
	}
}

// judgeBooks looks at what only the gateway promises, and compares its counters with what
// was sent and what arrived.
func (b *bed) judgeBooks() {
	r, s := b.run, b.run.Sink
	if s.Merged > 0 {
		r.problem("%d messages share an event with another one", s.Merged)
	}
	if unexplained := int64(s.Lost) - r.Books.KernelDrops - r.Books.Dropped; unexplained > 0 && !b.sc.lossless() {
		r.problem("%d of %d lost messages are in no counter of the gateway", unexplained, s.Lost)
	}
	if r.Rate < b.sc.Least {
		r.problem("%.0f messages a second, at least %.0f are wanted", r.Rate, b.sc.Least)
	}
	if d := r.Books.Difference(); d != 0 {
		r.problem("the books do not balance by %d: %+v", d, r.Books)
	}
	if sent := int64(r.Sent()); b.sc.lossless() && r.Books.Received != sent {
		r.problem("the gateway has booked %d messages as received of %d sent", r.Books.Received, sent)
	}
	if arrived := int64(s.Unique); r.Books.Delivered < arrived {
		r.problem("the gateway has booked %d messages as delivered, but %d arrived", r.Books.Delivered, arrived)
	}
}

// stop ends what is still running, the source first.
func (b *bed) stop() {
	if b.subject != nil {
		b.subject.Stop(subjectGrace)
	}
	if b.sink != nil {
		b.sink.Stop(helperGrace)
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
