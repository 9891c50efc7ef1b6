package faults

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
)

// tracer is the process that traces the gateway; 0: none.
func (r *rig) tracer() int {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", r.gw.PID()))
	if err != nil {
		return 0
	}
	_, rest, _ := bytes.Cut(status, []byte("TracerPid:\t"))
	line, _, _ := bytes.Cut(rest, []byte("\n"))
	pid, _ := strconv.Atoi(string(line)) // 0 where there is none
	return pid
}

func (r *rig) traced() bool { return r.tracer() != 0 }

// untrace ends the tracer that launch has started with the gateway.
func (r *rig) untrace() {
	if pid := r.tracer(); pid != 0 {
		_ = syscall.Kill(pid, syscall.SIGTERM) // it detaches
	}
}

// inject begins to let the calls fail, on these files or on all; stop ends it.
func (r *rig) inject(ctx context.Context, strace, calls, errno string, files ...string) (stop func(), err error) {
	args := []string{"-f", "-qq", "-o", filepath.Join(r.dir, "strace.log"), "-p", strconv.Itoa(r.gw.PID()),
		"-e", "trace=" + calls, "-e", "inject=" + calls + ":error=" + errno}
	for _, f := range files {
		args = append(args, "-P", f)
	}
	cmd := exec.CommandContext(ctx, strace, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start strace: %w", err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = cmd.Wait() // it ends by the signal
	}()
	return func() {
		_ = cmd.Process.Signal(syscall.SIGINT) // it detaches
		<-done
	}, nil
}
