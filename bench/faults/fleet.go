package faults

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"syslog-gateway/bench/child"
	files "syslog-gateway/bench/cluster" // a cluster is a row here
	"syslog-gateway/internal/hec/hectest"
	"syslog-gateway/internal/testkit"
	"syslog-gateway/internal/testkit/abort"
)

// What a gateway of a fleet has under way at most: records of fleetBatch events that it
// forwards, and that it posts.
const (
	fleetShards   = 2
	fleetForward  = 4 // records of a shard
	fleetPost     = 4 // records of a stream
	fleetBatch    = 100
	fleetBatchAge = 50 * time.Millisecond
	fleetRate     = 3000 // messages a second to each gateway
	fleetEach     = 15_000
)

// cluster says how the gateways and the nodes of a row are set up.
type cluster struct {
	each     int // messages to each gateway; fleetEach
	streams  int // 2
	receives [2]bool
	post     int    // records of a stream that a gateway posts; fleetPost
	size     string // max_size of the streams; 64MB
	sync     string // sync_interval of the nodes; always
	endpoint hectest.Options
	conf     func(f *fleet, n *node, text string) string // changes the configuration of a node
}

// fleet is three nodes, and two gateways that share an endpoint.
type fleet struct {
	cluster
	res   *Result
	nodes []*node
	gws   []*rig
}

// node is a server of the queue.
type node struct {
	f       *fleet
	number  int
	name    string // its address
	dir     string
	wrapper []string
	proc    *child.Process
	lives   int
}

// clustered makes a row of a cluster, and what happens to it when it runs.
func clustered(name string, c cluster, happen func(context.Context, *fleet) error) Row {
	return Row{Name: "cluster: " + name, long: true, run: func(ctx context.Context, o *Options, res *Result) error {
		f := &fleet{cluster: c, res: res}
		f.defaults()
		row := on(name, func(*Options) layout { return f.layout(0) }, func(ctx context.Context, r *rig) error {
			f.gws = []*rig{r}
			defer f.close()
			abort.Must(f.build(ctx))
			return happen(ctx, f)
		})
		return row.run(ctx, o, res)
	}}
}

func (f *fleet) defaults() {
	set := func(n *int, usual int) {
		if *n == 0 {
			*n = usual
		}
	}
	set(&f.each, fleetEach)
	set(&f.streams, 2)
	set(&f.post, fleetPost)
	if f.size == "" {
		f.size = "64MB"
	}
	for i, name := range files.Names(72) {
		f.nodes = append(f.nodes, &node{f: f, number: i, name: name})
	}
}

// layout is that of a gateway.
func (f *fleet) layout(i int) layout {
	var servers []string
	for _, n := range f.nodes {
		servers = append(servers, "tls://"+n.name+":4222")
	}
	// The files of all gateways are in the folder of the first.
	tls := "DIR/cluster/gateway-gw1"
	if i > 0 {
		tls = "DIR/../cluster/gateway-gw2"
	}
	return layout{
		numbers: 2 * f.each, endpoints: []hectest.Options{f.endpoint},
		hec: fmt.Sprintf(", compression: none, in_flight: %d", f.post),
		queue: fmt.Sprintf("min_free: 1MB, kind: jetstream, jetstream: {servers: [%s], gateway_id: gw%d, streams: %d, max_size: %s, in_flight: %d, ack_wait: 5s, deliver: %v, "+
			"tls: {ca_file: %[7]s/ca.pem, cert_file: %[7]s/client.pem, key_file: %[7]s/client.key}}",
			strings.Join(servers, ", "), i+1, f.streams, f.size, fleetForward, !f.receives[i], tls),
		sections: fmt.Sprintf("balancer: {shards: %d}\n", fleetShards),
	}
}

// build makes the files of the cluster, starts the nodes, and lays out the second gateway.
func (f *fleet) build(ctx context.Context) error {
	first := f.gws[0]
	if _, err := os.Stat(first.opts.Queue); err != nil {
		return fmt.Errorf("the program of the nodes: %w", err)
	}
	dir := filepath.Join(first.dir, "cluster")
	var names []string
	for _, n := range f.nodes {
		names = append(names, n.name)
	}
	if err := files.Init(ctx, first.opts.Queue, dir, "300MB", names, []string{"gw1", "gw2"}); err != nil {
		return err
	}
	for _, n := range f.nodes {
		n.dir = files.Folder(dir, n.name)
		if err := n.configure(); err != nil {
			return err
		}
	}
	second := &rig{opts: first.opts, res: first.res, dir: filepath.Join(first.dir, "gw2"), tally: first.tally, hec: first.hec}
	ports, err := testkit.FreePorts(3)
	if err != nil {
		return err
	}
	second.port, second.closed, second.web = ports[0], ports[1], web{local(ports[2]), first.web.client}
	if err := os.Mkdir(second.dir, 0o750); err != nil {
		return fmt.Errorf("make a folder for the second gateway: %w", err)
	}
	f.gws = append(f.gws, second)
	return second.configure(f.layout(1))
}

func (n *node) configure() error {
	file := filepath.Join(n.dir, "queue.conf")
	data, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("configure a node: %w", err)
	}
	text := string(data)
	if n.f.sync != "" {
		text = strings.Replace(text, "sync_interval: always", "sync_interval: "+n.f.sync, 1)
	}
	if n.f.conf != nil {
		text = n.f.conf(n.f, n, text)
	}
	return os.WriteFile(file, []byte(text), 0o600)
}

func (f *fleet) close() {
	for _, g := range f.gws {
		if g.gw != nil {
			g.gw.Kill()
		}
	}
	for _, n := range f.nodes {
		n.kill()
	}
}

func (n *node) start() error {
	program, err := filepath.Abs(n.f.gws[0].opts.Queue)
	if err != nil {
		return fmt.Errorf("find the program of the nodes: %w", err)
	}
	n.lives++
	argv := append(slices.Clone(n.wrapper), program, "-c", filepath.Join(n.dir, "queue.conf"))
	n.proc, err = child.Start(child.Options{Dir: n.dir, Name: fmt.Sprintf("node-%d", n.lives), Path: argv[0], Args: argv[1:]})
	return err
}

func (n *node) kill() {
	if n.proc != nil {
		n.proc.Kill()
	}
}

// page reads a page of the node's monitor.
func (n *node) page(ctx context.Context, path string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+n.name+":8222"+path, nil)
	if err != nil {
		return nil, err
	}
	resp, err := n.f.gws[0].web.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: status %d: %s", path, resp.StatusCode, body)
	}
	return body, err
}

func (n *node) healthy(ctx context.Context) bool {
	_, err := n.page(ctx, "/healthz")
	return err == nil
}

// serves reports whether a gateway is connected to the node.
func (n *node) serves(ctx context.Context) bool {
	body, err := n.page(ctx, "/connz")
	return err == nil && bytes.Contains(body, []byte("syslog-gateway gw"))
}

// leader returns the node that leads the first stream.
func (f *fleet) leader(ctx context.Context) (*node, error) {
	for _, n := range f.nodes {
		body, err := n.page(ctx, "/jsz?accounts=true&streams=true")
		if err != nil {
			continue
		}
		var jsz struct {
			Accounts []struct {
				Streams []struct {
					Name    string
					Cluster struct{ Leader string }
				} `json:"stream_detail"`
			} `json:"account_details"`
		}
		if err := json.Unmarshal(body, &jsz); err != nil {
			return nil, fmt.Errorf("read the leader of the stream: %w", err)
		}
		for _, a := range jsz.Accounts {
			for _, s := range a.Streams {
				i := slices.IndexFunc(f.nodes, func(n *node) bool { return n.name == s.Cluster.Leader })
				if s.Name == "SYSLOG-00" && i >= 0 {
					return f.nodes[i], nil
				}
			}
		}
	}
	return nil, errors.New("no node knows the leader of SYSLOG-00")
}

// startAll starts nodes, and waits until all are healthy.
func (f *fleet) startAll(ctx context.Context, nodes ...*node) {
	for _, n := range nodes {
		abort.Must(n.start())
	}
	abort.Must(f.wait(ctx, "the nodes are healthy", func() bool {
		return !slices.ContainsFunc(nodes, func(n *node) bool { return !n.healthy(ctx) })
	}))
}

// begin starts everything, and waits until the streams can be used.
func (f *fleet) begin(ctx context.Context) {
	f.startAll(ctx, f.nodes...)
	for _, g := range f.gws {
		abort.Must(g.start(ctx))
	}
	abort.Must(f.wait(ctx, "the streams can be used", func() bool { return f.up(ctx, f.gws...) }))
}

func (f *fleet) up(ctx context.Context, gws ...*rig) bool {
	for _, g := range gws {
		s, err := g.web.scrape(ctx)
		if err != nil || s.sum("gateway_stream_up") != int64(f.streams) {
			return false
		}
	}
	return true
}

// wait polls within rowLimit.
func (f *fleet) wait(ctx context.Context, what string, done func() bool) error {
	ctx, cancel := context.WithTimeoutCause(ctx, 2*rowLimit, fmt.Errorf("after %v it is still not so that %s", 2*rowLimit, what))
	defer cancel()
	tick := time.NewTicker(5 * pollTime)
	defer tick.Stop()
	for !done() {
		for _, g := range f.alive() {
			if g.gw.Ended() {
				return fmt.Errorf("while waiting until %s: %w", what, g.gw.Failure())
			}
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
	return nil
}

// alive are the gateways that were started, and not killed by the row.
func (f *fleet) alive() (gws []*rig) {
	for _, g := range f.gws {
		if g.gw != nil {
			gws = append(gws, g)
		}
	}
	return gws
}

// pass lets time pass.
func pass(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		abort.Must(ctx.Err())
	case <-t.C:
	}
}

// load is a sender to each gateway.
type load struct {
	senders []*sender
	stop    []context.CancelFunc
	ended   []<-chan error
}

// send sends to both gateways.
func (f *fleet) send(ctx context.Context, rate int) *load {
	l := &load{}
	for i, g := range f.gws {
		s := g.newSender(rate, (i+1)*f.each)
		s.next = i * f.each
		ctx, stop := context.WithCancel(ctx)
		l.senders, l.stop, l.ended = append(l.senders, s), append(l.stop, stop), append(l.ended, s.begin(ctx))
	}
	return l
}

// load sends to both gateways, and returns when a fifth of it is on its way.
func (f *fleet) load(ctx context.Context, rate int) *load {
	l := f.send(ctx, rate)
	abort.Must(f.wait(ctx, "it is under load", func() bool {
		return l.senders[0].written() > f.each/5 && f.gws[0].tally.unique.Load() > 0
	}))
	return l
}

func (l *load) end() {
	for i, ended := range l.ended {
		abort.Must(<-ended)
		l.stop[i]()
	}
}

// underWay is how many messages the gateways may have had under way: what may come twice.
func (f *fleet) underWay() int64 {
	return 2 * fleetBatch * int64(fleetShards*fleetForward+f.streams*f.post)
}

// sum adds a metric of all gateways that run.
func (f *fleet) sum(ctx context.Context, name string, labels ...string) (n int64) {
	for _, g := range f.alive() {
		if s, err := g.web.scrape(ctx); err == nil {
			n += s.sum(name, labels...)
		}
	}
	return n
}

// settle waits until n messages have arrived, nothing is left anywhere and the books of all
// gateways balance, and writes the counts into the result.
func (f *fleet) settle(ctx context.Context, n int) {
	took := f.gws[0].tally
	if err := f.wait(ctx, "all has arrived", func() bool { return took.unique.Load() >= int64(n) }); err != nil {
		f.res.problem("%v", err)
	}
	var all Counts
	if err := f.wait(ctx, "the spools and streams are empty and the books of all gateways balance", func() bool {
		all = Counts{}
		for _, g := range f.alive() {
			s, err := g.web.scrape(ctx)
			if err != nil {
				return false
			}
			k := s.counts()
			if k.Pending != 0 || k.Difference() != 0 || s.sum("gateway_stream_records") != 0 || s.sum("gateway_stream_held_records") != 0 {
				return false
			}
			all.add(k)
		}
		return true
	}); err != nil {
		f.res.problem("%v", err)
	}
	f.count(all)
}

// count writes what became of the messages into the result.
func (f *fleet) count(all Counts) {
	took := f.gws[0].tally
	f.res.Sent, f.res.Counts, f.res.Duplicated, f.res.Lost = int64(2*f.each), all, took.twice.Load(), 0
	for seq := range 2 * f.each {
		if !took.has(seq) {
			f.res.Lost++
		}
	}
	f.res.problemIf(took.foreign.Load() != 0, "%d events arrived that were not sent", took.foreign.Load())
}

// whole settles a row in which no gateway was killed: nothing is lost, and what the gateways
// say of it adds up. At most so many came twice.
func (f *fleet) whole(ctx context.Context, twice int64) error {
	n := int64(2 * f.each)
	f.settle(ctx, int(n))
	k := f.res.Counts
	f.res.problemIf(f.res.Lost != 0, "%d messages are lost", f.res.Lost)
	f.res.problemIf(f.res.Duplicated > twice, "%d came twice, at most %d may", f.res.Duplicated, twice)
	f.res.problemIf(k.Received != n || k.Secured != n || k.Dropped != 0, "received %d, secured %d, dropped %d of %d", k.Received, k.Secured, k.Dropped, n)
	f.res.problemIf(k.Delivered != n+f.res.Duplicated || k.Taken-k.GivenBack != k.Delivered,
		"delivered %d, taken %d, given back %d; %d and %d again arrived", k.Delivered, k.Taken, k.GivenBack, n, f.res.Duplicated)
	f.sums(ctx, n, k.Delivered)
	return nil
}

// sums waits until each gateway says what all have counted together. What was taken twice, or
// stored twice, makes the streams hold less or more than nothing.
func (f *fleet) sums(ctx context.Context, received, delivered int64) {
	for _, g := range f.alive() {
		var said string
		if err := f.wait(ctx, "the sum over all gateways is right", func() bool {
			var page struct {
				Cluster struct {
					Total struct {
						Received, Delivered, Pending int64
					} `json:"total"`
					Records    int64 `json:"server_records"`
					Difference int64 `json:"difference"`
				} `json:"cluster"`
			}
			_, body, err := g.web.get(ctx, "/api/v1/status")
			if err != nil || json.Unmarshal(body, &page) != nil {
				return false
			}
			said = fmt.Sprintf("%+v", page.Cluster)
			c := page.Cluster
			return c.Total.Received == received && c.Total.Delivered == delivered && c.Total.Pending == 0 && c.Records == 0 && c.Difference == 0
		}); err != nil {
			f.res.problem("%v: %s", err, said)
		}
	}
}

func (b *Counts) add(o Counts) {
	b.Received += o.Received
	b.Recovered += o.Recovered
	b.Delivered += o.Delivered
	b.Deadlettered += o.Deadlettered
	b.Dropped += o.Dropped
	b.Secured += o.Secured
	b.Taken += o.Taken
	b.GivenBack += o.GivenBack
	b.Pending += o.Pending
	b.Queued += o.Queued
}

var routesLine = regexp.MustCompile(`routes: \[.*\]`)

// stop ends a node as its unit does: it hands its clients over first.
func (n *node) stop(ctx context.Context) error {
	if err := n.proc.Signal(syscall.SIGUSR2); err != nil {
		return fmt.Errorf("stop a node: %w", err)
	}
	return n.f.wait(ctx, "the node has ended", n.proc.Ended)
}
