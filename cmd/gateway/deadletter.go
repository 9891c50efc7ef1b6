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
	"text/tabwriter"
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
	cmd.AddCommand(
		configVerb("list", "List all, one per line: ID, time, reason, source", cobra.NoArgs, listDeadLetters),
		configVerb("show ID…", "Print dead letters as JSON", cobra.MinimumNArgs(1), showDeadLetters),
		configVerb("replay [ID…]", "Send some or all again; those refused again are kept", cobra.ArbitraryArgs, replayDeadLetters),
	)
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

func listDeadLetters(cmd *cobra.Command, c config.Config, _ []string) error {
	store, err := openDeadLetters(cmd.Context(), c)
	if err != nil {
		return err
	}
	letters, err := store.List()
	t := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "id\ttime\treason\tsource\tevents\tSplunk said")
	for _, l := range letters {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%d\t%d %s\n", l.ID, l.Time.UTC().Format(time.RFC3339), l.Reason, l.Source, l.Events, l.Status, l.Text)
	}
	return errors.Join(err, t.Flush())
}

func showDeadLetters(cmd *cobra.Command, c config.Config, ids []string) error {
	store, err := openDeadLetters(cmd.Context(), c)
	if err != nil {
		return err
	}
	enc := json.NewEncoder(cmd.OutOrStdout())
	enc.SetIndent("", "  ")
	for _, id := range ids {
		l, err := store.Show(id)
		if err != nil {
			return err
		}
		if err := enc.Encode(l); err != nil {
			return err
		}
	}
	return nil
}

func replayDeadLetters(cmd *cobra.Command, c config.Config, ids []string) (err error) {
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
	r, err := client.Replay(ctx, chosen(ids))
	fmt.Fprintf(cmd.OutOrStdout(), "delivered %d, refused again %d, not tried %d, damaged %d\n", r.Delivered, r.Refused, r.Kept, r.Damaged)
	return err
}

// chosen picks letters by ID; nil picks all.
func chosen(ids []string) func(deadletter.Letter) bool {
	if len(ids) == 0 {
		return nil
	}
	want := make(map[string]bool, len(ids))
	for _, id := range ids {
		want[id] = true
	}
	return func(l deadletter.Letter) bool { return want[l.ID] }
}
