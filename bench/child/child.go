// Package child runs the programs that are measured and attacked: each with a log file
// of its own, stopped by its PID, and killed by the kernel should this process die first.
package child

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Process is one life of a program.
type Process struct {
	name string
	cmd  *exec.Cmd
	log  string
	out  bytes.Buffer
	done chan struct{}
	err  error // valid after done
}

// Options say what is run.
type Options struct {
	Dir  string // where the log lies, as Name.log: standard error, and standard output unless Keep
	Name string
	Keep bool     // keep standard output in memory, see Output
	Env  []string // added to that of this process
	Path string
	Args []string
}

// Start runs a program in a process group of its own, so that Ctrl-C reaches it by way
// of Stop only.
func Start(o Options) (*Process, error) {
	p := &Process{name: o.Name, log: filepath.Join(o.Dir, o.Name+".log"), done: make(chan struct{})}
	f, err := os.Create(p.log)
	if err != nil {
		return nil, fmt.Errorf("make the log of %s: %w", o.Name, err)
	}
	defer f.Close()                         // the child has its own copy
	p.cmd = exec.Command(o.Path, o.Args...) //nolint:noctx // it ends by Stop or Kill
	p.cmd.Stdout, p.cmd.Stderr = f, f
	if o.Keep {
		p.cmd.Stdout = &p.out
	}
	p.cmd.Env = append(os.Environ(), o.Env...)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", o.Name, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// String is the name of the options.
func (p *Process) String() string { return p.name }

// PID is the process's number.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Ended reports whether the process has ended.
func (p *Process) Ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// Err says how an ended process ended; nil is exit code 0.
func (p *Process) Err() error { return p.err }

// Stop sends SIGTERM, waits, and kills what does not listen. It returns the exit code,
// or -1 for a process that a signal ended. A process that has ended gets no signal.
func (p *Process) Stop(patience time.Duration) int {
	if !p.Ended() {
		// An error means that it ended just now; the wait below sees that.
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
		t := time.NewTimer(patience)
		defer t.Stop()
		select {
		case <-p.done:
		case <-t.C:
			p.Kill()
		}
	}
	return p.cmd.ProcessState.ExitCode()
}

// Kill is kill -9. It returns when the process has ended.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill() // an error means that it has ended
	<-p.done
}

// Freeze stops the process where it is; Kill ends it there.
func (p *Process) Freeze() error { return p.cmd.Process.Signal(syscall.SIGSTOP) }

// Signal sends a signal.
func (p *Process) Signal(sig syscall.Signal) error { return p.cmd.Process.Signal(sig) }

// CPU is what an ended process has used in all.
func (p *Process) CPU() time.Duration {
	return p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime()
}

// Output is the standard output of an ended process that was started with Keep.
func (p *Process) Output() []byte { return p.out.Bytes() }

// Logged is how often the log holds a text.
func (p *Process) Logged(text string) int {
	data, _ := os.ReadFile(p.log) // no log holds nothing
	return bytes.Count(data, []byte(text))
}

// Failure says why a process ended, with the last lines of its log.
func (p *Process) Failure() error {
	err := p.err
	if err == nil {
		err = errors.New("it ended with exit code 0")
	}
	const last = 5
	data, readErr := os.ReadFile(p.log)
	if readErr != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	text := strings.TrimSpace(string(data))
	if text == "" {
		return fmt.Errorf("%s: %w; it logged nothing", p.name, err)
	}
	lines := strings.Split(text, "\n")
	lines = lines[max(0, len(lines)-last):]
	return fmt.Errorf("%s: %w; its last lines:\n\t%s", p.name, err, strings.Join(lines, "\n\t"))
}
