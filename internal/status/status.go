// Package status has the types that the stages report their state in, and that the
// statistics page and the API show. The JSON names are those of /api/v1/status: names are
// added and never changed.
//
// What is computed from several readings, such as rates and health, belongs to package
// stats/monitor.
package status

import (
	"encoding/json"
	"maps"
	"time"

	"syslog-gateway/internal/ledger"
)

// The modes that an operator can set a shard or an endpoint to, named as HAProxy names
// them.
const (
	Ready = "ready" // in use
	Drain = "drain" // takes nothing new
	Maint = "maint" // does nothing at all
)

// Snapshot is the state of the gateway at one moment. Sources, shards and endpoints are
// shown in the order given.
type Snapshot struct {
	Version string    `json:"version"`
	Commit  string    `json:"commit"`
	Host    string    `json:"host"` // the machine's name; may be empty
	Started time.Time `json:"started"`
	Now     time.Time `json:"now"`

	Sources   []Source   `json:"sources"`
	Shards    []Shard    `json:"shards"`
	Endpoints []Endpoint `json:"endpoints"`
	Queue     Queue      `json:"queue"`
	// Streams are those of a cluster; empty without one.
	Streams []Stream `json:"streams,omitempty"`
	// Cluster is the sum over all gateways; nil until it is known, and without a cluster.
	Cluster *Cluster `json:"cluster,omitempty"`
	// ForwardLagSeconds is the age of the oldest record that is being forwarded to a stream.
	ForwardLagSeconds float64         `json:"forward_lag_seconds,omitempty"`
	DeadLetters       DeadLetterStore `json:"dead_letter_store"`
	// Packs are shown by /api/v1/classes.
	Packs Packs `json:"-"`
	// Rules are shown by /api/v1/rules.
	Rules []Rule `json:"-"`
	// Latency is how long deliveries took since the start.
	Latency Latency `json:"-"`
	// Notes are what else an operator should know. Package stats/monitor adds their texts to
	// Problems.
	Notes []Note `json:"-"`

	// Listening is set while all ports are open.
	Listening bool `json:"listening"`
	// Blocked is set while back-pressure holds the senders: TCP is not read.
	Blocked bool `json:"blocked"`
	// Problems are what else an operator should know, each a sentence.
	Problems []string `json:"problems"`
}

// Source is one input of the gateway. Of the balance only the name is filled in by the
// listener: package stats/monitor reads the rest from the ledger.
type Source struct {
	ledger.Balance
	// Configured is false for a source that only has events in the queue. Package
	// stats/monitor sets it.
	Configured bool `json:"configured"`
	// Internal is the gateway itself, which reports to Splunk.
	Internal   bool     `json:"internal"`
	Port       int      `json:"port"`
	Transports []string `json:"transports"` // udp, tcp, tls
	// Connections are the open ones by transport, Rejected the refused ones by reason.
	Connections map[string]int64  `json:"connections"`
	Rejected    map[string]uint64 `json:"rejected_connections"`
	// KernelDrops are datagrams that the kernel dropped because the receive buffer was
	// full. They were never received, so the ledger does not have them.
	KernelDrops uint64 `json:"udp_kernel_drops"`
	// ReceiveBuffer is what the kernel granted and ReceiveBufferWanted what is
	// configured, in bytes; 0 means unknown.
	ReceiveBuffer       int `json:"udp_receive_buffer_bytes"`
	ReceiveBufferWanted int `json:"udp_receive_buffer_wanted_bytes"`
	// SilentAfter is how long a sender sends nothing before it counts as silent; 0
	// means without limit.
	SilentAfter time.Duration `json:"-"`
	// Classes are shown by /api/v1/classes.
	Classes []Class `json:"-"`
	// Volumes are shown by /api/v1/volume.
	Volumes []Volume `json:"-"`
}

// Shard is one shard of the queue.
type Shard struct {
	Name     string    `json:"name"`
	Records  int64     `json:"records"`
	Events   int64     `json:"events"`
	Bytes    int64     `json:"bytes"`
	Segments int64     `json:"segments"`
	Oldest   time.Time `json:"oldest,omitzero"` // when the oldest event was received; zero if none waits
	Corrupt  uint64    `json:"corrupt_records"`
	Stuck    bool      `json:"stuck"`    // full or failing
	Full     bool      `json:"full"`     // an append was refused because the queue is full
	Fault    string    `json:"fault"`    // of its disk; empty if there is none
	Draining bool      `json:"draining"` // of an earlier configuration: takes nothing new
	// Mode is the mode an operator has set, drain or maint; empty while in use.
	Mode     string `json:"aside"`
	Appended uint64 `json:"appended_records"` // since the start
}

// Stream is a stream of the cluster, as the servers last described it. All gateways see the
// same, except what this one holds.
type Stream struct {
	Name string `json:"name"`
	// Up says that the stream has a leader and is as it must be. Problem says what is wrong
	// otherwise.
	Up            bool      `json:"up"`
	Problem       string    `json:"problem,omitempty"`
	Leader        string    `json:"leader"`
	Replicas      int       `json:"replicas"`
	Current       int       `json:"replicas_current"` // those that have all records
	Lag           uint64    `json:"replica_lag"`      // operations that the slowest replica lacks
	Records       uint64    `json:"records"`
	Bytes         uint64    `json:"bytes"`
	CapacityBytes int64     `json:"capacity_bytes"`
	Oldest        time.Time `json:"oldest,omitzero"` // when the oldest record was stored
	AckPending    int       `json:"ack_pending"`     // taken by gateways and not acknowledged
	Held          int       `json:"held"`            // of these, by this gateway
	Redelivered   uint64    `json:"redelivered_records"`
	CheckedAt     time.Time `json:"checked_at,omitzero"`
}

// Word is the state of the stream in one word.
func (s Stream) Word() string {
	switch {
	case !s.Up:
		return "down"
	case s.Current < s.Replicas:
		return "degraded"
	}
	return "ok"
}

// Books are the events of one gateway since it joined the cluster, restarts included, or of
// all gateways.
type Books struct {
	Received     uint64            `json:"received"`
	Secured      uint64            `json:"secured"`
	Taken        uint64            `json:"taken"`
	GivenBack    uint64            `json:"given_back"`
	Delivered    uint64            `json:"delivered"`
	Pending      int64             `json:"pending"` // in memory, in the disk queue, or taken
	Deadlettered uint64            `json:"deadlettered"`
	Dropped      uint64            `json:"dropped"`
	DropReasons  map[string]uint64 `json:"drop_reasons,omitempty"`
	// RecordsSecured and RecordsDone are the records that were stored in the streams, and that
	// the servers have removed.
	RecordsSecured uint64 `json:"records_secured"`
	RecordsDone    uint64 `json:"records_done"`
}

// Add adds other books.
func (b *Books) Add(o Books) {
	b.Received += o.Received
	b.Secured += o.Secured
	b.Taken += o.Taken
	b.GivenBack += o.GivenBack
	b.Delivered += o.Delivered
	b.Pending += o.Pending
	b.Deadlettered += o.Deadlettered
	b.Dropped += o.Dropped
	b.RecordsSecured += o.RecordsSecured
	b.RecordsDone += o.RecordsDone
	reasons := maps.Clone(b.DropReasons)
	for reason, n := range o.DropReasons {
		if reasons == nil {
			reasons = map[string]uint64{}
		}
		reasons[reason] += n
	}
	b.DropReasons = reasons
}

// InStreams is how many events are in the streams, as the gateways have counted. Events that
// were delivered twice make it less.
func (b Books) InStreams() int64 { return int64(b.Secured) + int64(b.GivenBack) - int64(b.Taken) }

// Records is how many records are in the streams, as the gateways have counted.
func (b Books) Records() int64 { return int64(b.RecordsSecured) - int64(b.RecordsDone) }

// Difference is what was received and is nowhere: 0 unless a gateway crashed, lost its queue,
// or has a bug.
func (b Books) Difference() int64 {
	return int64(b.Received) - int64(b.Delivered) - b.Pending - b.InStreams() - int64(b.Deadlettered) - int64(b.Dropped)
}

// Member is one gateway of the cluster, as it last described itself. The operators who have
// purged the streams are one, too.
type Member struct {
	Name string `json:"name"`
	Books
	Difference int64     `json:"difference"`
	SaidAt     time.Time `json:"said_at"` // by the servers' clock
	Silent     bool      `json:"silent"`  // it should have said something since
	Stopped    bool      `json:"stopped"` // on purpose
	// Crashes is how often it has ended without a last report: what it counted in its last
	// seconds is missing.
	Crashes int `json:"crashes,omitempty"`
}

// Word is the state of the gateway in one word.
func (m Member) Word() string {
	switch {
	case m.Stopped:
		return "stopped"
	case m.Silent:
		return "silent"
	}
	return "ok"
}

// Cluster is the sum over all gateways of a cluster. Their reports are up to some seconds old,
// and not of the same moment.
type Cluster struct {
	Members []Member `json:"gateways"` // by name
	Total   Books    `json:"total"`
	// InStreams are events and Records are records, as the gateways have counted;
	// ServerRecords are those that the servers have.
	InStreams     int64  `json:"in_streams"`
	Records       int64  `json:"records"`
	ServerRecords uint64 `json:"server_records"`
	Difference    int64  `json:"difference"`
	// Missing says what the sum lacks and why, each a sentence.
	Missing []string `json:"missing"`
}

// Word is the state of the shard in one word.
func (s Shard) Word() string {
	switch {
	case s.Full && s.Fault == "":
		return "full"
	case s.Stuck:
		return "stuck"
	case s.Mode != "":
		return s.Mode
	case s.Draining:
		return "draining"
	}
	return "ok"
}

// Endpoint is one HEC endpoint of Splunk.
type Endpoint struct {
	URL string `json:"url"` // without user and password
	Up  bool   `json:"up"`
	// State says more than Up, such as busy or refused. It may be empty.
	State      string    `json:"state"`
	Since      time.Time `json:"since,omitzero"`
	LastAnswer string    `json:"last_answer"`
	InFlight   int       `json:"in_flight"`
	// Limit is how many requests may be in flight. It adapts to how the endpoint
	// answers; 0 means unknown.
	Limit    int    `json:"concurrency_limit"`
	Requests uint64 `json:"requests"`
	Failures uint64 `json:"failures"` // requests that were or will be sent again
	// LatencyMillis is a moving average over answered requests.
	LatencyMillis float64 `json:"latency_ms"`
	// Unacked are requests that wait for the indexer's acknowledgement.
	Unacked int `json:"unacknowledged"`
	// Mode is the mode an operator has set, drain or maint; empty while in use.
	Mode string `json:"aside"`
	// Unconfirmed is set while the endpoint accepts events and does not confirm them.
	Unconfirmed bool `json:"-"`
}

// Word is the state of the endpoint, with the mode that an operator has set.
func (e Endpoint) Word() string {
	word := "down"
	switch {
	case e.State != "":
		word = e.State
	case e.Up:
		word = "up"
	}
	if e.Mode != "" {
		word += ", " + e.Mode
	}
	return word
}

// Queue is what all shards share.
type Queue struct {
	CapacityBytes int64   `json:"capacity_bytes"`
	UsedBytes     int64   `json:"used_bytes"`
	FreeDiskBytes int64   `json:"free_disk_bytes"`
	MinFreeBytes  int64   `json:"min_free_bytes"` // with less free than this the queue is full
	WhenFull      string  `json:"when_full"`      // block, drop_oldest, drop_newest
	Full          bool    `json:"full"`
	Fault         string  `json:"fault"`      // why it cannot store; empty if it can
	ReadFault     string  `json:"read_fault"` // why a part of it cannot be read; empty if it can
	OldestSeconds float64 `json:"oldest_seconds"`
	// DamagedFiles are the files in the queue's folder corrupt.
	DamagedFiles int `json:"damaged_parts"`
}

// Free is the remaining space, in bytes: below queue.max_size, and on the disk above
// queue.min_free.
func (q Queue) Free() int64 {
	free := q.CapacityBytes - q.UsedBytes
	if q.FreeDiskBytes > 0 {
		free = min(free, q.FreeDiskBytes-q.MinFreeBytes)
	}
	return max(free, 0)
}

// DeadLetterStore counts the events that Splunk refused and that were kept.
type DeadLetterStore struct {
	Events  uint64 `json:"events"`         // in the store now, also of other processes
	Evicted uint64 `json:"evicted_events"` // removed since the start by drop_oldest: lost
}

// DeadLetter is one event that Splunk refused.
type DeadLetter struct {
	ID       string          `json:"id"`
	Time     time.Time       `json:"time"`
	Reason   string          `json:"reason"`
	Status   int             `json:"http_status"`
	Text     string          `json:"text"`
	Source   string          `json:"source"`
	Endpoint string          `json:"endpoint"`
	Events   int             `json:"events"`
	Event    json.RawMessage `json:"event,omitempty"` // as it was sent
	// What Event says, empty where it does not.
	Host       string `json:"host"`
	Sourcetype string `json:"sourcetype"`
	Index      string `json:"index"`
}

// DeadLetterGroup are the events in the store that were refused alike.
type DeadLetterGroup struct {
	Reason     string    `json:"reason"`
	Source     string    `json:"source"`
	Sourcetype string    `json:"sourcetype"`
	Index      string    `json:"index"`
	Events     uint64    `json:"events"`
	Hosts      []string  `json:"hosts"` // the first ones
	First      time.Time `json:"first"`
	Last       time.Time `json:"last"`
	Text       string    `json:"text"` // of the last answer
}

// Condition is one line of /readyz. It must hold no password: everybody who reaches the
// port can read /readyz.
type Condition struct {
	Name string
	OK   bool
	Why  string // what is missing, or what is there
}

// Note is something that an operator should know.
type Note struct {
	ID   string // one word for its kind, such as reload-refused
	Text string // a sentence
	Row  string // of the page, that it is about
	Help string // the section of docs/operations.md
}

// Latency counts deliveries by how long they took.
type Latency struct {
	Bounds []float64 // upper bounds of all counts but the last, in seconds, ascending
	Counts []uint64  // not cumulative; the last one has no bound
}
