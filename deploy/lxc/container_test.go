//go:build lxc

package lxc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"syslog-gateway/internal/testkit"
)

const (
	outside = "10.77.3.1" // the host end of the bridge
	inside  = "10.77.3.2" // the container
)

// container is a Debian with systemd as its first process.
type container struct {
	t          *testing.T
	dir, name  string
	address    string
	netns      string
	transcript *os.File
	runner     *exec.Cmd
	log        bytes.Buffer
	ended      chan struct{}
}

// newContainer lays out a root file system, from a cache, and a network of its own.
func newContainer(t *testing.T) *container {
	t.Helper()
	if os.Getuid() != 0 {
		t.Fatal("a container needs root")
	}
	c := &container{t: t, name: "gateway", address: inside, netns: fmt.Sprintf("gwtest%d", os.Getpid())}
	var err error
	if c.transcript, err = os.Create("transcript.txt"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.transcript.Close() })
	if c.dir, err = os.MkdirTemp("/var/tmp", "gateway-lxc-"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		testkit.Equal(t, "error", os.RemoveAll(c.dir), nil)
	})
	c.must(os.Chmod(c.dir, 0o755)) // for the container's root, who is nobody here
	c.network()
	c.layOut(rootfs(t))
	return c
}

// beside is one more container in the same network, with Python.
func (c *container) beside(name, address string) *container {
	c.t.Helper()
	more := &container{t: c.t, dir: c.dir, name: name, address: address, netns: c.netns, transcript: c.transcript}
	more.layOut(pythonRootfs(c.t))
	return more
}

// layOut makes what the container starts from: a file system and a configuration.
func (c *container) layOut(tar string) {
	c.t.Helper()
	root := filepath.Join(c.dir, c.name, "rootfs")
	c.must(os.MkdirAll(root, 0o755))
	c.host("tar", "-xpf", tar, "-C", root)
	c.must(os.WriteFile(filepath.Join(root, "etc/hostname"), []byte(c.name+"\n"), 0o644))
	c.must(os.WriteFile(filepath.Join(c.dir, c.name, "config"), []byte(c.config(root)), 0o644))
}

func (c *container) config(root string) string {
	return fmt.Sprintf(`lxc.uts.name = %s
lxc.rootfs.path = dir:%s
lxc.rootfs.options = idmap=container
lxc.idmap = u 0 100000 65536
lxc.idmap = g 0 100000 65536
lxc.mount.auto = proc:mixed sys:mixed cgroup:mixed
lxc.apparmor.profile = unconfined
lxc.net.0.type = veth
lxc.net.0.link = br0
lxc.net.0.flags = up
lxc.net.0.ipv4.address = %s/24
lxc.net.0.ipv4.gateway = %s
lxc.pty.max = 1024
lxc.tty.max = 1
lxc.signal.halt = SIGRTMIN+4
`, c.name, root, c.address, outside)
}

// rootfs is a Debian as a tar file, made once: LXC_SUITE names another release.
func rootfs(t *testing.T) string {
	t.Helper()
	suite := os.Getenv("LXC_SUITE")
	if suite == "" {
		suite = "bookworm"
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = "/var/cache"
	}
	path := filepath.Join(cache, "syslog-gateway", suite+".tar")
	if _, err := os.Stat(path); err == nil {
		return path
	}
	testkit.Must(t, os.MkdirAll(filepath.Dir(path), 0o755))
	half := path + ".part.tar"
	out, err := exec.Command("mmdebstrap", "--mode=root", "--variant=minbase",
		"--include=systemd,systemd-sysv,dbus,iproute2,procps,kmod,nftables,ca-certificates", suite, half).CombinedOutput()
	if err == nil {
		err = os.Rename(half, path)
	}
	if err != nil {
		t.Fatalf("mmdebstrap: %v\n%s", err, out)
	}
	return path
}

// network makes a network namespace with a bridge.
func (c *container) network() {
	c.host("ip", "netns", "add", c.netns)
	c.t.Cleanup(func() { c.host("ip", "netns", "del", c.netns) })
	for _, args := range []string{
		"link set lo up", "link add br0 type bridge", "addr add " + outside + "/24 dev br0", "link set br0 up",
	} {
		c.host("ip", append([]string{"-n", c.netns}, strings.Fields(args)...)...)
	}
}

// start boots the container and waits until systemd has come to rest.
func (c *container) start() {
	c.t.Helper()
	c.t.Cleanup(func() { c.halt() })
	c.boot()
}

func (c *container) boot() {
	c.t.Helper()
	c.ended = make(chan struct{})
	c.runner = exec.Command("unshare", "-m", "./run-container", c.netns, c.dir, c.name)
	c.runner.Stdout, c.runner.Stderr = &c.log, &c.log
	c.must(c.runner.Start())
	go func() {
		defer close(c.ended)
		_ = c.runner.Wait()
	}()
	c.waitBooted()
}

func (c *container) waitBooted() {
	c.t.Helper()
	c.eventually("the container has booted", 90*time.Second, func() bool {
		select {
		case <-c.ended:
			c.t.Fatalf("the container ended:\n%s", c.log.String())
		default:
		}
		out, _ := c.attach("systemctl is-system-running").CombinedOutput()
		state := strings.TrimSpace(string(out))
		return state == "running" || state == "degraded" // a container may not mount everything
	})
}

// halt switches the container off.
func (c *container) halt() {
	if c.ended == nil {
		return
	}
	select {
	case <-c.ended:
		return
	default:
	}
	_ = c.attach("systemctl poweroff").Run()
	select {
	case <-c.ended:
	case <-time.After(60 * time.Second):
		_ = exec.Command("nsenter", "--net=/run/netns/"+c.netns, "lxc-stop", "-k", "-P", c.dir, "-n", c.name).Run()
		<-c.ended
	}
}

// attach is a shell command inside.
func (c *container) attach(command string) *exec.Cmd {
	return exec.Command("nsenter", "--net=/run/netns/"+c.netns,
		"lxc-attach", "-P", c.dir, "-n", c.name, "--clear-env", "--", "/bin/sh", "-c", "export PATH=/usr/sbin:/usr/bin:/sbin:/bin; "+command)
}

// try runs a command inside and writes it into the transcript.
func (c *container) try(command string) (string, error) {
	out, err := c.attach(command).CombinedOutput()
	text := strings.TrimSpace(string(out))
	fmt.Fprintf(c.transcript, "root@%s# %s\n%s\n", c.name, command, text)
	if err != nil {
		fmt.Fprintf(c.transcript, "[%v]\n", err)
	}
	fmt.Fprintln(c.transcript)
	return text, err
}

// run is try for what must succeed.
func (c *container) run(command string) string {
	c.t.Helper()
	out, err := c.try(command)
	if err != nil {
		c.t.Fatalf("%s: %v\n%s", command, err, out)
	}
	return out
}

// write puts a file into the container.
func (c *container) write(path, content string, mode os.FileMode) {
	c.t.Helper()
	c.feed(fmt.Sprintf("cat > %s && chmod %o %s", path, mode, path), []byte(content))
}

// host runs a command out here.
func (c *container) host(name string, args ...string) string {
	c.t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		c.t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// send runs a command in the container's network, outside of the container.
func (c *container) send(args ...string) {
	c.t.Helper()
	fmt.Fprintf(c.transcript, "outside$ %s\n\n", strings.Join(args, " "))
	c.host("nsenter", append([]string{"--net=/run/netns/" + c.netns}, args...)...)
}

func (c *container) note(format string, args ...any) {
	c.t.Helper()
	text := fmt.Sprintf(format, args...)
	c.t.Log(text)
	fmt.Fprintf(c.transcript, "## %s\n\n", text)
}

func (c *container) must(err error) {
	c.t.Helper()
	testkit.Must(c.t, err)
}

func (c *container) eventually(what string, limit time.Duration, done func() bool) {
	c.t.Helper()
	if !testkit.Within(limit, done) {
		status, _ := c.try("systemctl status syslog-gateway --no-pager -n 30")
		c.t.Fatalf("after %s it is still not so that %s\n%s", limit, what, status)
	}
}

// enter does something with sockets in the container's network: a socket stays in
// the network namespace that it was made in.
func (c *container) enter(do func() error) error {
	done := make(chan error)
	go func() { // on a thread of its own, which ends with the goroutine
		runtime.LockOSThread()
		f, err := os.Open("/run/netns/" + c.netns)
		if err == nil {
			err = unix.Setns(int(f.Fd()), unix.CLONE_NEWNET)
			f.Close()
		}
		if err == nil {
			err = do()
		}
		done <- err
	}()
	return <-done
}

func (c *container) dial(network string, port int) (conn net.Conn, err error) {
	err = c.enter(func() error {
		conn, err = net.DialTimeout(network, fmt.Sprintf("%s:%d", c.address, port), 3*time.Second)
		return err
	})
	return conn, err
}

// get asks the statistics page.
func (c *container) get(path string) (string, int) {
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(context.Context, string, string) (net.Conn, error) { return c.dial("tcp", 8404) },
	}}
	r, err := client.Get("http://" + c.address + ":8404" + path)
	if err != nil {
		return err.Error(), 0
	}
	defer r.Body.Close()
	body, _ := io.ReadAll(r.Body)
	return string(body), r.StatusCode
}

// forward passes connections to outside:port on to an address of the test's own
// network.
func (c *container) forward(port int, to string) {
	c.t.Helper()
	var l net.Listener
	c.must(c.enter(func() (err error) {
		l, err = net.Listen("tcp", fmt.Sprintf("%s:%d", outside, port))
		return err
	}))
	var conns sync.WaitGroup
	conns.Go(func() {
		for {
			in, err := l.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			out, err := net.Dial("tcp", to)
			if err != nil {
				in.Close()
				continue
			}
			conns.Go(func() { _, _ = io.Copy(out, in); out.Close(); in.Close() })
			conns.Go(func() { _, _ = io.Copy(in, out); out.Close(); in.Close() })
		}
	})
	c.t.Cleanup(func() { l.Close() })
}

// rmem gives the sockets the receive buffers that deploy/sysctl.d asks for, as the
// owner of a Proxmox node would, and takes them back at the end.
func (c *container) rmem(want string) {
	const key = "/proc/sys/net/core/rmem_max"
	before, err := os.ReadFile(key)
	c.must(err)
	c.must(os.WriteFile(key, []byte(want), 0o644))
	c.t.Cleanup(func() { c.must(os.WriteFile(key, before, 0o644)) })
}

// mainPID is the gateway's process as the container counts.
func (c *container) mainPID() string {
	out, _ := c.attach("systemctl show -P MainPID syslog-gateway").Output()
	return strings.TrimSpace(string(out))
}

func (c *container) active() string {
	out, _ := c.attach("systemctl is-active syslog-gateway").Output()
	return strings.TrimSpace(string(out))
}
