package runner

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

// process is a child that is always stopped by its PID.
type process struct {
	name string
	cmd  *exec.Cmd
	log  string // path of what it wrote to stderr (and stdout, if that is not kept)
	out  bytes.Buffer
	done chan struct{} // closed when it has ended
	err  error         // valid after done
}

// start runs a program with its output in a log file of the folder; keep also keeps
// stdout in memory. The child has its own process group, so that Ctrl-C reaches it by
// way of stop only, and is killed by the kernel should this process die first.
func start(dir, name string, keep bool, env []string, path string, args ...string) (*process, error) {
	p := &process{name: name, log: filepath.Join(dir, name+".log"), done: make(chan struct{})}
	f, err := os.Create(p.log)
	if err != nil {
		return nil, fmt.Errorf("make the log of %s: %w", name, err)
	}
	defer f.Close() // the child has its own copy
	p.cmd = exec.Command(path, args...)
	p.cmd.Stdout, p.cmd.Stderr = f, f
	if keep {
		p.cmd.Stdout = &p.out
	}
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// ended reports whether the process has ended.
func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// stop sends SIGTERM, waits, and kills what does not listen. It returns the exit code,
// or -1 for a process that a signal ended. A process that has ended is left alone.
func (p *process) stop(patience time.Duration) int {
	if !p.ended() {
		// An error means that it ended just now; the wait below sees that.
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
		t := time.NewTimer(patience)
		defer t.Stop()
		select {
		case <-p.done:
		case <-t.C:
			_ = p.cmd.Process.Kill()
			<-p.done
		}
	}
	return p.cmd.ProcessState.ExitCode()
}

// cpu is what an ended process has used in all.
func (p *process) cpu() time.Duration {
	return p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime()
}

// failure says why a process ended, with the last lines of its log.
func (p *process) failure() error {
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
