package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/gdamore/tcell/v2"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"syslog-gateway/docs"
	"syslog-gateway/internal/cli"
	"syslog-gateway/internal/config"
	"syslog-gateway/internal/handbook"
	"syslog-gateway/internal/stats/monitor"
	"syslog-gateway/internal/stats/screen"
	"syslog-gateway/internal/status"
)

func newTop() *cobra.Command {
	var address string
	cmd := runningVerb("top", "Watch the running gateway in a terminal", func(cmd *cobra.Command, c config.Config) error {
		return watch(cmd, c, address)
	})
	cmd.Long = `Shows the running gateway in a terminal: what is wrong and since when, what comes in, waits
and goes out, the sources, endpoints, senders and volumes. It renews itself; ? explains the
keys, q ends it. It asks by the control socket beside the queue, as gateway tap does.
NO_COLOR is respected.`
	cmd.Flags().StringVar(&address, "address", "", "host:port of the statistics page, when it is not this machine")
	return cmd
}

func watch(cmd *cobra.Command, c config.Config, address string) error {
	if out, ok := cmd.OutOrStdout().(*os.File); !ok || !term.IsTerminal(int(out.Fd())) {
		return &cli.Exit{Code: cli.Usage, Err: errors.New("gateway top needs a terminal; gateway status prints the same once")}
	}
	ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	a, err := newAsker(ctx, c, address)
	if err != nil {
		return err
	}
	defer a.close()
	if _, _, err := a.state(ctx); err != nil { // an error is read better without the screen
		return err
	}
	terminal, err := tcell.NewScreen()
	if err != nil {
		return fmt.Errorf("open the terminal: %w", err)
	}
	manual := handbook.New(docs.Files)
	return screen.Top(ctx, terminal, a.frame, func(section string) string {
		text, _ := manual.Text(section)
		return text
	})
}

// frame asks for what a frame shows.
func (a *asker) frame(ctx context.Context, f screen.Frame) (screen.State, error) {
	s, _, err := a.state(ctx)
	if err != nil {
		return s, err
	}
	var senders struct {
		Total   int
		Senders []monitor.Sender
	}
	switch f.View {
	case screen.Main, screen.Senders:
		err = a.decode(ctx, "/api/v1/senders", url.Values{"sort": {"rate"}, "limit": {"100"}}, &senders)
		s.Senders, s.Known = senders.Senders, senders.Total
	case screen.DeadLetters:
		var letters struct{ Groups []status.DeadLetterGroup }
		err = a.decode(ctx, "/api/v1/deadletters/groups", nil, &letters)
		s.Letters = letters.Groups
	default: // the status is enough
	}
	if err == nil && f.View == screen.Main {
		s.Points, err = a.points(ctx, f.Range)
	}
	if err == nil && (f.View == screen.Main || f.View == screen.Volumes) {
		err = a.decode(ctx, "/api/v1/volume", url.Values{"by": {string(f.By)}, "limit": {"100"}}, &s.Volume)
	}
	return s, err
}

// newHelp is cobra's help, which also knows the sections of the runbook.
func newHelp() *cobra.Command {
	manual := handbook.New(docs.Files)
	return &cobra.Command{
		Use:   "help [COMMAND | SECTION]",
		Short: "Help about a command, or what a problem means and what to do",
		Long: `Shows the help of a command, or a section of docs/operations.md or docs/troubleshooting.md: those that
gateway status and gateway top name, such as kernel-drops. gateway help runbook lists them.`,
		ValidArgsFunction: func(cmd *cobra.Command, args []string, begin string) (found []cobra.Completion, _ cobra.ShellCompDirective) {
			about, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			for _, sub := range about.Commands() {
				if sub.IsAvailableCommand() && strings.HasPrefix(sub.Name(), begin) {
					found = append(found, cobra.CompletionWithDesc(sub.Name(), sub.Short))
				}
			}
			for _, s := range manual.Sections() {
				if len(args) == 0 && begin != "" && strings.HasPrefix(s.ID, begin) { // there are many
					found = append(found, cobra.CompletionWithDesc(s.ID, s.Title))
				}
			}
			return found, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			out := cmd.OutOrStdout()
			if len(args) == 1 {
				if args[0] == "runbook" {
					for _, s := range manual.Sections() {
						fmt.Fprintf(out, "%-40s %s\n", s.ID, s.Title)
					}
					return nil
				}
				if text, found := manual.Text(args[0]); found {
					fmt.Fprintln(out, strings.TrimSpace(text))
					return nil
				}
			}
			about, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return &cli.Exit{Code: cli.Usage, Err: fmt.Errorf("there is no help on %q; gateway help lists commands, gateway help runbook the sections of the runbook", strings.Join(args, " "))}
			}
			about.InitDefaultHelpFlag()
			return about.Help()
		},
	}
}
