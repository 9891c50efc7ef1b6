package faults

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"syslog-gateway/bench/child"
)

// start runs the gateway, by way of a wrapper when there is one, and waits until it
// answers /readyz with 200. The wrapper must end in exec, so that its process is the
// gateway's.
func (r *rig) start(ctx context.Context, wrapper ...string) error {
	if err := r.launch(wrapper...); err != nil {
		return err
	}
	return r.untilReady(ctx, 30*time.Second, "the gateway is ready")
}

func (r *rig) launch(wrapper ...string) error {
	r.lives++
	r.tally.started()
	program, err := filepath.Abs(r.opts.Gateway) // a wrapper may go to another folder
	if err != nil {
		return fmt.Errorf("find the gateway's program: %w", err)
	}
	argv := append(slices.Clone(wrapper), program, "run", "-c", r.file())
	r.gw, err = child.Start(child.Options{Dir: r.dir, Name: fmt.Sprintf("gateway-%d", r.lives),
		Env: []string{"SPLUNK_HEC_TOKEN=" + token}, Path: argv[0], Args: argv[1:]})
	return err
}

// startAndSend starts the gateway and sends it n messages.
func (r *rig) startAndSend(ctx context.Context, n int) error {
	if err := r.start(ctx); err != nil {
		return err
	}
	return r.sendAll(ctx, n, false)
}

// stop ends the gateway with SIGTERM, which it must obey in order.
func (r *rig) stop(limit time.Duration) {
	if code := r.gw.Stop(limit); code != 0 {
		r.res.problem("exit code %d", code)
	}
}

// queued returns the numbers of all messages in the queue of a gateway that has ended.
func (r *rig) queued(ctx context.Context) (numbers, error) {
	cmd := exec.CommandContext(ctx, r.opts.Gateway, "queue", "export", "--path", r.queuePath())
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("gateway queue export: %w: %s", err, errs.String())
	}
	n := make(numbers)
	n.add(out.Bytes())
	return n, nil
}

// tool finds a program; that it is missing is an error that names its package.
func tool(name, pkg string) (string, error) {
	path, err := exec.LookPath(name)
	if errors.Is(err, exec.ErrNotFound) {
		return "", fmt.Errorf("%s is not on this machine: install Debian's package %s", name, pkg)
	}
	return path, err
}
