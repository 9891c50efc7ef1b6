package main

import (
	"crypto/rand"
	"io"

	"syslog-gateway/internal/hec/hecserver"
)

// devSink is the embedded HEC endpoint of `gateway run --dev`. It outlives the
// gateway, which delivers to it until its end.
type devSink struct {
	server *hecserver.Server
	token  string
	stage  *stage
}

func startDevSink(out io.Writer) (*devSink, error) {
	token := rand.Text()
	server, err := hecserver.Listen(hecserver.Options{Token: token, Out: out})
	if err != nil {
		return nil, err
	}
	s, ctx := newStage()
	s.done.Go(func() { _ = server.Run(ctx) })
	return &devSink{server: server, token: token, stage: s}, nil
}

func (d *devSink) stop() { d.stage.end() }
