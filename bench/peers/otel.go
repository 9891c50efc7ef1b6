package peers

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// otelcol is an OpenTelemetry Collector built from the folder otelcol.
func otelcol() Peer {
	return Peer{
		Name:    "otelcol",
		About:   "syslog receiver (RFC 3164), batch, splunk_hec with gzip; sending queue on file storage with fsync",
		prepare: prepareOtelcol,
	}
}

// otelParse has a message of RFC 3164 sent once: as it comes from the parser it is in the
// body with its header and in an attribute without. What is no RFC 3164 stays as it is,
// and is not logged each time.
const otelParse = `protocol: rfc3164, on_error: send_quiet, operators: [{type: move, from: attributes.message, to: body, on_error: send_quiet}]`

// otelcolSource is where the collector's source lies, seen from the project's root.
const otelcolSource = "bench/peers/otelcol"

func prepareOtelcol(ctx context.Context, dir string) (*Program, error) {
	program := filepath.Join(dir, "otelcol")
	if _, err := os.Stat(program); err != nil {
		if _, err := os.Stat(filepath.Join(otelcolSource, "go.mod")); err != nil {
			return nil, missing("its source is not in %s: run bench in the project's root", otelcolSource)
		}
		build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", program, ".")
		build.Dir = otelcolSource
		build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
		if out, err := build.CombinedOutput(); err != nil {
			return nil, missing("build it: %w: %s", err, last(out))
		}
	}
	version, err := firstLine(ctx, nil, program, "--version")
	if err != nil {
		return nil, err
	}
	return &Program{Version: version, command: func(s Site) (Command, error) {
		storage := filepath.Join(s.Dir, "storage")
		if err := os.MkdirAll(storage, 0o755); err != nil {
			return Command{}, fmt.Errorf("make the collector's storage: %w", err)
		}
		text := fmt.Sprintf(`extensions:
  file_storage: {directory: %q, fsync: true}
receivers:
%sprocessors:
  batch: {send_batch_size: 5000, send_batch_max_size: 10000, timeout: 200ms}
exporters:
  splunk_hec:
    endpoint: %s/services/collector
    token: %s
    source: syslog
    sending_queue: {storage: file_storage, num_consumers: 4, queue_size: 1000000}
    retry_on_failure: {max_elapsed_time: 0s}
service:
  extensions: [file_storage]
  telemetry: {metrics: {level: none}, logs: {level: error}}
  pipelines:
    logs: {receivers: [%s], processors: [batch], exporters: [splunk_hec]}
`, storage, s.perPort(`  syslog/tcp{port}: {`+otelParse+`, tcp: {listen_address: "127.0.0.1:{port}"}}
  syslog/udp{port}: {`+otelParse+`, udp: {listen_address: "127.0.0.1:{port}", async: {readers: 2, processors: 2}}}
`), s.HEC, s.Token, strings.TrimSuffix(s.perPort("syslog/tcp{port}, syslog/udp{port}, "), ", "))
		path, err := s.writeConfig("otelcol.yaml", text)
		return Command{Path: program, Args: []string{"--config=file:" + path}, Config: text}, err
	}}, nil
}
