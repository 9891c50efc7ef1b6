package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"syslog-gateway/internal/cli"
	"syslog-gateway/internal/testkit"
)

// Dead letters are listed by filter, in groups, the newest ones, and without control characters
// of a server.
func TestDeadLetterList(t *testing.T) {
	dir := t.TempDir()
	var lines strings.Builder
	for i := range 2500 {
		reason, source, text := "incorrect_index", "linux", "Incorrect index"
		if i%5 == 0 {
			reason, source, text = "too_large", "unifi", `Too large\u001b[2J\nnow`
		}
		fmt.Fprintf(&lines, `{"id":"i%04d","time":"2026-03-14T14:%02d:00Z","reason":%q,"http_status":400,"hec_code":7,"text":"%s","source":%q,"endpoint":"e","events":2,"event":{"event":"mark=%d."}}`+"\n",
			i, i*60/2500, reason, text, source, i)
	}
	testkit.Must(t, os.WriteFile(filepath.Join(dir, "000000000001.jsonl"), []byte(lines.String()), 0o600))
	file := filepath.Join(dir, "gateway.yaml")
	testkit.Must(t, os.WriteFile(file, []byte("dead_letter: {path: "+dir+"}\n"), 0o600))
	list := func(want int, args ...string) (rows []string, errs string) {
		t.Helper()
		var out, err bytes.Buffer
		code := run(t.Context(), append([]string{"deadletter", "list", "-c", file}, args...), cli.Streams{In: strings.NewReader(""), Out: &out, Err: &err})
		testkit.Equal(t, fmt.Sprintf("exit code of %q: %s", args, err.String()), code, want)
		testkit.Lacks(t, "output", out.String(), "\x1b")
		return strings.Split(strings.TrimSpace(out.String()), "\n")[1:], err.String()
	}
	rows, errs := list(0)
	testkit.Equal(t, "rows", len(rows), 1000)
	testkit.Holds(t, "the oldest and the newest that are listed", rows[0]+rows[999], "i1500", "i2499")
	testkit.Holds(t, "what is left out", errs, "1500 more", "--limit 0")
	rows, errs = list(0, "--limit", "0")
	testkit.Equal(t, "all"+errs, len(rows), 2500)
	rows, _ = list(0, "--limit", "3", "--reason", "too_large")
	testkit.Equal(t, "rows", len(rows), 3)
	testkit.Holds(t, "the newest", rows[2], "i2495", "too_large", "unifi", "Too large.[2J.now")
	rows, _ = list(0, "--since", "2026-03-14T14:59:00Z", "--source", "linux")
	testkit.Equal(t, "of the last minute", len(rows), 33)
	rows, _ = list(0, "--text", "mark=77.")
	testkit.Equal(t, "with a text", len(rows), 1)
	if rows, _ = list(0, "--since", "1h"); len(rows) > 0 && rows[0] != "" {
		t.Errorf("of the last hour: %q", rows)
	}
	rows, _ = list(0, "--group")
	testkit.Equal(t, "groups", len(rows), 2)
	testkit.Holds(t, "the larger group", rows[0], "4000 ", "incorrect_index", "2026-03-14T14:00:00Z", "2026-03-14T14:59:00Z", "i2499")
	_, errs = list(0, "--group", "--limit", "1")
	testkit.Holds(t, "what is left out", errs, "1 more")
	var out bytes.Buffer
	code := run(t.Context(), []string{"deadletter", "list", "-c", file, "--reason", "to_large", "--since", "soon"}, cli.Streams{In: strings.NewReader(""), Out: &out, Err: &out})
	testkit.Equal(t, "exit code", code, cli.Usage)
	testkit.Holds(t, "both mistakes", out.String(), "did you mean too_large?", `--since "soon"`)
}
