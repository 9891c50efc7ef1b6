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
