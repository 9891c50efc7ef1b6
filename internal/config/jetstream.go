package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"syslog-gateway/internal/certificate"
)

// The kinds of queue.
const (
	QueueDisk      = "disk"
	QueueJetStream = "jetstream"
)

// queueCredential is the name of the systemd credential for the NATS servers.
const queueCredential = "queue_creds"

// Clustered reports whether records are forwarded to streams.
func (q Queue) Clustered() bool { return q.Kind == QueueJetStream }

// Delivers reports whether the gateway delivers what other gateways have received.
func (q Queue) Delivers() bool { return q.Clustered() && q.JetStream.Deliver }

// checkJetStream checks the keys of a cluster.
func (c Config) checkJetStream(ps *problems) {
	if !c.Queue.Clustered() {
		return
	}
	j, here := c.Queue.JetStream, at("queue", "jetstream")
	if len(j.Servers) == 0 {
		ps.add(here.key("servers"), "kind jetstream needs the addresses of the NATS servers, such as tls://queue-01:4222")
	}
	if (j.TLS.CertFile == "") != (j.TLS.KeyFile == "") {
		ps.add(here.key("tls"), "needs cert_file and key_file together; set both, or none")
	}
	if least := Size(j.Streams) * (c.Batch.MaxBytes + 64*KiB) * 4; j.MaxSize < least {
		ps.add(here.key("max_size"), "%s is too small; allowed: %s or more, which is four batches of %s for each of %d streams", j.MaxSize, least, c.Batch.MaxBytes, j.Streams)
	}
	if c.Batch.MaxBytes > 8*MiB-64*KiB {
		ps.add(at("batch", "max_bytes"), "%s is more than NATS servers should take in one message; allowed with kind jetstream: %s or less", c.Batch.MaxBytes, 8*MiB-64*KiB)
	}
}

// Files returns the files of a client.
func (t MutualTLS) Files() certificate.Files {
	f := certificate.Files{CAFile: t.CAFile, Client: true}
	if t.CertFile != "" {
		f.Pairs = []certificate.Pair{{CertFile: t.CertFile, KeyFile: t.KeyFile}}
	}
	return f
}

// TLSOn reports whether connections are encrypted: an address says so, or there are files.
func (j JetStream) TLSOn() bool {
	return j.TLS != MutualTLS{} || slices.ContainsFunc(j.Servers, func(s string) bool { return strings.HasPrefix(s, "tls://") })
}

// QueueCredentials returns the file with the credentials for the NATS servers: the one that
// queue.jetstream.credentials_file names, else the systemd credential queue_creds. It is empty
// if there is none.
func (c Config) QueueCredentials(env []string) (string, error) {
	path, from := c.Queue.JetStream.CredentialsFile, "queue.jetstream.credentials_file"
	if path == "" {
		dir := lookupEnv(env, "CREDENTIALS_DIRECTORY")
		if dir == "" {
			return "", nil
		}
		path, from = filepath.Join(dir, queueCredential), "systemd credential "+queueCredential
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return "", nil
		}
	}
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("%s: read %s: %w", from, path, cause(err))
	}
	return path, f.Close()
}

// GatewayID returns the name of the gateway in the cluster.
func (c Config) GatewayID() (string, error) {
	if id := c.Queue.JetStream.GatewayID; id != "" {
		return id, nil
	}
	name, err := os.Hostname()
	if err != nil {
		return "", fmt.Errorf("queue.jetstream.gateway_id: the host name is not known (%w); set the key", err)
	}
	return name, nil
}
