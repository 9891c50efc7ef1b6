package peers

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// given are the peers whose programs the user has: Debian has no packages of them.
func given() []Peer { return []Peer{axoSyslog(""), fluentBit(""), vector("")} }

// Given returns the peers of arguments NAME=PATH, each with the user's program.
func Given(args []string) ([]Peer, error) {
	makers := map[string]func(path string) Peer{"axosyslog": axoSyslog, "fluent-bit": fluentBit, "vector": vector}
	var all []Peer
	for _, arg := range args {
		name, path, found := strings.Cut(arg, "=")
		maker := makers[name]
		if !found || path == "" || maker == nil {
			var names []string
			for _, p := range given() {
				names = append(names, p.Name)
			}
			return nil, fmt.Errorf("peer %q is unknown: use NAME=PATH, with a name of %s and the path of its program", arg, strings.Join(names, ", "))
		}
		path, err := filepath.Abs(path)
		if err != nil {
			return nil, fmt.Errorf("find the program of %s: %w", name, err)
		}
		all = append(all, maker(path))
	}
	return all, nil
}

// givenProgram is a program of the user's; config writes its configuration into the site.
func givenProgram(path, file string, args func(config string, s Site) []string, config func(s Site) (string, error)) func(context.Context, string) (*Program, error) {
	return func(ctx context.Context, _ string) (*Program, error) {
		if _, err := os.Stat(path); err != nil {
			return nil, fmt.Errorf("find the program: %w", err)
		}
		version, err := firstLine(ctx, nil, path, "--version")
		if errors.Is(err, ErrMissing) { // it was asked for by its path
			return nil, fmt.Errorf("ask %s for its version; is it the right program? %v", path, err) //nolint:errorlint // it must not be skipped
		}
		return &Program{Version: version, command: func(s Site) (Command, error) {
			text, err := config(s)
			if err != nil {
				return Command{}, err
			}
			written, err := s.writeConfig(file, text)
			return Command{Path: path, Args: args(written, s), Config: text}, err
		}}, err
	}
}

// fluentBit is Fluent Bit with its file system storage. Its inputs have threads of their own.
// Of a message it sends the text: its parser takes anything.
func fluentBit(path string) Peer {
	return Peer{
		Name:  "fluent-bit",
		About: "syslog inputs with a parser that takes anything, file system storage with full sync, splunk output with gzip and 2 workers",
		prepare: givenProgram(path, "fluent-bit.yaml", func(config string, _ Site) []string { return []string{"--config=" + config} }, func(s Site) (string, error) {
			hec, err := url.Parse(s.HEC)
			if err != nil {
				return "", fmt.Errorf("read the address of the endpoint: %w", err)
			}
			input := `    - {name: syslog, mode: %s, listen: 127.0.0.1, port: {port}, parser: any, threaded: true, storage.type: filesystem, buffer_chunk_size: 64k, buffer_max_size: 1M%s}
`
			return fmt.Sprintf(`service:
  flush: 0.2
  log_level: error
  storage.path: %q
  storage.sync: full
  storage.max_chunks_up: 512
parsers:
  - {name: any, format: regex, regex: "^(?<log>.*)$"}
pipeline:
  inputs:
%s  outputs:
    - {name: splunk, match: "*", host: %s, port: %s, splunk_token: %s, tls: false, compress: gzip, workers: 2, event_key: $log, retry_limit: no_limits, storage.total_limit_size: 4G}
`, filepath.Join(s.Dir, "storage"), s.perPort(fmt.Sprintf(input, "tcp", "")+fmt.Sprintf(input, "udp", ", receive_buffer_size: 32M")),
				hec.Hostname(), hec.Port(), s.Token), nil
		}),
	}
}

// vector is Vector with a disk buffer, which it syncs each 500 ms.
func vector(path string) Peer {
	return Peer{
		Name:  "vector",
		About: "syslog sources, a disk buffer of 4 GB that blocks when it is full, splunk_hec_logs with gzip",
		prepare: givenProgram(path, "vector.yaml", func(config string, _ Site) []string { return []string{"--quiet", "--config", config} }, func(s Site) (string, error) {
			data := filepath.Join(s.Dir, "data")
			if err := os.MkdirAll(data, 0o750); err != nil {
				return "", fmt.Errorf("make Vector's folder: %w", err)
			}
			return fmt.Sprintf(`data_dir: %q
sources:
%ssinks:
  hec:
    type: splunk_hec_logs
    inputs: ["tcp*", "udp*"]
    endpoint: %s
    default_token: %s
    compression: gzip
    encoding: {codec: text}
    batch: {max_bytes: 1000000, timeout_secs: 0.2}
    buffer: {type: disk, max_size: 4000000000, when_full: block}
`, data, s.perPort(`  tcp{port}: {type: syslog, mode: tcp, address: "127.0.0.1:{port}"}
  udp{port}: {type: syslog, mode: udp, address: "127.0.0.1:{port}", receive_buffer_bytes: 33554432}
`), s.HEC, s.Token), nil
		}),
	}
}

// axoSyslog is AxoSyslog, whose http() compresses.
func axoSyslog(path string) Peer {
	return Peer{
		Name:  "axosyslog",
		About: "reliable disk buffer of 4 GB, http() to HEC with gzip, 2 workers and 1,000 lines a request",
		prepare: givenProgram(path, "axosyslog.conf", syslogNGArgs, func(s Site) (string, error) {
			return syslogNGConfig("current", ` content-compression("gzip")`, s), nil
		}),
	}
}

// syslogNGArgs start syslog-ng, and what descends from it.
func syslogNGArgs(config string, s Site) []string {
	return []string{"--foreground", "--no-caps", "--cfgfile=" + config,
		"--persist-file=" + filepath.Join(s.Dir, "persist"), "--control=" + filepath.Join(s.Dir, "control"),
		"--pidfile=" + filepath.Join(s.Dir, "pid")}
}
