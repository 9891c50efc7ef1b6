package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"syslog-gateway/internal/cli"
	"syslog-gateway/internal/testkit"
)

// A folder without a queue is an error of each verb, which says where there is one. The
// folder comes from the configuration unless --path names it.
func TestQueueVerbsNeedAQueue(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	empty := filepath.Join(s.dir, "empty")
	testkit.Must(t, os.Mkdir(empty, 0o755))
	dead := filepath.Join(s.dir, "letters")
	testkit.Must(t, os.Mkdir(dead, 0o755))
	for _, name := range []string{"lock", "000000000001.jsonl"} {
		testkit.Must(t, os.WriteFile(filepath.Join(dead, name), nil, 0o600))
	}
	verbs := [][]string{{"status"}, {"verify"}, {"export"}, {"purge", "--yes"}, {"restore"}, {"skip"}}
	refused := func(want string, more ...string) {
		t.Helper()
		for _, verb := range verbs {
			out, errs, code := s.gateway("", append(append([]string{"queue"}, verb...), more...)...)
			if code != cli.Failed {
				t.Errorf("%q %q: exit %d", verb, more, code)
			}
			testkit.Holds(t, "errors of "+verb[0], errs, "there is no ", want)
			testkit.Equal(t, "output of "+verb[0], out, "")
		}
	}
	refused("use queue.path", "--path", empty)
	refused("use queue.path", "--path", dead)
	refused("/none", "--path", filepath.Join(s.dir, "none"))
	refused(s.dir+"/queue", "-c", s.file) // it has never started
	s.hec.SetDown(true)
	p := s.start()
	sendTCP(t, s.dial("tcp", "linux"), "linux", marks("kept", 20))
	testkit.Eventually(t, "20 are queued", func() bool { return s.metrics().Sum("gateway_queue_events") == 20 })
	testkit.Equal(t, "exit code", p.stop(), 0)
	refused("but in "+s.dir+"/queue: use that", "--path", s.dir)
	refused("but in "+s.dir+"/queue: use that", "--path", s.dir+"/queue/shard-00")
	for _, verb := range verbs[:3] {
		out, errs, code := s.gateway("", "queue", verb[0], "-c", s.file)
		testkit.Equal(t, "exit code of "+verb[0]+": "+errs, code, 0)
		if verb[0] != "export" {
			testkit.Holds(t, verb[0], out, " B ", "linux=20")
		}
	}
	for range 2 { // a purged queue is one
		out, errs, code := s.gateway("", "queue", "purge", "--yes", "-c", s.file)
		testkit.Equal(t, "exit code of purge: "+errs, code, 0)
		testkit.Holds(t, "purge", out, "removed ")
	}
	s.write(s.read() + "quee: {}\n")
	if _, errs, code := s.gateway("", "queue", "status", "-c", s.file); code != cli.Failed {
		t.Errorf("a wrong configuration: %d %s", code, errs)
	}
}

// The line of progress goes to a terminal only, and is removed.
func TestProgress(t *testing.T) {
	var log testkit.Log
	p := progress{to: &log, did: "verified"}
	p.bytes(3_000_000, 12_000_000)
	p.bytes(4_000_000, 12_000_000) // too soon
	p.end()
	testkit.Equal(t, "terminal", log.String(), "\r\x1b[Kverified 3.0 MB of 12.0 MB (25 %)\r\x1b[K")
	var none progress
	none.count(1, 2)
	none.end()
	testkit.Equal(t, "nothing", fmt.Sprint(none.shown), "false")
}
