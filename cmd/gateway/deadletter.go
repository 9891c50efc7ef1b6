package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"syslog-gateway/internal/certificate"
	"syslog-gateway/internal/config"
	"syslog-gateway/internal/deadletter"
	"syslog-gateway/internal/hec"
	"syslog-gateway/internal/owner"
	"syslog-gateway/internal/wiring"
)

func newDeadLetter() *cobra.Command {
	cmd := &cobra.Command{Use: "deadletter", Short: "List, show and resend the events that Splunk refused"}
	var l letterList
	list := configVerb("list", "List the newest, one per line, or in groups", cobra.NoArgs, l.list)
	list.Long = `Lists the newest dead letters, the newest last: ID, time, reason, source, events, and what
Splunk said. With --group it lists one line for each reason, source and answer of Splunk,
with an ID as an example for "gateway deadletter show".`
	list.Example = `  gateway deadletter list --group
  gateway deadletter list --reason incorrect_index --since 24h`
	list.Flags().IntVar(&l.limit, "limit", 1000, "list so many at most, the newest; 0: all")
	list.Flags().BoolVar(&l.group, "group", false, "one line for all that have reason, source and answer in common")
	l.flags(list)
	var r letterFilter
	replay := configVerb("replay [ID…]", "Send some or all again; those refused again are kept", cobra.ArbitraryArgs, r.replay)
	r.flags(replay)
	cmd.AddCommand(list, configVerb("show ID…", "Print dead letters as JSON", cobra.MinimumNArgs(1), showDeadLetters), replay)
	return cmd
}

// closeTime limits the closing of the connections to HEC.
const closeTime = 5 * time.Second

// openDeadLetters opens the store for a verb. Files that only root may read must be read
// before it.
func openDeadLetters(ctx context.Context, c config.Config) (*deadletter.Store, error) {
	if err := owner.Become(c.DeadLetter.Path); err != nil {
		return nil, err
	}
	store, err := deadletter.New(deadletter.Options{Path: c.DeadLetter.Path, MaxSize: int64(c.DeadLetter.MaxSize)})
	if err != nil {
		return nil, err
	}
	return store, store.Open(ctx)
}

func showDeadLetters(cmd *cobra.Command, c config.Config, ids []string) error {
	store, err := openDeadLetters(cmd.Context(), c)
	if err != nil {
		return err
	}
	enc := json.NewEncoder(cmd.OutOrStdout())
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false) // the event as it was sent
	var errs []error
	for _, id := range ids {
		l, err := store.Show(id)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if err := enc.Encode(l); err != nil {
			return err
		}
	}
	return errors.Join(errs...)
}

// replay sends the letters again that the filter and the IDs choose.
func (f *letterFilter) replay(cmd *cobra.Command, c config.Config, ids []string) (err error) {
	choose, err := f.choice(ids)
	if err != nil {
		return err
	}
	if note := useCredentials(credentials); note != "" {
		fmt.Fprintln(cmd.ErrOrStderr(), note)
	}
	token, err := c.Token(os.Environ())
	if err != nil {
		return err
	}
	o, err := wiring.HEC(c, token.Reveal(), certificate.New(slog.New(slog.DiscardHandler)))
	if err != nil {
		return err
	}
	store, err := openDeadLetters(cmd.Context(), c)
	if err != nil {
		return err
	}
	o.DeadLetter = store
	client, err := hec.New(o)
	if err != nil {
		return err
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.Background(), closeTime)
		defer cancel()
		err = errors.Join(err, client.Close(closing))
	}()
	ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	probing, endProbes := context.WithCancel(context.Background())
	var probes sync.WaitGroup
	probes.Go(func() { _ = client.Run(probing) })
	defer probes.Wait()
	defer endProbes()
	far := newProgress(cmd, "read", false)
	r, err := client.Replay(ctx, counted(store, far, choose))
	far.end()
	fmt.Fprintf(cmd.OutOrStdout(), "delivered %d, refused again %d, not tried %d, damaged %d\n", r.Delivered, r.Refused, r.Kept, r.Damaged)
	return err
}
