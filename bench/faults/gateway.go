package faults

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// gateway is one life of the program.
type gateway struct {
	cmd  *exec.Cmd
	log  string
	done chan struct{}
	err  error // valid after done
}

// start runs the gateway, by way of a wrapper when there is one, and waits until it
// answers /readyz with 200. The wrapper must end in exec, so that its process is the
// gateway's.
func (b *bed) start(ctx context.Context, wrapper ...string) error {
	if err := b.launch(wrapper...); err != nil {
		return err
	}
	return b.until(ctx, 30*time.Second, "the gateway is ready", func() bool {
		ok, _ := b.ready(ctx)
		return ok
	})
}

func (b *bed) launch(wrapper ...string) error {
	b.lives++
	b.tally.started()
	program, err := filepath.Abs(b.opts.Gateway) // a wrapper may go to another folder
	if err != nil {
		return fmt.Errorf("find the gateway's program: %w", err)
	}
	argv := append(slices.Clone(wrapper), program, "run", "-c", b.file())
	g := &gateway{log: filepath.Join(b.dir, fmt.Sprintf("gateway-%d.log", b.lives)), done: make(chan struct{})}
	f, err := os.Create(g.log)
	if err != nil {
		return fmt.Errorf("make the gateway's log: %w", err)
	}
	defer f.Close() // the child has its own copy
	g.cmd = exec.Command(argv[0], argv[1:]...)
	g.cmd.Stdout, g.cmd.Stderr = f, f
	g.cmd.Env = append(os.Environ(), "SPLUNK_HEC_TOKEN="+token)
	g.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := g.cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", argv[0], err)
	}
	go func() {
		g.err = g.cmd.Wait()
		close(g.done)
	}()
	b.gw = g
	return nil
}

// kill is kill -9.
func (g *gateway) kill() {
	_ = g.cmd.Process.Kill() // an error means that it has ended
	<-g.done
}

// freeze stops the process where it is; the next kill ends it there.
func (g *gateway) freeze() error { return g.cmd.Process.Signal(syscall.SIGSTOP) }

// stop sends SIGTERM and returns the exit code, -1 when it had to be killed.
func (g *gateway) stop(patience time.Duration) int {
	_ = g.cmd.Process.Signal(syscall.SIGTERM)
	t := time.NewTimer(patience)
	defer t.Stop()
	select {
	case <-g.done:
	case <-t.C:
		g.kill()
	}
	return g.cmd.ProcessState.ExitCode()
}

// tail is the end of its log.
func (g *gateway) tail() string {
	data, _ := os.ReadFile(g.log)
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	return strings.Join(lines[max(0, len(lines)-5):], " | ")
}

// logged is how often its log holds the text.
func (g *gateway) logged(text string) int {
	data, _ := os.ReadFile(g.log)
	return bytes.Count(data, []byte(text))
}

// queued returns the numbers of all messages in the queue of a gateway that has ended.
func (b *bed) queued(ctx context.Context) (numbers, error) {
	cmd := exec.CommandContext(ctx, b.opts.Gateway, "queue", "export", "--path", b.queuePath())
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
