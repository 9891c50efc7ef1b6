package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"syslog-gateway/internal/testkit/abort"
)

// The addresses of keepalived.conf, and the sender's.
const (
	virtual = "192.0.2.10"
	port    = "1517"
	network = "/24"
)

var addresses = []string{"192.0.2.11", "192.0.2.12"}

const senderAddress = "192.0.2.99"

// host is a namespace with a gateway and keepalived.
type host struct {
	name, address string
	dir           string
	gateway       *process
	keepalived    *process
	seen          numbers
}

// rig is two hosts and a sender on a bridge.
type rig struct {
	options
	dir   string
	hosts []*host
}

func newRig(o options) (*rig, error) {
	dir, err := os.MkdirTemp("", "failover-")
	if err != nil {
		return nil, err
	}
	b := &rig{options: o, dir: dir}
	for i, address := range addresses {
		name := "gw" + strconv.Itoa(i+1)
		b.hosts = append(b.hosts, &host{name: name, address: address, dir: filepath.Join(dir, name)})
	}
	return b, nil
}

// start brings up the network, the gateways, and keepalived: the first one first, so
// that it gets the address.
func (b *rig) start(ctx context.Context) (err error) {
	defer abort.Catch(&err)
	// Own names of namespaces, and of keepalived's files.
	if err := syscall.Mount("tmpfs", "/run", "tmpfs", 0, "size=16m"); err != nil {
		return fmt.Errorf("mount /run: %w (root is needed)", err)
	}
	abort.Must(b.ip(ctx, "link", "add", "br0", "type", "bridge"))
	abort.Must(b.ip(ctx, "link", "set", "br0", "up"))
	abort.Must(b.namespace(ctx, "sender", senderAddress))
	for i, h := range b.hosts {
		abort.Must(b.namespace(ctx, h.name, h.address))
		abort.Must(os.MkdirAll(h.dir, 0o755))
		abort.Must(b.startGateway(ctx, h))
		abort.Must(b.startKeepalived(ctx, i))
		if i == 0 {
			has := func() bool {
				out, err := b.in(ctx, h.name, "ip", "-4", "addr", "show", "dev", "eth0").Output()
				return err == nil && bytes.Contains(out, []byte(virtual+"/"))
			}
			abort.Must(b.wait(ctx, b.Limit, "keepalived to take "+virtual, has))
		}
	}
	return nil
}

// namespace makes a host on the bridge.
func (b *rig) namespace(ctx context.Context, name, address string) error {
	for _, args := range [][]string{
		{"netns", "add", name},
		{"link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name},
		{"link", "set", name, "master", "br0", "up"},
		{"-n", name, "link", "set", "lo", "up"},
		{"-n", name, "addr", "add", address + network, "dev", "eth0"},
		{"-n", name, "link", "set", "eth0", "up"},
	} {
		if err := b.ip(ctx, args...); err != nil {
			return err
		}
	}
	return nil
}

func (b *rig) ip(ctx context.Context, args ...string) error {
	if out, err := exec.CommandContext(ctx, "ip", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, bytes.TrimSpace(out))
	}
	return nil
}

// in makes a command that runs on a host.
func (b *rig) in(ctx context.Context, name string, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, "ip", append([]string{"netns", "exec", name}, args...)...)
}

// startGateway starts one with a Splunk of its own, which prints what it gets.
func (b *rig) startGateway(ctx context.Context, h *host) error {
	file := filepath.Join(h.dir, "gateway.yaml")
	if err := os.WriteFile(file, []byte("sources: {linux: {port: "+port+", vendor: linux, protocols: [udp]}}\n"), 0o644); err != nil {
		return err
	}
	cmd := b.in(ctx, h.name, b.Gateway, "run", "--dev", "-c", file)
	cmd.Dir = h.dir
	var err error
	if h.gateway, err = launch(cmd, h.seen.read); err != nil {
		return err
	}
	return b.wait(ctx, b.Limit, h.name+" to be ready", func() bool {
		return b.in(ctx, h.name, "curl", "-fsS", "-m", "1", "-o", "/dev/null", "http://127.0.0.1:8404/readyz").Run() == nil
	})
}

// startKeepalived starts it with the configuration as it is, on the second host with
// the addresses exchanged.
func (b *rig) startKeepalived(ctx context.Context, i int) error {
	text, err := os.ReadFile(b.Config)
	if err != nil {
		return err
	}
	if i == 1 {
		text = []byte(strings.NewReplacer(addresses[0], addresses[1], addresses[1], addresses[0]).Replace(string(text)))
	}
	h := b.hosts[i]
	file := filepath.Join(h.dir, "keepalived.conf")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return err
	}
	cmd := b.in(ctx, h.name, "keepalived", "--dont-fork", "--log-console", "--vrrp", "--use-file", file,
		"--pid", filepath.Join(h.dir, "pid"), "--vrrp_pid", filepath.Join(h.dir, "vrrp.pid"))
	h.keepalived, err = launch(cmd, nil)
	return err
}

// settle waits until no gateway delivers any more.
func (b *rig) settle(ctx context.Context) error {
	before, since := -1, time.Now()
	return b.wait(ctx, b.Limit, "the last deliveries", func() bool {
		if now := b.hosts[0].seen.len() + b.hosts[1].seen.len(); now != before {
			before, since = now, time.Now()
		}
		return time.Since(since) > 2*time.Second
	})
}

// wait polls until something is so.
func (b *rig) wait(ctx context.Context, limit time.Duration, what string, so func() bool) error {
	ctx, stop := context.WithTimeout(ctx, limit)
	defer stop()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for !so() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("waited %s for %s%s", limit, what, b.complaints())
		case <-again.C:
		}
	}
	return nil
}

// complaints are the last words of all programs.
func (b *rig) complaints() string {
	var all strings.Builder
	for _, h := range b.hosts {
		for _, p := range []*process{h.gateway, h.keepalived} {
			if p != nil {
				fmt.Fprintf(&all, "\n--- %s: %s\n%s", h.name, p.cmd.Args[4], p.log.last())
			}
		}
	}
	return all.String()
}

// end stops everything and takes the network apart.
func (b *rig) end(ctx context.Context) error {
	var errs []error
	for _, h := range b.hosts {
		for _, p := range []*process{h.keepalived, h.gateway} {
			if p != nil {
				errs = append(errs, p.stop(syscall.SIGTERM))
			}
		}
	}
	clean := context.WithoutCancel(ctx)
	for _, name := range []string{"sender", b.hosts[0].name, b.hosts[1].name} {
		_ = exec.CommandContext(clean, "ip", "netns", "del", name).Run() // the last process takes the rest along
	}
	_ = exec.CommandContext(clean, "ip", "link", "del", "br0").Run()
	_ = syscall.Unmount("/run", syscall.MNT_DETACH)
	return errors.Join(append(errs, os.RemoveAll(b.dir))...)
}

// process is a program that runs until it is stopped.
type process struct {
	cmd  *exec.Cmd
	log  tail
	done chan struct{}
	once sync.Once
}

// launch starts a program; read gets what it prints.
func launch(cmd *exec.Cmd, read func(io.Reader)) (*process, error) {
	p := &process{cmd: cmd, done: make(chan struct{})}
	cmd.Stderr = &p.log
	var out io.Reader
	if read == nil {
		cmd.Stdout = &p.log
	} else {
		pipe, err := cmd.StdoutPipe()
		if err != nil {
			return nil, err
		}
		out = pipe
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(p.done)
		if read != nil {
			read(out)
		}
		_ = cmd.Wait() // it ends by our signal
	}()
	return p, nil
}

// stop sends a signal and waits for the end; a second call does nothing.
func (p *process) stop(sig syscall.Signal) error {
	p.once.Do(func() { _ = p.cmd.Process.Signal(sig) })
	select {
	case <-p.done:
		return nil
	case <-time.After(10 * time.Second):
		return errors.Join(fmt.Errorf("%s does not end", p.cmd.Args[4]), p.cmd.Process.Kill())
	}
}

// tail keeps the end of a log.
type tail struct {
	mu   sync.Mutex
	text []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	if over := len(t.text) - 2000; over > 0 {
		t.text = t.text[over:]
	}
	return len(p), nil
}

func (t *tail) last() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.text)
}

// numbers are those that a gateway has delivered.
type numbers struct {
	mu  sync.Mutex
	all map[int]int
}

var numbered = regexp.MustCompile(`failover-([0-9]+)-`)

func (s *numbers) read(r io.Reader) {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		m := numbered.FindSubmatch(lines.Bytes())
		if m == nil {
			continue
		}
		n, err := strconv.Atoi(string(m[1]))
		if err != nil {
			continue
		}
		s.mu.Lock()
		if s.all == nil {
			s.all = make(map[int]int)
		}
		s.all[n]++
		s.mu.Unlock()
	}
}

func (s *numbers) len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.all)
}

func (s *numbers) times(n int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all[n]
}
