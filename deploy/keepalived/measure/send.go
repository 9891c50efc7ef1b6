package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// newSend is the verb that the sender's namespace runs: numbered datagrams at an even
// rate until stdin ends, then how many on stdout.
func newSend() *cobra.Command {
	var to string
	var rate int
	cmd := &cobra.Command{Use: "send", Hidden: true, Args: cobra.NoArgs}
	cmd.Flags().StringVar(&to, "to", "", "address and port")
	cmd.Flags().IntVar(&rate, "rate", 1000, "datagrams a second")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		over := make(chan struct{})
		go func() { // ends with the process at the latest
			defer close(over)
			_, _ = io.Copy(io.Discard, cmd.InOrStdin())
		}()
		sent, err := send(cmd.Context(), to, rate, over)
		fmt.Fprintln(cmd.OutOrStdout(), sent)
		return err
	}
	return cmd
}

func send(ctx context.Context, to string, rate int, over <-chan struct{}) (sent int, err error) {
	conn, err := new(net.Dialer).DialContext(ctx, "udp", to)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for start := time.Now(); ; {
		select {
		case <-over:
			return sent, nil
		case now := <-tick.C:
			for due := int(now.Sub(start).Seconds() * float64(rate)); sent < due; sent++ {
				// Where nobody has the address the kernel says so: the datagram is lost all the same.
				_, _ = fmt.Fprintf(conn, "<13>1 %s sender failover - - - failover-%d-", now.UTC().Format(time.RFC3339Nano), sent)
			}
		}
	}
}

// sender is the verb at work.
type sender struct {
	cmd *exec.Cmd
	in  io.Closer
	out bytes.Buffer
}

func (b *rig) startSender(ctx context.Context) (*sender, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	s := &sender{cmd: b.in(ctx, "sender", self, "send", "--to", net.JoinHostPort(virtual, port), "--rate", strconv.Itoa(b.Rate))}
	s.cmd.Stdout, s.cmd.Stderr = &s.out, os.Stderr
	if s.in, err = s.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	return s, s.cmd.Start()
}

// finish ends the sending and returns how many datagrams that were.
func (s *sender) finish() (int, error) {
	if err := s.in.Close(); err != nil {
		return 0, err
	}
	if err := s.cmd.Wait(); err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(s.out.String()))
}
