package jetstream

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	js "github.com/nats-io/nats.go/jetstream"

	"syslog-gateway/internal/event"
	"syslog-gateway/internal/status"
	"syslog-gateway/internal/throttle"
)

const (
	// consumerName is the durable consumer that all gateways share.
	consumerName = "gateway"
	// maxAckPending bounds the records that all gateways hold together.
	maxAckPending = 8192
)

// The answers of a stream that takes no more.
const (
	codeResources js.ErrorCode = 10023 // of the server
	codeAccount   js.ErrorCode = 10002 // resources of the account
	codeStorage   js.ErrorCode = 10047 // of the server
	codeStore     js.ErrorCode = 10077 // "maximum bytes exceeded"
)

// Stream is one stream of the cluster.
type Stream struct {
	cluster *Cluster
	number  int
	name    string
	source  *Source
	state   atomic.Pointer[state]
	stored  atomic.Uint64 // records that this gateway has stored

	alarm throttle.Throttle
}

// state is what is known of a stream.
type state struct {
	consumer js.Consumer // nil: the stream is not ready
	status   status.Stream
}

func newStream(c *Cluster, number int) *Stream {
	s := &Stream{cluster: c, number: number, name: NameOf(number)}
	s.source = newSource(s)
	s.state.Store(&state{status: status.Stream{Name: s.name, Replicas: c.options.Replicas, Problem: "not reached yet"}})
	return s
}

// NameOf returns the name of a stream: SYSLOG-00.
func NameOf(number int) string { return fmt.Sprintf("SYSLOG-%02d", number) }

// Source gives out the records of the stream.
func (s *Stream) Source() *Source { return s.source }

// Status returns what is known of the stream.
func (s *Stream) Status() status.Stream {
	st := s.state.Load().status
	st.Held, st.Redelivered = s.source.holding(), s.source.redelivered.Load()
	return st
}

// wanted is the stream as it must be.
func (s *Stream) wanted() js.StreamConfig {
	o := s.cluster.options
	return js.StreamConfig{
		Name:        s.name,
		Description: "records of syslog-gateway; acknowledged ones are removed",
		Subjects:    []string{fmt.Sprintf("syslog.%02d.>", s.number)},
		Retention:   js.WorkQueuePolicy,
		Storage:     js.FileStorage,
		Discard:     js.DiscardNew,
		MaxBytes:    o.MaxSize / int64(o.Streams),
		MaxMsgs:     -1,
		Replicas:    o.Replicas,
		Duplicates:  o.DuplicateWindow,
		DenyDelete:  true,
		AllowDirect: true,
	}
}

// check makes the stream ready, and keeps what the servers say of it. It reports whether the
// server that this gateway is connected to is of use: one that has lost the others knows no
// leader.
func (s *Stream) check(ctx context.Context) (useful bool) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	old := s.state.Load()
	next, err := s.look(ctx, old.consumer)
	if err != nil {
		next = &state{consumer: old.consumer, status: old.status}
		next.status.Up, next.status.Problem = false, err.Error()
		useful = !noAnswer(err) && ctx.Err() == nil && s.cluster.conn.IsConnected()
		if useful {
			next.consumer = nil // it is not as it must be
		}
		if n, ok := s.alarm.Ready(time.Now(), time.Minute); ok && s.cluster.conn.IsConnected() {
			s.cluster.log.Error("a stream cannot be used; records wait in the disk queue", "stream", s.name, "error", err, "similar", n)
		}
	}
	next.status.CheckedAt = time.Now()
	s.state.Store(next)
	if next.consumer != nil {
		s.source.wake()
	}
	return useful || next.status.Up
}

// ackWait is how long the servers wait for a word about a record. The gateway that made the
// consumer has said so.
func (s *Stream) ackWait() time.Duration {
	if consumer := s.state.Load().consumer; consumer != nil {
		return consumer.CachedInfo().Config.AckWait
	}
	return s.cluster.options.AckWait
}

// look finds or makes the stream and its consumer.
func (s *Stream) look(ctx context.Context, consumer js.Consumer) (*state, error) {
	c := s.cluster
	stream, err := c.js.Stream(ctx, s.name)
	if errors.Is(err, js.ErrStreamNotFound) {
		if c.memory.has(s.name) {
			return nil, s.gone(c.memory.path)
		}
		c.log.Info("making a stream", "stream", s.name, "replicas", c.options.Replicas)
		stream, err = c.js.CreateStream(ctx, s.wanted())
	}
	if err != nil {
		return nil, fmt.Errorf("stream %s: %w", s.name, err)
	}
	info := stream.CachedInfo()
	if err := s.asWanted(&info.Config); err != nil {
		return nil, err
	}
	if err := c.memory.note(s.name, info.Created); err != nil {
		return nil, err
	}
	if consumer == nil {
		if consumer, err = s.consume(ctx, stream); err != nil {
			return nil, err
		}
	}
	st := describe(info)
	if ci, err := consumer.Info(ctx); err == nil {
		st.AckPending = ci.NumAckPending
	} else if errors.Is(err, js.ErrConsumerNotFound) {
		return nil, fmt.Errorf("consumer %s of stream %s is gone: %w", consumerName, s.name, err)
	}
	return &state{consumer: consumer, status: st}, nil
}

// gone is the error of a stream that was there before.
func (s *Stream) gone(memory string) error {
	return fmt.Errorf("stream %s is gone, and was there before: what was in it is not delivered. Bring the servers back that hold it; "+
		"or, to begin with an empty one, stop the gateways and remove its line from %s", s.name, memory)
}

// describe returns what the servers say of a stream.
func describe(info *js.StreamInfo) status.Stream {
	st := status.Stream{
		Name: info.Config.Name, Up: true, Replicas: info.Config.Replicas, Records: info.State.Msgs, Bytes: info.State.Bytes,
		CapacityBytes: info.Config.MaxBytes, Current: 1,
	}
	if info.State.Msgs != 0 {
		st.Oldest = info.State.FirstTime
	}
	if k := info.Cluster; k != nil {
		st.Leader = k.Leader
		if k.Leader == "" {
			st.Up, st.Problem, st.Current = false, "the stream has no leader", 0
		}
		for _, r := range k.Replicas {
			if r.Current {
				st.Current++
			}
			st.Lag = max(st.Lag, r.Lag)
		}
	}
	return st
}

// asWanted says in what a stream is not as it must be.
func (s *Stream) asWanted(have *js.StreamConfig) error {
	want := s.wanted()
	for _, c := range []struct {
		name       string
		have, want any
	}{
		{"retention", have.Retention, want.Retention},
		{"storage", have.Storage, want.Storage},
		{"discard", have.Discard, want.Discard},
		{"replicas", have.Replicas, want.Replicas},
		{"max_bytes", have.MaxBytes, want.MaxBytes},
		{"max_age", have.MaxAge, want.MaxAge},
		{"max_msgs", have.MaxMsgs, want.MaxMsgs},
		{"duplicate_window", have.Duplicates, want.Duplicates},
		{"subjects", fmt.Sprint(have.Subjects), fmt.Sprint(want.Subjects)},
		{"mirror", have.Mirror != nil, false},
		{"sources", len(have.Sources), 0},
		{"deny_delete", have.DenyDelete, true},
	} {
		if c.have != c.want {
			return fmt.Errorf("stream %s is not as queue.jetstream says: %s is %v, wanted %v. Correct the configuration, or use other streams", s.name, c.name, c.have, c.want)
		}
	}
	return nil
}

// consume finds or makes the consumer. A new one begins with the oldest record.
func (s *Stream) consume(ctx context.Context, stream js.Stream) (js.Consumer, error) {
	consumer, err := stream.Consumer(ctx, consumerName)
	if errors.Is(err, js.ErrConsumerNotFound) {
		consumer, err = stream.CreateConsumer(ctx, js.ConsumerConfig{
			Durable:       consumerName,
			AckPolicy:     js.AckExplicitPolicy,
			AckWait:       s.cluster.options.AckWait,
			MaxDeliver:    -1,
			MaxAckPending: maxAckPending,
			DeliverPolicy: js.DeliverAllPolicy,
		})
		if errors.Is(err, js.ErrConsumerExists) { // another gateway was faster
			consumer, err = stream.Consumer(ctx, consumerName)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("consumer %s of stream %s: %w", consumerName, s.name, err)
	}
	if err := s.asShared(&consumer.CachedInfo().Config); err != nil {
		return nil, err
	}
	return consumer, nil
}

// asShared says in what a consumer is not one that all gateways can use.
func (s *Stream) asShared(have *js.ConsumerConfig) error {
	if have.AckPolicy != js.AckExplicitPolicy || have.MaxDeliver != -1 || have.FilterSubject != "" || len(have.FilterSubjects) != 0 {
		return fmt.Errorf("consumer %s of stream %s belongs to somebody else: it must have explicit acknowledgements, no limit of deliveries and no filter", consumerName, s.name)
	}
	return nil
}

// full reports whether a stream answers so when it has no room.
func full(c js.ErrorCode) bool {
	return c == codeStore || c == codeResources || c == codeAccount || c == codeStorage
}

// Publish stores a record of a shard on a quorum of the servers. duplicate says that they had
// it already. The error is event.ErrFull when the stream is full, and event.ErrRecord when it
// can never take the record. With any other error it is not known whether the record was
// stored: publish it again. Nothing of the record is kept.
func (s *Stream) Publish(ctx context.Context, shard int, r *event.Record, again string) (duplicate bool, err error) {
	st := s.state.Load()
	if st.consumer == nil {
		return false, fmt.Errorf("stream %s: %s", s.name, st.status.Problem)
	}
	c := s.cluster
	if limit := c.conn.MaxPayload(); limit > 0 && int64(len(r.Body)) > limit-maxHeaders {
		return false, fmt.Errorf("%w: its body has %d bytes, max_payload of the servers is %d; raise it above batch.max_bytes + 64 KiB", event.ErrRecord, len(r.Body), limit)
	}
	m := &nats.Msg{Subject: subjectOf(s.number, r.Source, c.options.Gateway), Header: headersOf(r), Data: r.Body}
	m.Header.Set(js.MsgIDHeader, identifier(c.options.Gateway, shard, r)+again)
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	ack, err := c.js.PublishMsg(ctx, m, js.WithRetryAttempts(0), js.WithExpectStream(s.name))
	var api *js.APIError
	switch {
	case err == nil:
		s.stored.Add(1)
		return ack.Duplicate, nil
	case errors.As(err, &api) && (full(api.ErrorCode)):
		return false, fmt.Errorf("stream %s: %w: %s", s.name, event.ErrFull, api.Description)
	case errors.As(err, &api) && api.ErrorCode == js.JSErrCodeStreamMessageExceedsMaximum:
		return false, fmt.Errorf("stream %s: %w: %s", s.name, event.ErrRecord, api.Description)
	}
	return false, fmt.Errorf("stream %s: %w", s.name, err)
}
