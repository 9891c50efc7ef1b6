package jetstream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	js "github.com/nats-io/nats.go/jetstream"
)

const (
	// askServers is where all servers answer with their settings, if the account of the
	// gateways may ask (docs/cluster.md).
	askServers = "$SYS.REQ.SERVER.PING.VARZ"
	// serversTime is how long it takes at most until all have answered.
	serversTime = 2 * time.Second
	// maxSkew is how far the clocks of a server and of this machine may differ.
	maxSkew = time.Minute
	// roomForHeaders is what max_payload must have above the largest body.
	roomForHeaders = 64 << 10
)

// Findings are what a check of the cluster has found, each a sentence that says what to do.
type Findings struct {
	Refused  []string // records would be lost, or nothing would be forwarded
	Warnings []string
	Servers  int // that have answered
}

func (f *Findings) refuse(format string, args ...any) {
	f.Refused = append(f.Refused, fmt.Sprintf(format, args...))
}

func (f *Findings) warn(format string, args ...any) {
	f.Warnings = append(f.Warnings, fmt.Sprintf(format, args...))
}

// Check reaches the servers and looks for what would lose records of at most largest bytes.
// It changes nothing.
func Check(ctx context.Context, o Options, largest int64) Findings {
	var f Findings
	conns := f.reach(o, largest)
	defer func() {
		for _, c := range conns {
			c.Close()
		}
	}()
	if len(conns) == 0 {
		return f
	}
	servers := ask(ctx, conns[0])
	f.Servers = max(len(servers), len(conns))
	v, err := visitOver(o, conns[0])
	if err != nil {
		f.refuse("%v", err)
		return f
	}
	if o.Replicas > 1 && conns[0].ConnectedClusterName() == "" {
		f.refuse("%s is a server of its own, and queue.jetstream.replicas is %d: give the servers a cluster block, or set replicas to 1", conns[0].ConnectedServerName(), o.Replicas)
	}
	missing := f.streams(ctx, v)
	if len(servers) == 0 {
		f.warn("the servers do not say how they are set: see to it that each has sync_interval: always and %d bytes for the streams, "+
			"or let the account of the gateways import %s (docs/cluster.md)", o.MaxSize, askServers)
		return f
	}
	f.settings(o, servers, missing)
	return f
}

// reach connects to each of the servers.
func (f *Findings) reach(o Options, largest int64) (conns []*nats.Conn) {
	found, errs := make([]*nats.Conn, len(o.Servers)), make([]error, len(o.Servers))
	var dials sync.WaitGroup
	for i, server := range o.Servers {
		dials.Go(func() { found[i], errs[i] = o.dial(server) })
	}
	dials.Wait()
	for i, c := range found {
		if errs[i] != nil {
			f.refuse("%v", errs[i])
			continue
		}
		conns = append(conns, c)
		if have, need := c.MaxPayload(), largest+roomForHeaders; have < need {
			f.refuse("%s: max_payload is %d bytes, and a record may have %d: set max_payload: 9MB, or lower batch.max_bytes", host(o.Servers[i]), have, need)
		}
		if v := c.ConnectedServerVersion(); tooOld(v) {
			f.refuse("%s: it is NATS %s, which may lose records that it has acknowledged: install 2.15 or newer", host(o.Servers[i]), v)
		}
		if ok, _ := c.ConnectedServerJetStream(); !ok {
			f.refuse("%s: JetStream is off: look into its log (a full disk turns it off), and restart it", host(o.Servers[i]))
		}
	}
	return conns
}

// tooOld reports whether servers of a version may lose acknowledged records with any
// sync_interval: before 2.15 a Raft log could be shortened before what it covers was on disk
// (nats-io/nats-server pull request 8447). What is no version is not too old.
func tooOld(version string) bool {
	var major, minor int
	n, _ := fmt.Sscanf(version, "%d.%d", &major, &minor)
	return n == 2 && (major < 2 || major == 2 && minor < 15)
}

// streams looks at the streams that are there, and returns how many are not.
func (f *Findings) streams(ctx context.Context, v *Visitor) (missing int) {
	seen, err := readMemory(v.options.Memory)
	if err != nil {
		f.refuse("%v", err)
		return 0
	}
	c := &Cluster{options: v.options}
	for i := range v.options.Streams {
		s := newStream(c, i)
		stream, err := v.js.Stream(ctx, s.name)
		switch {
		case errors.Is(err, js.ErrStreamNotFound) && seen.has(s.name):
			f.refuse("%v", s.gone(seen.path))
			continue
		case errors.Is(err, js.ErrStreamNotFound):
			missing++
			continue
		case errors.Is(err, js.ErrJetStreamNotEnabledForAccount), errors.Is(err, js.ErrJetStreamNotEnabled):
			f.refuse("JetStream is off for the account of gateway %q: write jetstream: enabled into the account", v.options.Gateway)
			return 0
		case err != nil:
			f.refuse("stream %s: %v: no majority of the servers answers; look at their logs", s.name, err)
			return 0
		}
		info := stream.CachedInfo()
		if err := s.asWanted(&info.Config); err != nil {
			f.refuse("%v", err)
			continue
		}
		consumer, err := stream.Consumer(ctx, consumerName)
		if err == nil {
			err = s.asShared(&consumer.CachedInfo().Config)
		}
		if err != nil && !errors.Is(err, js.ErrConsumerNotFound) {
			f.refuse("%v", err)
		}
		if st := describe(info); st.Up && st.Current < st.Replicas {
			f.warn("stream %s: %d of %d replicas are current: start the server that is away, or wait until it has caught up", s.name, st.Current, st.Replicas)
		} else if !st.Up {
			f.refuse("stream %s: %s: start the servers that are away", s.name, st.Problem)
		}
	}
	return missing
}

// server is what a server says of itself: the parts of VARZ that are used.
type server struct {
	Name       string    `json:"server_name"`
	MaxPayload int64     `json:"max_payload"`
	Now        time.Time `json:"now"`
	JetStream  struct {
		Config *struct {
			MaxStorage int64 `json:"max_storage"`
			SyncAlways bool  `json:"sync_always"`
		} `json:"config"`
		Stats struct {
			Reserved int64 `json:"reserved_storage"`
		} `json:"stats"`
		Meta struct {
			Size int `json:"cluster_size"`
		} `json:"meta"`
	} `json:"jetstream"`
	at time.Time // when it answered
}

// ask returns what all servers say of themselves; nothing, if the gateway may not ask.
func ask(ctx context.Context, conn *nats.Conn) (all []server) {
	ctx, cancel := context.WithTimeout(ctx, serversTime)
	defer cancel()
	sub, err := conn.SubscribeSync(conn.NewRespInbox())
	if err != nil {
		return nil
	}
	if err := conn.PublishRequest(askServers, sub.Subject, nil); err != nil {
		return nil
	}
	for size := 0; size == 0 || len(all) < size; {
		m, err := sub.NextMsgWithContext(ctx)
		if err != nil { // it may not ask, or no other one answers
			return all
		}
		var answer struct {
			Data server `json:"data"`
		}
		if json.Unmarshal(m.Data, &answer) != nil {
			continue
		}
		answer.Data.at = time.Now()
		all = append(all, answer.Data)
		size = max(size, answer.Data.JetStream.Meta.Size)
	}
	return all
}

// settings judges what the servers say. missing is the number of streams that are still to be
// made.
func (f *Findings) settings(o Options, all []server, missing int) {
	var with, places int
	share := max(1, o.MaxSize/int64(o.Streams))
	for _, s := range all {
		if skew := s.at.Sub(s.Now); skew.Abs() > maxSkew {
			f.refuse("%s: its clock differs by %s from that of this machine: let NTP set both", s.Name, skew.Abs().Round(time.Second))
		}
		store := s.JetStream.Config
		if store == nil {
			continue
		}
		with++
		if !store.SyncAlways {
			f.refuse("%s: sync_interval is not always: a power failure of all servers loses what they have acknowledged; write sync_interval: always into its jetstream block", s.Name)
		}
		places += min(missing, int(max(0, store.MaxStorage-s.JetStream.Stats.Reserved)/share))
	}
	if with < o.Replicas {
		f.refuse("%d servers have JetStream, and queue.jetstream.replicas is %d: start the others (%s), or lower replicas", with, o.Replicas, names(all))
		return
	}
	if places < missing*o.Replicas {
		f.refuse("the servers have no room for %d streams of %d bytes on %d servers each: raise max_file_store, or lower queue.jetstream.max_size", missing, share, o.Replicas)
	}
}

func names(all []server) string {
	var have []string
	for _, s := range all {
		have = append(have, s.Name)
	}
	return "answered: " + strings.Join(have, ", ")
}
