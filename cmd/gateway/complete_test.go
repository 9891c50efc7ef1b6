package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"syslog-gateway/internal/cli"
	"syslog-gateway/internal/testkit"
)

// The shell completes values, those of the configuration that -c names among them.
func TestValuesAreCompleted(t *testing.T) {
	file := filepath.Join(t.TempDir(), "gateway.yaml")
	testkit.Must(t, os.WriteFile(file, []byte("sources: {lab: {port: 5514}, lan: {port: 5515}}\n"), 0o600))
	f := func(want string, args ...string) {
		t.Helper()
		var out bytes.Buffer
		code := run(t.Context(), append([]string{"__complete"}, args...), cli.Streams{In: strings.NewReader(""), Out: &out, Err: new(bytes.Buffer)})
		testkit.Equal(t, "exit code", code, 0)
		testkit.Equal(t, strings.Join(args, " "), strings.ReplaceAll(out.String(), "\n", " "), want)
	}
	f("lab lan :4 ", "tap", "-c", file, "--source", "la")
	f("lab :4 ", "parse", "-c", file, "--source", "lab")
	f("palo_alto :4 ", "tap", "-c", file+".none", "--source", "pal")
	f("pan_threat :4 ", "tap", "-c", file, "--class", "pan_thr")
	f("yaml yml :8 ", "check", "-c", "")
	f(":16 ", "queue", "status", "--path", "")
	f(":16 ", "import", "haproxy", "x", "-o", "")
	f("debug info warn error :4 ", "run", "--log.level", "")
	f("restore\tPut quarantined records that are whole back into the queue :4 ", "help", "queue", "res")
	f(":4 ", "help", "queue", "status", "")
}

// Every flag with a list of its own has that list.
func TestReasonsAreCompleted(t *testing.T) {
	var out bytes.Buffer
	run(t.Context(), []string{"__complete", "deadletter", "list", "--reason", ""}, cli.Streams{In: strings.NewReader(""), Out: &out, Err: new(bytes.Buffer)})
	testkit.Holds(t, "reasons", out.String(), "incorrect_index\n", "unreadable_body\n")
}
