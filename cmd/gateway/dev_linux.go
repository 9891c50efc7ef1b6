package main

import (
	"context"
	"crypto/rand"
	"io"
	"sync"

	"syslog-gateway/internal/hec/hecserver"
)

// devSink is the embedded HEC endpoint of `gateway run --dev`. It outlives the
// gateway, which delivers to it until its end.
type devSink struct {
	server *hecserver.Server
	token  string
	end    context.CancelFunc
	done   sync.WaitGroup
}

func startDevSink(out io.Writer) (*devSink, error) {
	token := rand.Text()
	server, err := hecserver.Listen(hecserver.Options{Token: token, Out: out})
	if err != nil {
		return nil, err
	}
	ctx, end := context.WithCancel(context.Background())
	d := &devSink{server: server, token: token, end: end}
	d.done.Go(func() { _ = server.Run(ctx) })
	return d, nil
}

func (d *devSink) stop() {
	d.end()
	d.done.Wait()
}
