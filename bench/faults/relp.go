package faults

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"syslog-gateway/bench/child"
	"syslog-gateway/internal/testkit"
	"syslog-gateway/internal/testkit/abort"
)

// relpWindow is rsyslog's window in these rows. Its default of 128 would need an MTU of
// 1,500 on the loopback (librelp corks its socket).
const relpWindow = 5000

// relpRows have a real rsyslog send by RELP: nothing is lost, whatever ends the gateway.
func relpRows() []Row {
	numbers := func(o *Options) layout {
		return layout{numbers: o.pick(40_000, 200_000), production: true, linux: ", protocols: [relp]"}
	}
	return []Row{
		on("RELP, kill -9 under load", numbers, killRELP),
		on("RELP, SIGTERM under load", numbers, termRELP),
		on("RELP, gateway away", numbers, awayRELP),
	}
}

// relay is an rsyslog that takes lines over TCP and passes them on by RELP.
type relay struct {
	*sender
	rsyslog *child.Process
	ended   <-chan error // of what sends to it
}

// startRELP starts the gateway, rsyslog, and a sender of all messages to it.
func startRELP(ctx context.Context, r *rig) *relay {
	program := abort.Value(rsyslogd())
	ports := abort.Value(testkit.FreePorts(1))
	file := filepath.Join(r.dir, "rsyslog.conf")
	abort.Must(os.WriteFile(file, fmt.Appendf(nil, `module(load="imtcp")
module(load="omrelp")
main_queue(queue.type="linkedlist" queue.size="1000000")
input(type="imtcp" address="127.0.0.1" port="%d")
action(type="omrelp" target="127.0.0.1" port="%d" windowSize="%d" template="RSYSLOG_ForwardFormat" action.resumeRetryCount="-1" action.resumeInterval="1")
`, ports[0], r.port, relpWindow), 0o600))
	abort.Must(r.start(ctx))
	rsyslog := abort.Value(child.Start(child.Options{Dir: r.dir, Name: "rsyslog", Path: program,
		Args: []string{"-n", "-f", file, "-i", filepath.Join(r.dir, "rsyslog.pid")}}))
	s := &sender{address: local(ports[0]), rate: streamRate, limit: len(r.tally.seen), ports: make(numbers)}
	return &relay{s, rsyslog, s.begin(ctx)}
}

func rsyslogd() (string, error) {
	path, err := exec.LookPath("rsyslogd")
	if errors.Is(err, exec.ErrNotFound) { // not in the path of a plain user
		path, err = exec.LookPath("/usr/sbin/rsyslogd")
	}
	if err != nil {
		return "", fmt.Errorf("rsyslogd is not on this machine: install Debian's packages rsyslog and rsyslog-relp: %w", err)
	}
	modules, err := filepath.Glob("/usr/lib/*/rsyslog/omrelp.so")
	if err == nil && len(modules) == 0 {
		err = errors.New("rsyslog has no omrelp: install Debian's package rsyslog-relp")
	}
	return path, err
}

// awaitPart waits until part i of n of the messages have arrived.
func (y *relay) awaitPart(ctx context.Context, r *rig, i, n int) {
	want := int64(y.limit) * int64(i) / int64(n)
	abort.Must(r.until(ctx, rowLimit, "its part has arrived", func() bool { return r.tally.unique.Load() >= want }))
}

// settle waits for the rest, counts, and ends rsyslog.
func (y *relay) settle(ctx context.Context, r *rig) error {
	defer y.rsyslog.Kill()
	abort.Must(<-y.ended)
	err := r.settle(ctx, y.limit, 2*rowLimit)
	r.res.problemIf(r.res.Lost > 0, "%d messages are lost", r.res.Lost)
	return err
}

// killRELP kills the gateway again and again. What comes twice has two causes, and a limit
// for each: rsyslog sends again what was not answered, at most a window for each kill; and
// a start repeats what was delivered shortly before, at most a sync interval.
func killRELP(ctx context.Context, r *rig) error {
	kills := r.opts.pick(2, 10)
	y := startRELP(ctx, r)
	defer y.rsyslog.Kill()
	repeated := 0
	for i := range kills {
		y.awaitPart(ctx, r, i+1, kills+1)
		r.tally.killed()
		r.gw.Kill()
		for seq := range abort.Value(r.queued(ctx)) {
			if r.tally.has(seq) {
				repeated++
			}
		}
		abort.Must(r.start(ctx))
	}
	err := y.settle(ctx, r)
	again := r.res.Duplicated - int64(repeated)
	r.res.detail("%d kills; twice: %d that the queue still had when they were delivered, %d that rsyslog sent again", kills, repeated, again)
	r.res.problemIf(again > int64(kills*relpWindow), "%d came again from rsyslog, more than %d windows of %d", again, kills, relpWindow)
	r.noneLate()
	return err
}

// termRELP stops and starts the gateway in good order: nothing comes twice.
func termRELP(ctx context.Context, r *rig) error {
	stops := r.opts.pick(2, 4)
	y := startRELP(ctx, r)
	defer y.rsyslog.Kill()
	for i := range stops {
		y.awaitPart(ctx, r, i+1, stops+1)
		r.stop(time.Minute)
		abort.Must(r.start(ctx))
	}
	err := y.settle(ctx, r)
	r.res.detail("%d planned restarts", stops)
	r.strict()
	return err
}

// awayRELP leaves rsyslog without a gateway for a while.
func awayRELP(ctx context.Context, r *rig) error {
	y := startRELP(ctx, r)
	defer y.rsyslog.Kill()
	y.awaitPart(ctx, r, 1, 3)
	r.stop(time.Minute)
	away := time.Duration(r.opts.pick(3, 30)) * time.Second
	select {
	case <-time.After(away):
	case <-ctx.Done():
		return ctx.Err()
	}
	abort.Must(r.start(ctx))
	err := y.settle(ctx, r)
	r.res.detail("away for %v", away)
	r.strict()
	return err
}
