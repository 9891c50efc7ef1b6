package jetstream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	js "github.com/nats-io/nats.go/jetstream"

	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/status"
	"syslog-gateway/internal/throttle"
)

const (
	// booksStream keeps the last report of each gateway.
	booksStream = "SYSLOG-BOOKS"
	// booksSubjects are those of the reports: of gateways, and of those who purge.
	booksSubjects   = "syslog.books.>"
	gatewaySubjects = "syslog.books.gateway."
	purgeSubject    = "syslog.books.purge"
	// purger is who purges, among the gateways.
	purger = "queue purge"
	// booksBytes and reportBytes bound the stream and a report in it.
	booksBytes  = 1 << 20
	reportBytes = 4 << 10
	// reportEvery is how often a gateway reports what it has counted. After silentAfter without
	// a report it is silent.
	reportEvery = 5 * time.Second
	silentAfter = 4 * reportEvery
	// dropPurged is the reason of events that were purged from a stream.
	dropPurged = "purged"
)

// report is what a gateway says of itself: all that it has counted since it joined the cluster.
// It goes on where its last process has ended.
type report struct {
	Life    int64 `json:"life"`  // when the process began, nanoseconds since 1970
	Ended   bool  `json:"ended"` // the last report of a process
	Crashes int   `json:"crashes,omitempty"`
	status.Books
	Held int64 `json:"held"` // events that it has taken and not finished
}

// said is a report in the stream.
type said struct {
	report
	at       time.Time // by the servers' clock
	sequence uint64
}

// next returns what a new process of the gateway goes on from. What waited is counted anew when
// the queue is opened. What a process held when it crashed is given out again by the servers.
func (w report) next() (base status.Books, crashes int) {
	base, crashes = w.Books, w.Crashes
	base.Pending = 0
	if !w.Ended {
		base.GivenBack += uint64(w.Held)
		crashes++
	}
	return base, crashes
}

// books keep what the gateways say of themselves, and say it for this one.
type books struct {
	cluster *Cluster
	life    int64

	began   bool // the report of the last process was read
	spoke   bool // this process has reported
	base    status.Books
	crashes int
	moved   uint64 // records that all gateways have secured and done, at the last sum
	counted bool   // there was a last sum

	sum   atomic.Pointer[status.Cluster]
	alarm throttle.Throttle
}

func newBooks(c *Cluster) *books { return &books{cluster: c, life: time.Now().UnixNano()} }

// run says every few seconds what this gateway has counted, and adds up what all say, until ctx
// is done.
func (b *books) run(ctx context.Context) {
	for wait := time.Duration(0); ; {
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			t.Stop()
			return
		case <-t.C:
		}
		wait = reportEvery
		if !b.cluster.conn.IsConnected() {
			wait = reconnectPause
		} else if err := b.round(ctx, false); err != nil && ctx.Err() == nil {
			wait = retryPause
			if n, ok := b.alarm.Ready(time.Now(), time.Minute); ok && b.cluster.AnyUp() {
				b.cluster.log.Warn("the sum over all gateways is not known; it is tried again", "stream", booksStream, "error", err, "similar", n)
			}
		}
	}
}

// last makes the last report of the process.
func (b *books) last() {
	if !b.began || !b.cluster.AnyUp() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), lastWords)
	defer cancel()
	if err := b.round(ctx, true); err != nil {
		b.cluster.log.Warn("the other gateways do not learn what this one has counted at last", "stream", booksStream, "error", err)
	}
}

// round reads what all have said, reports for this gateway, and adds up.
func (b *books) round(ctx context.Context, ended bool) error {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	c := b.cluster
	stream, err := openBooks(ctx, c.js, c.options.Replicas)
	if err != nil {
		return err
	}
	all, strange, err := readBooks(ctx, stream)
	if err != nil {
		return err
	}
	own := gatewaySubjects + token(c.options.Gateway)
	before, known := all[own]
	if !b.began {
		if known {
			b.base, b.crashes = before.next()
		}
		b.began = true
	}
	mine := b.report(ended)
	if _, err := say(ctx, c.js, own, mine); err != nil {
		return err
	}
	all[own] = said{report: mine, at: before.at}
	sum := b.add(all)
	for _, subject := range strange {
		sum.Missing = append(sum.Missing, fmt.Sprintf("What is said under %s is not the report of a gateway: see to it that nobody else publishes there.", subject))
	}
	if b.spoke && known && before.Life != b.life {
		sum.Missing = append(sum.Missing, fmt.Sprintf("Another process says that it is %s, too: give each gateway its own queue.jetstream.gateway_id.", c.options.Gateway))
	}
	b.spoke = true
	b.sum.Store(sum)
	return nil
}

// report is what this gateway has counted.
func (b *books) report(ended bool) report {
	w := report{Life: b.life, Ended: ended, Crashes: b.crashes}
	for _, s := range b.cluster.streams {
		w.Held += s.source.holdingEvents()
		w.RecordsDone += s.source.removed.Load()
		w.RecordsSecured += s.stored.Load()
	}
	for _, a := range b.cluster.options.Ledger.Accounts() {
		w.Add(booksOf(a.Settled()))
	}
	w.Add(b.base)
	return w
}

func booksOf(b ledger.Balance) status.Books {
	return status.Books{
		Received: b.Received, Secured: b.Secured, Taken: b.Taken, GivenBack: b.GivenBack, Delivered: b.Delivered,
		Pending: b.Pending(), Deadlettered: b.Deadlettered, Dropped: b.Dropped, DropReasons: b.DropReasons,
	}
}

// add adds up what all have said.
func (b *books) add(all map[string]said) *status.Cluster {
	sum := &status.Cluster{Missing: []string{}}
	var newest time.Time // by the servers' clock, not by ours
	for _, w := range all {
		if w.at.After(newest) {
			newest = w.at
		}
	}
	for _, subject := range slices.Sorted(maps.Keys(all)) {
		w := all[subject]
		m := status.Member{Name: purger, Books: w.Books, Difference: w.Difference(), SaidAt: w.at, Stopped: w.Ended, Crashes: w.Crashes}
		if name, ok := strings.CutPrefix(subject, gatewaySubjects); ok {
			m.Name = name
		}
		m.Silent = !w.Ended && newest.Sub(w.at) > silentAfter
		sum.Members = append(sum.Members, m)
		sum.Total.Add(w.Books)
		sum.Missing = append(sum.Missing, lacks(m)...)
	}
	sum.InStreams, sum.Records, sum.Difference = sum.Total.InStreams(), sum.Total.Records(), sum.Total.Difference()
	up := true
	for _, s := range b.cluster.streams {
		st := s.Status()
		sum.ServerRecords += st.Records
		up = up && st.Up
	}
	moved := sum.Total.RecordsSecured + sum.Total.RecordsDone
	// Reports and servers are not of the same moment: what differs may be what has moved since.
	apart, slack := int64(sum.ServerRecords)-sum.Records, 2*max(0, int64(moved)-int64(b.moved))
	switch {
	case !b.counted || !up:
	case max(apart, -apart) > slack:
		sum.Missing = append(sum.Missing, fmt.Sprintf("The servers have %d records and the gateways have counted %d: %s.", sum.ServerRecords, sum.Records, whyApart(apart)))
	case slack == 0 && sum.Records == 0 && sum.InStreams < 0:
		sum.Missing = append(sum.Missing, fmt.Sprintf("%d events were taken twice: an acknowledgement got lost, or a gateway crashed.", -sum.InStreams))
	case slack == 0 && sum.Records == 0 && sum.InStreams > 0:
		sum.Missing = append(sum.Missing, fmt.Sprintf("%d events were secured, and nobody has taken them.", sum.InStreams))
	}
	b.moved, b.counted = moved, true
	return sum
}

// lacks says what is missing in the report of a gateway.
func lacks(m status.Member) (all []string) {
	if m.Silent {
		all = append(all, fmt.Sprintf("%s has said nothing since %s: what it counted since is missing, and it had %d events.", m.Name, m.SaidAt.UTC().Format(time.RFC3339), m.Pending))
	}
	switch d := m.Difference; {
	case m.Crashes > 0 && d != 0:
		all = append(all, fmt.Sprintf("%s has ended without a last report, or has lost its disk queue; the difference is %d events.", m.Name, d))
	case d != 0:
		all = append(all, fmt.Sprintf("%s has a difference of %d events: its disk queue was changed or lost while it was stopped.", m.Name, d))
	}
	return all
}

func whyApart(apart int64) string {
	if apart > 0 {
		return "a gateway has not said what it secured before it crashed, or a record was stored twice"
	}
	return "a gateway has not said what it delivered before it crashed, or the servers have lost records"
}

// openBooks finds or makes the stream of the reports. It may be made anew: each gateway says all
// that it has counted.
func openBooks(ctx context.Context, j js.JetStream, replicas int) (js.Stream, error) {
	stream, err := j.Stream(ctx, booksStream)
	if errors.Is(err, js.ErrStreamNotFound) {
		stream, err = j.CreateStream(ctx, js.StreamConfig{
			Name: booksStream, Description: "what each gateway of syslog-gateway has counted", Subjects: []string{booksSubjects},
			Storage: js.FileStorage, Discard: js.DiscardOld, Replicas: replicas,
			MaxMsgsPerSubject: 1, MaxBytes: booksBytes, MaxMsgSize: reportBytes,
		})
	}
	if err != nil {
		return nil, fmt.Errorf("stream %s: %w", booksStream, err)
	}
	return stream, nil
}

// readBooks returns what all have said last, by subject, and the subjects of what cannot be
// read. It asks the leader: a copy that is behind may not know the last report of this gateway.
func readBooks(ctx context.Context, stream js.Stream) (all map[string]said, strange []string, err error) {
	all = map[string]said{}
	for next := uint64(1); ; {
		m, err := stream.GetMsg(ctx, next, js.WithGetMsgSubject(booksSubjects))
		if errors.Is(err, js.ErrMsgNotFound) {
			return all, strange, nil
		}
		if err != nil {
			return nil, nil, fmt.Errorf("stream %s: %w", booksStream, err)
		}
		next = m.Sequence + 1
		w := said{at: m.Time, sequence: m.Sequence}
		if json.Unmarshal(m.Data, &w.report) != nil {
			strange = append(strange, m.Subject)
			continue
		}
		all[m.Subject] = w
	}
}

func say(ctx context.Context, j js.JetStream, subject string, w report, o ...js.PublishOpt) (*js.PubAck, error) {
	data, err := json.Marshal(w)
	if err != nil {
		return nil, fmt.Errorf("stream %s: %w", booksStream, err)
	}
	ack, err := j.Publish(ctx, subject, data, append(o, js.WithRetryAttempts(0), js.WithExpectStream(booksStream))...)
	if err != nil {
		return nil, fmt.Errorf("stream %s: %w", booksStream, err)
	}
	return ack, nil
}

// Sum is the sum over all gateways; nil until it is known.
func (c *Cluster) Sum() *status.Cluster { return c.books.sum.Load() }

// Purged counts what was purged from a stream.
type Purged struct {
	Records uint64
	Events  map[string]int64 // by source
	Kept    int              // records that gateways had taken: they deliver them, or give them back
}

// purgeAtOnce is how many records are purged at a time.
const purgeAtOnce = 64

// Purge takes the records of a stream up to a sequence, drops them, and counts them in the books
// of the cluster. It takes them as a gateway does, so that nobody else delivers what was counted
// as purged. What is returned with an error was purged.
func (v *Visitor) Purge(ctx context.Context, name string, last uint64) (Purged, error) {
	p := Purged{Events: map[string]int64{}}
	fail := func(err error) (Purged, error) { return p, fmt.Errorf("purge stream %s: %w", name, err) }
	consumer, err := v.js.Consumer(ctx, name, consumerName)
	if err != nil {
		return fail(err)
	}
	p.Kept = consumer.CachedInfo().NumAckPending
	for {
		batch, err := consumer.FetchNoWait(purgeAtOnce)
		if err != nil {
			return fail(err)
		}
		var w report
		n, err := v.drop(ctx, batch, last, &p, &w)
		if err == nil {
			err = batch.Error()
		}
		if w.RecordsDone != 0 {
			// What was dropped is counted, also when it is the last.
			err = errors.Join(err, v.count(context.WithoutCancel(ctx), w))
		}
		if err != nil {
			return fail(err)
		}
		if n == 0 {
			return p, nil
		}
	}
}

// drop takes the messages of a batch out of the stream. It returns how many these were.
func (v *Visitor) drop(ctx context.Context, batch js.MessageBatch, last uint64, p *Purged, w *report) (n int, err error) {
	var acks sync.WaitGroup
	var mu sync.Mutex
	for m := range batch.Messages() {
		about, metaErr := m.Metadata()
		if metaErr != nil || about.Sequence.Stream > last { // it came later
			_ = m.Nak()
			continue
		}
		n++
		acks.Go(func() {
			r, _ := recordOf(m.Headers(), m.Data()) // of a damaged one the events are known, or none
			ctx, cancel := context.WithTimeout(ctx, answerTime)
			defer cancel()
			ackErr := m.DoubleAck(ctx)
			mu.Lock()
			defer mu.Unlock()
			if ackErr != nil {
				err = fmt.Errorf("record %d: %w", about.Sequence.Stream, ackErr)
				return
			}
			p.Records++
			p.Events[r.Source] += int64(r.Events)
			w.RecordsDone++
			w.Taken += uint64(r.Events)
			w.Dropped += uint64(r.Events)
			w.DropReasons = map[string]uint64{dropPurged: w.Dropped}
		})
	}
	acks.Wait()
	return n, err
}

// count adds to what was purged. Several may purge at a time.
func (v *Visitor) count(ctx context.Context, more report) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		stream, err := openBooks(ctx, v.js, v.options.Replicas)
		if err != nil {
			return err
		}
		all, _, err := readBooks(ctx, stream)
		if err != nil {
			return err
		}
		w := more
		w.Ended = true
		w.Add(all[purgeSubject].Books)
		_, err = say(ctx, v.js, purgeSubject, w, js.WithExpectLastSequencePerSubject(all[purgeSubject].sequence))
		var api *js.APIError
		if !errors.As(err, &api) || api.ErrorCode != js.JSErrCodeStreamWrongLastSequence {
			return err
		}
	}
}
