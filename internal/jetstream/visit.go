package jetstream

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	js "github.com/nats-io/nats.go/jetstream"

	"syslog-gateway/internal/event"
	"syslog-gateway/internal/status"
)

// Visitor looks at the streams of a cluster from outside. It makes nothing and, but for Purge,
// takes nothing out: gateways go on meanwhile.
type Visitor struct {
	options Options
	conn    *nats.Conn
	js      js.JetStream
}

// Visit connects to the first of the servers that lets the gateway in. The error says why none
// does.
func Visit(o Options) (*Visitor, error) {
	var errs []error
	for _, server := range o.Servers {
		conn, err := o.dial(server)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		return visitOver(o, conn)
	}
	return nil, errors.Join(errs...)
}

func visitOver(o Options, conn *nats.Conn) (*Visitor, error) {
	j, err := js.New(conn, js.WithDefaultTimeout(answerTime))
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("queue.jetstream: %w", err)
	}
	return &Visitor{options: o, conn: conn, js: j}, nil
}

// Close ends the connection.
func (v *Visitor) Close() { v.conn.Close() }

// Names are those of the streams that the configuration asks for.
func (v *Visitor) Names() []string {
	var names []string
	for i := range v.options.Streams {
		names = append(names, NameOf(i))
	}
	return names
}

// Status returns what the servers say of a stream. Held is unknown; Redelivered is of the
// records that are taken now. A stream that is not there, or whose servers do not answer, has
// a problem.
func (v *Visitor) Status(ctx context.Context, name string) status.Stream {
	stream, err := v.stream(ctx, name)
	if err != nil {
		return status.Stream{Name: name, Replicas: v.options.Replicas, Problem: err.Error()}
	}
	st := describe(stream.CachedInfo())
	consumer, err := stream.Consumer(ctx, consumerName)
	switch {
	case errors.Is(err, js.ErrConsumerNotFound):
		st.Up, st.Problem = false, fmt.Sprintf("it has no consumer %s: nothing is delivered until a gateway makes it", consumerName)
	case err != nil:
		st.Up, st.Problem = false, fmt.Sprintf("ask for consumer %s: %v", consumerName, err)
	default:
		info := consumer.CachedInfo()
		st.AckPending, st.Redelivered = info.NumAckPending, uint64(info.NumRedelivered)
	}
	return st
}

func (v *Visitor) stream(ctx context.Context, name string) (js.Stream, error) {
	stream, err := v.js.Stream(ctx, name)
	switch {
	case errors.Is(err, js.ErrStreamNotFound):
		return nil, fmt.Errorf("there is no stream %s: a gateway makes it when it runs", name)
	case err != nil:
		return nil, fmt.Errorf("stream %s: %w", name, err)
	}
	return stream, nil
}

// Each reads the records that a stream holds now, oldest first, and returns the sequence of
// the last one. What is damaged goes to bad, with its sequence. Records that gateways deliver
// meanwhile may be among them or not. An error is one of good, or of the servers.
func (v *Visitor) Each(ctx context.Context, name string, good func(event.Record) error, bad func(sequence uint64, err error)) (last uint64, err error) {
	stream, err := v.stream(ctx, name)
	if err != nil {
		return 0, err
	}
	last = stream.CachedInfo().State.LastSeq
	for next := stream.CachedInfo().State.FirstSeq; next <= last; {
		m, err := v.message(ctx, stream, next)
		switch {
		case errors.Is(err, js.ErrMsgNotFound):
			return last, nil // the rest was delivered
		case err != nil:
			return last, fmt.Errorf("stream %s: read the record after %d: %w", name, next, err)
		case m.Sequence > last:
			return last, nil
		}
		next = m.Sequence + 1
		r, err := recordOf(m.Header, m.Data)
		r.Seq = m.Sequence
		if err != nil {
			bad(m.Sequence, err)
			continue
		}
		if err := good(r); err != nil {
			return last, err
		}
	}
	return last, nil
}

// patience is how long a visitor waits for servers that elect a leader.
const patience = 30 * time.Second

// message reads the first message from a sequence on, by Direct Get: no consumer has a part
// in it.
func (v *Visitor) message(ctx context.Context, stream js.Stream, from uint64) (m *js.RawStreamMsg, err error) {
	for end := time.Now().Add(patience); ; {
		if m, err = v.get(ctx, stream, from); err == nil || !noAnswer(err) || time.Now().After(end) {
			return m, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(time.Second):
		}
	}
}

func (v *Visitor) get(ctx context.Context, stream js.Stream, from uint64) (*js.RawStreamMsg, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	return stream.GetMsg(ctx, from, js.WithGetMsgSubject(">"))
}

// host is a server's address without scheme and user.
func host(server string) string {
	if _, after, ok := strings.Cut(server, "://"); ok {
		server = after
	}
	return server[strings.LastIndexByte(server, '@')+1:]
}
