package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"syslog-gateway/internal/hec/hectest"
	"syslog-gateway/internal/testkit"
)

// TestFirstFiveMinutes does what README.md says under "With Splunk": its file, its commands,
// and a line to the Linux port. Only the address of Splunk, the token and the ports are ours.
func TestFirstFiveMinutes(t *testing.T) {
	t.Parallel()
	readme := string(testkit.Try(os.ReadFile("../../README.md"))(t))
	block := regexp.MustCompile("(?s)```sh\ncat > try.yaml <<'EOF'\n(.*?)\nEOF\n(.*?)```").FindStringSubmatch(readme)
	if block == nil {
		t.Fatal("README.md does not show the file try.yaml")
	}
	s := &site{t: t, dir: t.TempDir(), ports: make(map[string]int), sink: &sink{more: make(chan struct{}, 1)}}
	s.hec = hectest.New(hectest.Options{Token: testToken, Check: s.sink.check, OnEvent: s.sink.take})
	t.Cleanup(s.hec.Close)
	yaml := strings.Replace(block[1], "https://splunk.example.com:8088", s.hec.URL(), 1)
	if yaml == block[1] {
		t.Fatal("the file names no endpoint")
	}
	testkit.Must(t, os.WriteFile(filepath.Join(s.dir, "try.yaml"), []byte(yaml+"\n"), 0o600))

	ports := freePorts(t, 6)
	s.stats = ports[5]
	env := []string{fmt.Sprintf("GATEWAY_STATS__LISTEN=127.0.0.1:%d", s.stats)}
	for i, name := range []string{"unifi", "palo_alto", "cisco_asa", "linux", "windows"} {
		s.ports[name] = ports[i]
		env = append(env, fmt.Sprintf("GATEWAY_SOURCES__%s__PORT=%d", strings.ToUpper(name), ports[i]))
	}
	runs := false
	for line := range strings.Lines(block[2]) {
		command, _, _ := strings.Cut(line, "#")
		words := strings.Fields(command)
		if len(words) == 0 || words[0] != "bin/gateway" {
			continue
		}
		cmd := gatewayCommand(s.dir, words[1:]...)
		cmd.Env = append(cmd.Env, env...)
		if words[1] == "run" {
			runs = true
			s.spawn(cmd).waitReady(s.stats)
			continue
		}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", command, err, out)
		}
	}
	if !runs {
		t.Fatal("README.md does not run the gateway")
	}
	c := s.dial("tcp", "linux")
	testkit.Try(fmt.Fprint(c, "<13>1 2026-11-22T20:16:32.572370+00:00 vm root - - - hello\n"))(t)
	testkit.Must(t, c.(*net.TCPConn).CloseWrite())
	s.waitEvents(1)
	s.sink.mu.Lock()
	defer s.sink.mu.Unlock()
	testkit.Holds(t, "the event in Splunk", s.sink.lines[0], `"index":"os"`, `"sourcetype":"syslog"`, "hello")
}
