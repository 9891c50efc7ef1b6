package main

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"syslog-gateway/internal/cli"
	"syslog-gateway/internal/owner"
	"syslog-gateway/internal/queue"
	"syslog-gateway/internal/queue/inspect"
	show "syslog-gateway/internal/stats/text"
)

func newQueue() *cobra.Command {
	cmd := &cobra.Command{Use: "queue", Short: "Check and repair the disk queue of a stopped gateway, or look into the streams of a cluster"}
	var path, file string
	var asJSON, yes bool
	streams := newStreamVerbs(&asJSON, &yes)
	verb := func(use, short string, do func(cmd *cobra.Command) error) *cobra.Command {
		c := &cobra.Command{Use: use, Short: short, Args: cobra.NoArgs,
			RunE: cli.Does(func(cmd *cobra.Command, _ []string) error {
				if streams.wanted {
					streams.file = cmp.Or(file, defaultFile)
					return streams.run(cmd)
				}
				if path == "" {
					c, _, err := usualConfig(cmd, file)
					if err != nil {
						return err
					}
					path = c.Queue.Path
				}
				if err := owner.Become(path); err != nil {
					return err
				}
				if err := inspect.Find(path); err != nil {
					return err
				}
				return do(cmd)
			})}
		c.Flags().StringVar(&path, "path", "", "folder of the queue (default queue.path of the configuration)")
		c.Flags().StringVarP(&file, "config", "c", "", "configuration file (default "+defaultFile+" when it is there)")
		if streams.has(use) {
			streams.flags(c)
		}
		cmd.AddCommand(c)
		return c
	}
	status := verb("status", "Print what is queued, by shard and source", func(cmd *cobra.Command) error {
		r, err := inspect.Status(cmd.Context(), path)
		if err != nil {
			return err
		}
		return printReport(cmd.OutOrStdout(), r, asJSON)
	})
	verify := verb("verify", "Check every record; exit 1 if one is damaged or cannot be read", func(cmd *cobra.Command) error {
		return verifyQueue(cmd, path, asJSON)
	})
	for _, c := range []*cobra.Command{status, verify} {
		c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	}
	verb("export", "Print every queued event as a JSON line", func(cmd *cobra.Command) error {
		far := newProgress(cmd, "exported", isTerminal(cmd.OutOrStdout()))
		defer far.end()
		w := bufio.NewWriterSize(cmd.OutOrStdout(), 256<<10)
		if err := inspect.Export(cmd.Context(), path, w, far.bytes); err != nil {
			return errors.Join(err, w.Flush())
		}
		return w.Flush()
	})
	purge := verb("purge", "Remove everything that is queued; asks first", func(cmd *cobra.Command) error {
		return purgeQueue(cmd, path, yes)
	})
	purge.Flags().BoolVar(&yes, "yes", false, "do not ask")
	verb("restore", "Put quarantined records that are whole back into the queue", func(cmd *cobra.Command) error {
		r, err := queue.Restore(cmd.Context(), path, slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil)))
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(cmd.OutOrStdout(), "put back %d events in %d records, from %d files of %s/corrupt; %d records are in the queue already\n",
			r.Events, r.Records, r.Files, path, r.Duplicates)
		return err
	})
	verb("skip", "Leave out what the disk cannot read, so that all else is delivered", func(cmd *cobra.Command) error {
		return skipUnread(cmd, path)
	})
	return cmd
}

func verifyQueue(cmd *cobra.Command, path string, asJSON bool) error {
	far := newProgress(cmd, "verified", false)
	r, err := inspect.Verify(cmd.Context(), path, far.bytes)
	far.end()
	if err != nil {
		return err
	}
	if err := printReport(cmd.OutOrStdout(), r, asJSON); err != nil {
		return err
	}
	if r.Unread() {
		return errors.New("a part of the queue cannot be read, which says nothing about the data: check the kernel log and try again; " +
			"if the disk stays bad, use gateway queue skip")
	}
	if r.Damaged() {
		return errors.New("the queue is damaged; the next start quarantines the damaged parts and goes on")
	}
	return nil
}

func skipUnread(cmd *cobra.Command, path string) error {
	far := newProgress(cmd, "read", false)
	all, err := inspect.Skip(cmd.Context(), path, far.bytes)
	far.end()
	for _, s := range all {
		fmt.Fprintf(cmd.OutOrStdout(), "%s: %s cannot be read and are left out; the file is kept as %s\n", s.File, show.Size(s.Bytes), s.Kept)
	}
	if err == nil && len(all) == 0 {
		_, err = fmt.Fprintln(cmd.OutOrStdout(), "all of the queue can be read; nothing was changed")
	}
	return err
}

func purgeQueue(cmd *cobra.Command, path string, yes bool) error {
	r, err := inspect.Status(cmd.Context(), path)
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	if !yes {
		fmt.Fprintf(out, "%d events in %s will be lost for good. Type yes to go on: ", r.Events, path)
		answer, _ := bufio.NewReader(cmd.InOrStdin()).ReadString('\n')
		if strings.TrimSpace(answer) != "yes" {
			return errors.New("nothing was removed")
		}
	}
	if r, err = inspect.Purge(cmd.Context(), path); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "removed %d events in %d records\n", r.Events, r.Records)
	return err
}

func printReport(w io.Writer, r inspect.Report, asJSON bool) error {
	if asJSON {
		return printJSON(w, r)
	}
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "shard\tsegments\trecords\tevents\tsize\toldest\tsources")
	for _, s := range r.Shards {
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%s\t%s\t%s\n", s.Name, s.Segments, s.Records, s.Events, show.Size(s.Bytes),
			moment(s.Oldest), bySource(s))
	}
	fmt.Fprintf(t, "all\t\t%d\t%d\t%s\t\t\n", r.Records, r.Events, show.Size(r.Bytes))
	if err := t.Flush(); err != nil {
		return err
	}
	for _, s := range r.Shards {
		for _, d := range s.Damage {
			fmt.Fprintf(w, "damaged: %s\n", d)
		}
		for _, d := range s.Unread {
			fmt.Fprintf(w, "cannot be read: %s\n", d)
		}
		for _, a := range s.Actions {
			fmt.Fprintf(w, "%s, at the next start: %s\n", s.Name, a)
		}
	}
	if r.Quarantined > 0 {
		fmt.Fprintf(w, "%d files are in %s/corrupt; the next start puts back their whole records, and so does gateway queue restore\n", r.Quarantined, r.Path)
	}
	return nil
}

func moment(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}

func bySource(s inspect.ShardReport) string {
	var counts []string
	for _, name := range slices.Sorted(slices.Values(s.SourceNames())) {
		counts = append(counts, fmt.Sprintf("%s=%d", name, s.Sources[name]))
	}
	return strings.Join(counts, " ")
}
