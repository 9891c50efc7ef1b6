package cli

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

func TestRun(t *testing.T) {
	f := func(err error, does bool, wantCode int, wantErr string) {
		t.Helper()
		root := &cobra.Command{Use: "prog", Args: cobra.NoArgs, RunE: func(*cobra.Command, []string) error { return err }}
		if does {
			root.RunE = Does(root.RunE)
		}
		var out, errs bytes.Buffer
		code := Run(t.Context(), root, []string{}, Streams{strings.NewReader(""), &out, &errs}, strings.ToUpper)
		if code != wantCode || errs.String() != wantErr || out.Len() > 0 {
			t.Errorf("%v: code %d, %q, want %d, %q", err, code, errs.String(), wantCode, wantErr)
		}
	}
	f(nil, true, Fine, "")
	f(errors.New("no disk"), true, Failed, "prog: NO DISK\n")
	f(errors.New("no such flag"), false, Usage, "prog: NO SUCH FLAG\n")
	f(&Exit{3, errors.New("degraded")}, true, 3, "prog: DEGRADED\n")
	f(&Exit{Code: 2}, true, 2, "") // nothing failed, so nothing is printed

	var errs bytes.Buffer
	root := &cobra.Command{Use: "prog", Args: cobra.NoArgs, RunE: Does(func(*cobra.Command, []string) error { return nil })}
	if code := Run(t.Context(), root, []string{"--no-such"}, Streams{nil, &errs, &errs}, nil); code != Usage || !strings.Contains(errs.String(), "prog: unknown flag: --no-such") {
		t.Errorf("code %d, %q", code, errs.String())
	}
}

// A word that is no verb, and a flag that is none, is wrong usage with a suggestion.
func TestDidYouMean(t *testing.T) {
	f := func(wantCode int, want string, args ...string) {
		t.Helper()
		does := func(*cobra.Command, []string) error { return nil }
		queue := &cobra.Command{Use: "queue"}
		status := &cobra.Command{Use: "status", Args: cobra.NoArgs, RunE: does}
		status.Flags().String("source", "", "")
		queue.AddCommand(status, &cobra.Command{Use: "verify", RunE: does}, &cobra.Command{Use: "inner", Hidden: true, RunE: does})
		root := &cobra.Command{Use: "prog", Args: cobra.NoArgs, RunE: does}
		root.AddCommand(queue)
		var errs bytes.Buffer
		if code := Run(t.Context(), root, args, Streams{nil, &errs, &errs}, nil); code != wantCode || !strings.HasPrefix(errs.String(), want) {
			t.Errorf("%q: code %d, %q; want %d, %q", args, code, errs.String(), wantCode, want)
		}
	}
	f(Fine, "", []string{}...)
	f(Fine, "", "queue", "status")
	f(Usage, `prog: unknown verb "qeue" of prog; did you mean queue?`, "qeue")
	f(Usage, `prog: unknown verb "stauts" of prog queue; did you mean status?`, "queue", "stauts")
	f(Usage, `prog: unknown verb "zzzzzz" of prog queue; it has status, verify`+"\n", "queue", "zzzzzz")
	f(Usage, "prog: name a verb: status, verify\n", "queue")
	f(Usage, "prog: unknown flag: --sorce; did you mean --source?", "queue", "status", "--sorce", "x")
	f(Usage, "prog: unknown flag: --zzzzzz; `prog queue status --help` lists all", "queue", "status", "--zzzzzz")
	f(Usage, `prog: unknown command "x" for "prog queue status"; write: prog queue status [flags]`, "queue", "status", "x")
	f(Usage, "prog: unknown shorthand flag: 'z' in -z; `prog queue status --help` lists all", "queue", "status", "-z")
	f(Fine, "Usage:", "queue", "--help")
}
