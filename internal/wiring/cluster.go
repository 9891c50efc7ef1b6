package wiring

import (
	"fmt"
	"path/filepath"

	"syslog-gateway/internal/certificate"
	"syslog-gateway/internal/config"
	"syslog-gateway/internal/jetstream"
)

// streamsFile is the file in the folder of the queue that says which streams were seen.
const streamsFile = "streams.json"

// Cluster returns the options of the connection to the streams, without ledger and log. Its
// certificates are those that the store has in force.
func Cluster(c config.Config, env []string, certificates *certificate.Store) (jetstream.Options, error) {
	j := c.Queue.JetStream
	o := jetstream.Options{
		Servers: j.Servers, Streams: j.Streams, Replicas: j.Replicas, MaxSize: int64(j.MaxSize),
		DuplicateWindow: j.DuplicateWindow, AckWait: j.AckWait, Memory: filepath.Join(c.Queue.Path, streamsFile),
	}
	var err error
	if o.Gateway, err = c.GatewayID(); err != nil {
		return o, err
	}
	if j.TLSOn() {
		o.TLS = new(jetstream.TLS)
		if o.TLS.Certificate, o.TLS.Roots, err = certificates.Client("queue", j.TLS.Files()); err != nil {
			return o, fmt.Errorf("queue.jetstream.tls: %w", err)
		}
	}
	o.CredentialsFile, err = c.QueueCredentials(env)
	return o, err
}
