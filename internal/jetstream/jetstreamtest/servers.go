// Package jetstreamtest starts NATS servers with JetStream inside of a test.
package jetstreamtest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"syslog-gateway/internal/testkit"
)

// Servers are the servers of one cluster, on ports of the loopback interface.
type Servers struct {
	t       testing.TB
	running []*server.Server
	configs []string
	ports   []int
}

// Start starts n servers and waits until they have a leader. They end with the test. more are
// lines for the configuration of each server.
func Start(t testing.TB, n int, more ...string) *Servers {
	t.Helper()
	s := &Servers{t: t, running: make([]*server.Server, n)}
	dir := t.TempDir()
	ports := testkit.Try(testkit.FreePorts(2 * n))(t)
	var routes []string
	for i := range n {
		routes = append(routes, fmt.Sprintf("nats://127.0.0.1:%d", ports[n+i]))
	}
	for i := range n {
		cluster := ""
		if n > 1 {
			cluster = fmt.Sprintf("cluster { name: test, listen: \"127.0.0.1:%d\", routes: [%s] }\n", ports[n+i], strings.Join(routes, ", "))
		}
		file := filepath.Join(dir, fmt.Sprintf("node%d.conf", i))
		text := fmt.Sprintf("server_name: node%d\nlisten: \"127.0.0.1:%d\"\nmax_payload: 9MB\njetstream { store_dir: %q, max_file_store: 1GB, sync_interval: always }\n%s%s\n",
			i, ports[i], filepath.Join(dir, fmt.Sprintf("node%d", i)), cluster, strings.Join(more, "\n"))
		testkit.Must(t, os.WriteFile(file, []byte(text), 0o600))
		s.configs, s.ports = append(s.configs, file), append(s.ports, ports[i])
		s.Run(i)
	}
	t.Cleanup(func() {
		for i := range s.running {
			s.Kill(i)
		}
	})
	testkit.Eventually(t, "the servers have a leader", s.ready)
	return s
}

// URLs are the addresses for clients.
func (s *Servers) URLs() (urls []string) {
	for _, p := range s.ports {
		urls = append(urls, fmt.Sprintf("nats://127.0.0.1:%d", p))
	}
	return urls
}

// Run starts server i, again if it was killed.
func (s *Servers) Run(i int) {
	s.t.Helper()
	o := testkit.Try(server.ProcessConfigFile(s.configs[i]))(s.t)
	o.NoSigs, o.NoLog = true, true
	one := testkit.Try(server.NewServer(o))(s.t)
	one.Start()
	s.running[i] = one
}

// Kill ends server i at once.
func (s *Servers) Kill(i int) {
	if one := s.running[i]; one != nil {
		one.Shutdown()
		one.WaitForShutdown()
		s.running[i] = nil
	}
}

// Leader returns the server that leads a stream, or -1.
func (s *Servers) Leader(stream string) int {
	for i, one := range s.running {
		if one != nil && one.JetStreamIsStreamLeader(server.DEFAULT_GLOBAL_ACCOUNT, stream) {
			return i
		}
	}
	return -1
}

// ready reports whether the servers have a leader and all have joined it.
func (s *Servers) ready() bool {
	if len(s.running) == 1 {
		return s.running[0].JetStreamEnabled()
	}
	for _, one := range s.running {
		if one != nil && one.JetStreamIsLeader() {
			return len(one.JetStreamClusterPeers()) == len(s.running)
		}
	}
	return false
}
