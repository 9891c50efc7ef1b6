// Package cluster makes the files of the three servers of a cluster, for those who measure
// and attack it.
package cluster

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
)

// Names are the addresses of three servers on loopback. second is the second byte, which tells
// whose they are; the third is random, so that two of the same kind hardly meet.
func Names(second int) []string {
	net := rand.IntN(250) + 1
	var names []string
	for i := range 3 {
		names = append(names, fmt.Sprintf("127.%d.%d.%d", second, net, i+1))
	}
	return names
}

// Init makes the files below dir with `syslog-gateway-queue init`, program. Each server may
// store so much, such as 300MB, in the folder store beside its configuration.
func Init(ctx context.Context, program, dir, maxFileStore string, nodes, gateways []string) error {
	args := []string{"init", dir, "--max-file-store", maxFileStore, "--store-dir", "store"}
	for _, name := range nodes {
		args = append(args, "--node", name)
	}
	for _, name := range gateways {
		args = append(args, "--gateway", name)
	}
	if out, err := exec.CommandContext(ctx, program, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("make the files of the cluster with %s: %w: %s", program, err, out)
	}
	return nil
}

// Folder is where the files of a server are.
func Folder(dir, name string) string { return filepath.Join(dir, "node-"+name) }
