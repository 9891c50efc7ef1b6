package runner

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"syslog-gateway/bench/child"
	"syslog-gateway/bench/hecsink"
	"syslog-gateway/bench/loadgen"
	"syslog-gateway/internal/testkit/abort"
)

// The components of the harness that have a ceiling.
const (
	SinkGzip     = "sink with gzip"
	SinkPlain    = "sink without compression"
	GeneratorTCP = "generator over TCP"
	GeneratorUDP = "generator over UDP"
)

const (
	// ceilingConnections are as many as the scenarios that go flat out have.
	ceilingConnections = 4
	// floodBuffer is how much of a body is written at once.
	floodBuffer = 256 << 10
	// floodWait bounds one request.
	floodWait = 30 * time.Second
)

// Ceiling is what one part of the harness does without a subject. Times are seconds.
type Ceiling struct {
	Component string  `json:"part"`
	Messages  uint64  `json:"messages"`
	Seconds   float64 `json:"seconds"`
	// Rate is messages a second, or events a second at the sink.
	Rate          float64 `json:"rate"`
	CPU           float64 `json:"cpu_seconds"` // of the part
	CPUPerMessage float64 `json:"cpu_us_per_message"`
	OtherCPU      float64 `json:"other_cpu_seconds"`
	Watched       float64 `json:"watched_seconds"` // what OtherCPU is out of
}

// ceilings measures all components.
func (o *Options) ceilings(ctx context.Context, rep *Report, sc Scenario) error {
	for range o.repeats(sc) {
		for _, generator := range []string{SinkGzip, SinkPlain, GeneratorTCP, GeneratorUDP} {
			c, err := o.ceiling(ctx, sc, generator)
			if err != nil {
				return fmt.Errorf("measure the %s alone: %w", generator, err)
			}
			rep.Ceilings = append(rep.Ceilings, c)
			if _, err := fmt.Fprintf(o.Progress, "%s, %s: %.0f/s, %.2f us CPU a message, %.1f s of CPU elsewhere in %.1f s\n",
				sc.Name, generator, c.Rate, c.CPUPerMessage, c.OtherCPU, c.Watched); err != nil {
				return fmt.Errorf("report progress: %w", err)
			}
		}
	}
	return nil
}

// ceiling measures one component, in its own folder as a run.
func (o *Options) ceiling(ctx context.Context, sc Scenario, generator string) (c Ceiling, err error) {
	r, err := newRig(o, sc, &Run{})
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	switch generator {
	case SinkGzip, SinkPlain:
		c, err = r.sinkAlone(ctx, generator == SinkGzip)
	case GeneratorTCP:
		c, err = r.generatorAlone(ctx, loadgen.TCP)
	case GeneratorUDP:
		c, err = r.generatorAlone(ctx, loadgen.UDP)
	}
	if err != nil {
		return c, err
	}
	if c.Messages == 0 || c.Seconds <= 0 {
		return c, fmt.Errorf("nothing came through in %v: make it last longer", sc.Lasts)
	}
	c.Component = generator
	c.Rate = float64(c.Messages) / c.Seconds
	c.CPUPerMessage = c.CPU * 1e6 / float64(c.Messages)
	return c, nil
}

// sinkAlone posts ready-made bodies to the sink as fast as it answers.
func (r *rig) sinkAlone(ctx context.Context, gzip bool) (c Ceiling, err error) {
	defer abort.Catch(&err)
	bodies := abort.Value(makeBodies(floodBodies, gzip))
	var different uint64
	for _, body := range bodies {
		different += body.events
	}
	abort.Must(r.startSink(ctx, different))
	before := abort.Value(readUsage(r.sink.PID()))
	w := abort.Value(startWatch())
	posted := abort.Value(r.flood(ctx, bodies, gzip))
	c.Messages, c.Seconds = posted, time.Since(w.begin).Seconds()
	after := abort.Value(readUsage(r.sink.PID()))
	abort.Must(w.read(&c, after.cpu-before.cpu))
	var s hecsink.Stats
	abort.Must(r.web.json(ctx, r.site.sinkURL()+"/stats", &s))
	if s.Events != posted || s.Foreign > 0 || s.Merged > 0 {
		return c, fmt.Errorf("the sink counted %d events (%d foreign, %d merged) of %d posted: its counts cannot be trusted", s.Events, s.Foreign, s.Merged, posted)
	}
	return c, nil
}

// flood posts the bodies round robin over a few connections until the time is over, and
// returns how many events that were.
func (r *rig) flood(ctx context.Context, bodies []hecBody, gzip bool) (uint64, error) {
	client := &http.Client{
		Transport: &http.Transport{MaxIdleConnsPerHost: ceilingConnections, WriteBufferSize: floodBuffer},
		Timeout:   floodWait,
	}
	defer client.CloseIdleConnections()
	var next, events atomic.Uint64
	until := time.Now().Add(r.sc.Lasts)
	g, ctx := errgroup.WithContext(ctx)
	for range ceilingConnections {
		g.Go(func() error {
			for time.Now().Before(until) {
				body := bodies[(next.Add(1)-1)%uint64(len(bodies))]
				if err := r.post(ctx, client, body.data, gzip); err != nil {
					return err
				}
				events.Add(body.events)
			}
			return nil
		})
	}
	err := g.Wait()
	return events.Load(), err
}

// post sends one body as the gateway does.
func (r *rig) post(ctx context.Context, client *http.Client, body []byte, gzip bool) error {
	url := r.site.sinkURL() + "/services/collector/event"
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Splunk "+token)
	if gzip {
		req.Header.Set("Content-Encoding", "gzip")
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("read the answer of %s: %w", url, err)
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("post %d bytes to %s: %s: %s", len(body), url, resp.Status, text)
	}
	return nil
}

// generatorAlone lets the load generator send flat out to who only discards.
func (r *rig) generatorAlone(ctx context.Context, transport string) (c Ceiling, err error) {
	defer abort.Catch(&err)
	d := abort.Value(discard(transport, r.site.ports(r.sc)))
	defer d.close()
	w := abort.Value(startWatch())
	args := append(r.site.loadArgs(r.sc, load{Transport: transport, Connections: ceilingConnections}, 0), "--duration="+r.sc.Lasts.String())
	p := abort.Value(child.Start(child.Options{Dir: r.site.dir, Name: "load", Keep: true, Path: r.o.Bench, Args: args}))
	defer p.Stop(helperGrace) // before the receiver is closed, which waits for the ends of connections
	select {
	case <-ctx.Done():
		return c, ctx.Err()
	case <-p.Done():
	}
	res := abort.Value(result(p))
	if res.Errors > 0 {
		return c, fmt.Errorf("the load generator could not send %d messages: %s", res.Errors, res.FirstError)
	}
	c.Messages, c.Seconds = res.Sent, res.Wall
	return c, w.read(&c, p.CPU())
}

// watch takes the CPU time of all others from its start on.
type watch struct {
	begin        time.Time
	machine, own time.Duration
}

func startWatch() (w watch, err error) {
	w.begin, w.own = time.Now(), ownCPU()
	w.machine, err = machineCPU()
	return w, err
}

// read records the CPU time of the measured component, and of all others: the clients and
// receivers of this process are no others.
func (w watch) read(c *Ceiling, generator time.Duration) error {
	busy, err := machineCPU()
	if err != nil {
		return err
	}
	c.CPU = generator.Seconds()
	c.Watched = time.Since(w.begin).Seconds()
	c.OtherCPU = max(0, (busy - w.machine - generator - (ownCPU() - w.own)).Seconds())
	return nil
}

// Used is the rate, in messages a second, at which a run used each part of the harness.
func (run *Run) Used() map[string]float64 {
	used := make(map[string]float64)
	generators := map[string]string{loadgen.TCP: GeneratorTCP, loadgen.UDP: GeneratorUDP}
	for _, l := range run.Loads {
		// What was sent before anything arrived, so that it waits in a queue, did not
		// limit the rate of arrivals.
		if generator, known := generators[l.Transport]; known && l.Finished >= run.Sink.FirstEvent {
			used[generator] += run.Rate * float64(l.Sent) / max(1, float64(run.Sent()))
		}
	}
	switch s := run.Sink; {
	case s.Requests == 0 || s.Streams > 0: // not used, or not for HEC
	case s.RawBytes > s.BodyBytes:
		used[SinkGzip] = run.Rate
	default:
		used[SinkPlain] = run.Rate
	}
	return used
}
