package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"text/tabwriter"
	"time"

	"syslog-gateway/internal/cli"
	"syslog-gateway/internal/testkit/abort"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(cli.Run(ctx, newCommand(), os.Args[1:], cli.Std(), nil))
}

// options are what is measured with.
type options struct {
	Gateway string
	Config  string
	Rate    int // datagrams a second
	Limit   time.Duration
	Inside  bool
}

func newCommand() *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use:   "measure",
		Short: "Measure a failover between two gateways in network namespaces",
		Args:  cobra.NoArgs,
	}
	f := cmd.Flags()
	f.StringVar(&o.Gateway, "gateway", "bin/gateway", "the gateway's program")
	f.StringVar(&o.Config, "config", "deploy/keepalived/keepalived.conf", "keepalived's configuration of the first gateway")
	f.IntVar(&o.Rate, "rate", 1000, "datagrams a second")
	f.DurationVar(&o.Limit, "limit", 20*time.Second, "a failover that takes longer has failed")
	f.BoolVar(&o.Inside, "inside", false, "in namespaces of its own already")
	_ = f.MarkHidden("inside")
	cmd.RunE = cli.Does(func(cmd *cobra.Command, _ []string) error {
		if !o.Inside {
			return o.enter(cmd.Context())
		}
		return o.measure(cmd.Context())
	})
	cmd.AddCommand(newSend())
	return cmd
}

// enter runs the program again as the first process of namespaces of its own: when it
// ends, the kernel ends all others and takes the networks away.
func (o options) enter(ctx context.Context) error {
	for name, from := range map[string]string{"keepalived": "keepalived", "curl": "curl", "ip": "iproute2", "unshare": "util-linux"} {
		if _, err := exec.LookPath(name); err != nil {
			return fmt.Errorf("%s is missing: apt-get install --no-install-recommends %s", name, from)
		}
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	gateway, err1 := filepath.Abs(o.Gateway)
	config, err2 := filepath.Abs(o.Config)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc",
		self, "--inside", "--gateway", gateway, "--config", config, "--rate", strconv.Itoa(o.Rate), "--limit", o.Limit.String())
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second // unshare itself does not listen; its end is everyone's
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return cmd.Run()
}

// fault is a way for the first gateway to go.
type fault struct {
	name string
	do   func(ctx context.Context, b *rig) error
	back func(ctx context.Context, b *rig) error // before counting: what the first one has in its queue counts, too
}

var faults = []fault{
	{"keepalived is stopped (before maintenance)", func(_ context.Context, b *rig) error { return b.hosts[0].keepalived.stop(syscall.SIGTERM) }, nil},
	{"the gateway is killed", func(_ context.Context, b *rig) error { return b.hosts[0].gateway.stop(syscall.SIGKILL) },
		func(ctx context.Context, b *rig) error { return b.startGateway(ctx, b.hosts[0]) }},
	{"the host is cut off", func(ctx context.Context, b *rig) error { return b.ip(ctx, "link", "set", b.hosts[0].name, "down") }, nil},
}

func (o options) measure(ctx context.Context) error {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "fault\tgap\tsent\tlost\ttwice\t(UDP at %d/s)\n", o.Rate)
	for _, f := range faults {
		r, err := o.one(ctx, f)
		if err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
		gap := time.Duration(float64(r.run) / float64(o.Rate) * float64(time.Second))
		fmt.Fprintf(w, "%s\t%.2f s\t%d\t%d\t%d\n", f.name, gap.Seconds(), r.sent, r.lost, r.twice)
		if r.lost > r.run+r.run/10+o.Rate/2 {
			return errors.Join(w.Flush(), fmt.Errorf("%s: %d lost, of which only %d in the gap", f.name, r.lost, r.run))
		}
	}
	return w.Flush()
}

// one plays a fault under load from a fresh start and counts.
func (o options) one(ctx context.Context, f fault) (r result, err error) {
	ctx, stop := context.WithTimeout(ctx, 3*o.Limit)
	defer stop()
	b, err := newRig(o)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, b.end(ctx)) }()
	defer abort.Catch(&err)
	abort.Must(b.start(ctx))
	send := abort.Value(b.startSender(ctx))
	// A second of load on the first one, the fault, a second of load on the other.
	abort.Must(b.wait(ctx, o.Limit, "the first gateway to receive", func() bool { return b.hosts[0].seen.len() >= o.Rate }))
	abort.Must(f.do(ctx, b))
	abort.Must(b.wait(ctx, o.Limit, "the second gateway to take over", func() bool { return b.hosts[1].seen.len() >= o.Rate }))
	sent := abort.Value(send.finish())
	if f.back != nil {
		abort.Must(f.back(ctx, b))
	}
	abort.Must(b.settle(ctx))
	return count(sent, &b.hosts[0].seen, &b.hosts[1].seen), nil
}

// result is what a fault has cost.
type result struct {
	sent, lost, twice int
	run               int // the longest run of lost ones
}

func count(sent int, first, second *numbers) (r result) {
	r.sent = sent
	run := 0
	for n := range sent {
		switch times := first.times(n) + second.times(n); {
		case times == 0:
			r.lost++
			run++
			r.run = max(r.run, run)
		default:
			r.twice += times - 1
			run = 0
		}
	}
	return r
}
