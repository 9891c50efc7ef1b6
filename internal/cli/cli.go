// Package cli is what the main functions of all programs share: the exit codes, and how
// an error becomes one. Verbs, flags and what is printed belong to each program.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"syslog-gateway/internal/suggest"
)

// The exit codes of all programs. A verb may have others, see [Exit].
const (
	Fine   = 0
	Failed = 1 // the work failed
	Usage  = 2 // the command line is wrong
)

// Exit is an error that chooses the exit code. Without an Err nothing is printed.
type Exit struct {
	Code int
	Err  error
}

func (e *Exit) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("exit code %d", e.Code)
	}
	return e.Err.Error()
}

func (e *Exit) Unwrap() error { return e.Err }

// Fail makes an error one of the work: the exit code is Failed. An error that chooses
// its code already keeps it.
func Fail(err error) error {
	if err == nil || errors.As(err, new(*Exit)) {
		return err
	}
	return &Exit{Failed, err}
}

// Does makes a cobra function of a verb whose errors are those of the work.
func Does(verb func(cmd *cobra.Command, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error { return Fail(verb(cmd, args)) }
}

// Streams are standard input, output and error.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// Std are the streams of the process.
func Std() Streams { return Streams{os.Stdin, os.Stdout, os.Stderr} }

// Run carries out one command line and returns the exit code. An error is printed in one
// line after the program's name, as clean leaves it; a nil clean leaves it as it is. An
// error that chooses no code is one of the command line.
func Run(ctx context.Context, root *cobra.Command, args []string, s Streams, clean func(string) string) int {
	root.SilenceUsage, root.SilenceErrors = true, true
	root.SetFlagErrorFunc(unknownFlag)
	verbs(root)
	root.SetArgs(args)
	root.SetIn(s.In)
	root.SetOut(s.Out)
	root.SetErr(s.Err)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return Fine
	}
	code := Usage
	if exit := new(Exit); errors.As(err, &exit) {
		code = exit.Code
		if exit.Err == nil {
			return code
		}
	}
	text := err.Error()
	if clean != nil {
		text = clean(text)
	}
	fmt.Fprintf(s.Err, "%s: %s\n", root.Name(), text)
	return code
}

// verbs makes a word that is no verb an error that names the one that was probably meant, at
// each command that has verbs. One that does nothing without a verb says so; cobra alone
// would print its help and be content. A verb with wrong arguments says which it takes.
func verbs(cmd *cobra.Command) {
	for _, sub := range cmd.Commands() {
		verbs(sub)
	}
	if !cmd.HasAvailableSubCommands() {
		if wants := cmd.Args; wants != nil {
			cmd.Args = func(cmd *cobra.Command, args []string) error {
				if err := wants(cmd, args); err != nil {
					return fmt.Errorf("%w; write: %s", err, cmd.UseLine())
				}
				return nil
			}
		}
		return
	}
	if !cmd.Runnable() {
		cmd.RunE = func(cmd *cobra.Command, _ []string) error {
			return fmt.Errorf("name a verb: %s", strings.Join(verbsOf(cmd), ", "))
		}
	}
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		known := verbsOf(cmd)
		if best := suggest.Nearest(args[0], known); best != "" {
			return fmt.Errorf("unknown verb %q of %s; did you mean %s?", args[0], cmd.CommandPath(), best)
		}
		return fmt.Errorf("unknown verb %q of %s; it has %s", args[0], cmd.CommandPath(), strings.Join(known, ", "))
	}
}

func verbsOf(cmd *cobra.Command) (names []string) {
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			names = append(names, sub.Name())
		}
	}
	return names
}

// unknownFlag adds the flag that was probably meant to the error about one that is not known.
func unknownFlag(cmd *cobra.Command, err error) error {
	name, unknown := strings.CutPrefix(err.Error(), "unknown flag: --")
	if !unknown {
		if strings.HasPrefix(err.Error(), "unknown shorthand flag") {
			return fmt.Errorf("%w; `%s --help` lists all", err, cmd.CommandPath())
		}
		return err
	}
	var known []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			known = append(known, f.Name)
		}
	})
	if best := suggest.Nearest(name, known); best != "" {
		return fmt.Errorf("%w; did you mean --%s?", err, best)
	}
	return fmt.Errorf("%w; `%s --help` lists all", err, cmd.CommandPath())
}
