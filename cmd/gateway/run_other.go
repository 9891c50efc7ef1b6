//go:build !linux

package main

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"
)

// run refuses: sockets that outlive the process, and the queue's guarantees, are those of
// Linux.
func (o *runOptions) run(*cobra.Command) error {
	return fmt.Errorf("gateway run needs Linux, and this is %s: here the verbs check, config and parse work", runtime.GOOS)
}
