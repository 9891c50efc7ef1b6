package runner

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"syslog-gateway/bench/child"
	"syslog-gateway/bench/cluster"
)

// nodes are the three servers of a cluster, on loopback addresses of their own.
type nodes struct {
	dir   string // that of `syslog-gateway-queue init`
	names []string
	procs []*child.Process
}

// startNodes makes the files of a cluster below the run's folder, and starts its servers.
func (r *rig) startNodes(ctx context.Context) error {
	n := &nodes{dir: filepath.Join(r.site.dir, "cluster"), names: cluster.Names(73)}
	program, err := filepath.Abs(r.o.Queue)
	if err != nil {
		return fmt.Errorf("find the program of the nodes: %w", err)
	}
	if err := cluster.Init(ctx, program, n.dir, "20GB", n.names, []string{"bench"}); err != nil {
		return err
	}
	r.site.nodes = n
	for _, name := range n.names {
		dir := cluster.Folder(n.dir, name)
		p, err := child.Start(child.Options{Dir: dir, Name: "node", Path: program, Args: []string{"-c", filepath.Join(dir, "queue.conf")}})
		if err != nil {
			return err
		}
		n.procs = append(n.procs, p)
	}
	for i, name := range n.names {
		if err := r.await(ctx, n.procs[i], func(ctx context.Context) error { return r.web.up(ctx, "http://"+name+":8222/healthz") }); err != nil {
			return err
		}
	}
	return nil
}

// config is the part of the gateway's queue section that names the cluster.
func (n *nodes) config() string {
	files := filepath.Join(n.dir, "gateway-bench")
	return fmt.Sprintf(", kind: jetstream, jetstream: {servers: [%s], gateway_id: bench, max_size: 4GB, tls: {ca_file: %[2]q, cert_file: %[3]q, key_file: %[4]q}}",
		"tls://"+strings.Join(n.names, ":4222, tls://")+":4222",
		filepath.Join(files, "ca.pem"), filepath.Join(files, "client.pem"), filepath.Join(files, "client.key"))
}

// cpu is what the servers have used so far.
func (n *nodes) cpu() (sum time.Duration, err error) {
	if n == nil {
		return 0, nil
	}
	for _, p := range n.procs {
		u, err := readUsage(p.PID())
		if err != nil {
			return 0, err
		}
		sum += u.cpu
	}
	return sum, nil
}

func (n *nodes) stop() {
	if n == nil {
		return
	}
	for _, p := range n.procs {
		p.Kill()
	}
}

// streamsUp waits until the gateway says that it can use its streams.
func (r *rig) streamsUp(ctx context.Context) error {
	return r.await(ctx, r.subject, func(ctx context.Context) error {
		m, err := r.web.metrics(ctx, r.site.statsURL())
		if err == nil && m["gateway_stream_up"] < 1 {
			err = errors.New("no stream is up")
		}
		return err
	})
}
