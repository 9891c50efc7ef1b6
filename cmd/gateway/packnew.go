package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"syslog-gateway/internal/packnew"
)

func newPackNew() *cobra.Command {
	cmd := packVerb("new NAME", "Write a pack for the lines on stdin, with tests",
		`Reads lines of a product that no pack knows and prints a pack for them: by what they are
recognised, how they are divided, and tests. In the tests addresses, names of hosts and
users, serial numbers and passwords are replaced; read them before you pass them on. The
pack passes its tests. What remains to do is in its comments.

Lines that a loaded pack knows are named on stderr and left out. Lines as gateway tap prints
them are fine. Ctrl-C ends the input.`,
		cobra.ExactArgs(1), func(cmd *cobra.Command, s *packSet, args []string) error {
			if err := s.refuse(cmd.ErrOrStderr()); err != nil {
				return err
			}
			lines, err := rawLines(cmd.Context(), cmd.InOrStdin())
			if err != nil {
				return err
			}
			made, err := packnew.New(args[0], lines, s.on(s.Site), s.on(s.Embedded))
			if err != nil {
				return err
			}
			return printMade(cmd.OutOrStdout(), cmd.ErrOrStderr(), args[0], made)
		})
	cmd.Example = `  gateway pack new acme_widget < lines.log > /etc/syslog-gateway/packs/acme.yaml
  gateway tap --raw --class fallback --limit 50 | gateway pack new acme_widget > acme.yaml`
	cmd.ValidArgsFunction = cobra.NoFileCompletions
	return cmd
}

// rawLines reads lines until they end, or until Ctrl-C, which ends gateway tap in the same
// pipe as well. Of an object that gateway tap printed it takes the raw line.
func rawLines(ctx context.Context, in io.Reader) ([]string, error) {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT)
	defer stop()
	lines, failed := make(chan string), make(chan error, 1)
	go func() {
		r := bufio.NewReaderSize(in, 64<<10)
		for {
			line, err := r.ReadString('\n')
			select {
			case lines <- rawLine(strings.TrimRight(line, "\r\n")):
			case <-ctx.Done():
				return
			}
			if err != nil {
				failed <- err
				return
			}
		}
	}()
	var all []string
	for {
		select {
		case line := <-lines:
			all = append(all, line)
		case err := <-failed:
			if errors.Is(err, io.EOF) {
				return all, nil
			}
			return nil, fmt.Errorf("read stdin: %w", err)
		case <-ctx.Done():
			return all, nil
		}
	}
}

func rawLine(line string) string {
	var tapped struct{ Raw *string }
	if strings.HasPrefix(line, "{") && json.Unmarshal([]byte(line), &tapped) == nil && tapped.Raw != nil {
		return *tapped.Raw
	}
	return line
}

// maxKnown is how many lines that are left out are named one by one.
const maxKnown = 20

// printMade prints the pack, and on errs what is to say about it.
func printMade(out, errs io.Writer, name string, made *packnew.Made) error {
	for _, k := range made.Known[:min(len(made.Known), maxKnown)] {
		fmt.Fprintf(errs, "line %d is left out: %s knows it\n", k.Line, k.By)
	}
	if more := len(made.Known) - maxKnown; more > 0 {
		fmt.Fprintf(errs, "and %s more\n", count(more, "line"))
	}
	if made.Lines == 0 {
		return errors.New("there is no line that no pack knows")
	}
	if _, err := io.WriteString(out, made.YAML); err != nil {
		return err
	}
	for _, w := range made.Warnings {
		fmt.Fprintln(errs, "warning: "+w.String())
	}
	if pinned := made.Lines - made.Found; pinned != 0 {
		fmt.Fprintf(errs, "%s: nothing tells the product; they belong to the pack where the sender is pinned to it (packs.senders)\n", count(pinned, "line"))
	}
	_, err := fmt.Fprintf(errs, "%s: %d of %s recognised; %s, all ok\n", name, made.Found, count(made.Lines, "line"), count(made.Tests, "test"))
	return err
}
