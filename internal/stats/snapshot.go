package stats

import (
	"encoding/json"
	"time"

	"syslog-gateway/internal/ledger"
)

// Provider tells the server what the stages know. Its methods are called by several
// goroutines at a time; they must not block.
type Provider interface {
	// Snapshot returns the state of the gateway. The server keeps and changes
	// the slices and maps of what it gets.
	Snapshot() Snapshot
	// Ready returns what must hold for the gateway to do its work. None at all
	// means that it has not started yet, and counts as not ready.
	Ready() []Condition
	// DeadLetters returns at most the n newest events that Splunk refused, newest
	// first.
	DeadLetters(n int) ([]DeadLetter, error)
}

// Operator does what the page's buttons say. A state is one of ready, drain, maint.
type Operator interface {
	SetShard(name, state string) error
	SetEndpoint(url, state string) error
}

// The states that a shard or an endpoint can be set to, as HAProxy calls them.
const (
	StateReady = "ready" // in use
	StateDrain = "drain" // takes nothing new
	StateMaint = "maint" // does nothing at all
)

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
}

// Condition is one line of /readyz. No password may be in it: /readyz is open to
// everybody who reaches the port.
type Condition struct {
	Name string
	OK   bool
	Why  string // what is missing, or what is there
}

// Snapshot is the state of the gateway at one moment. Sources, shards and endpoints
// are shown in the order given. The JSON names are those of /api/v1/status.
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
	// DeadLetters is the store of what Splunk refused.
	DeadLetters DeadLetterStore `json:"dead_letter_store"`

	// Listening: all ports are open.
	Listening bool `json:"listening"`
	// Blocked: pressure goes back to the senders, TCP is not read at the moment.
	Blocked bool `json:"blocked"`
	// Problems are what else an operator should know, each a sentence.
	Problems []string `json:"problems"`
}

// DeadLetterStore is the store of the events that Splunk refused.
type DeadLetterStore struct {
	Events  uint64 `json:"events"`         // that are in it now, whoever put them there
	Evicted uint64 `json:"evicted_events"` // removed since the start to make room: lost
}

// Source is one source. Of the balance, the provider fills in the name only: the
// server reads the rest from the ledger.
type Source struct {
	ledger.Balance
	// Configured is set by the server. It is false for a source of which only
	// events in the queue are left.
	Configured bool `json:"configured"`
	// Internal is the gateway itself, which reports to Splunk.
	Internal   bool     `json:"internal"`
	Port       int      `json:"port"`
	Transports []string `json:"transports"` // udp, tcp, tls
	// Connections are the open ones by transport, Rejected those refused by reason.
	Connections map[string]int64  `json:"connections"`
	Rejected    map[string]uint64 `json:"rejected_connections"`
	// KernelDrops are the datagrams that the kernel dropped because the receive
	// buffer was full. They were never received, so they are not in the books.
	KernelDrops uint64 `json:"udp_kernel_drops"`
	// ReceiveBuffer is what the kernel granted and ReceiveBufferWanted what is
	// configured, in bytes; 0: not known.
	ReceiveBuffer       int `json:"udp_receive_buffer_bytes"`
	ReceiveBufferWanted int `json:"udp_receive_buffer_wanted_bytes"`
	// SilentAfter is for how long a sender sends nothing until it is called silent;
	// 0: for ever.
	SilentAfter time.Duration `json:"-"`
}

// Shard is one shard of the queue.
type Shard struct {
	Name     string    `json:"name"`
	Records  int64     `json:"records"`
	Events   int64     `json:"events"`
	Bytes    int64     `json:"bytes"`
	Segments int64     `json:"segments"`
	Oldest   time.Time `json:"oldest,omitzero"` // when the oldest event was received; zero: nothing waits
	Corrupt  uint64    `json:"corrupt_records"`
	Stuck    bool      `json:"stuck"`    // full or failing
	Full     bool      `json:"full"`     // an append was refused for want of room
	Fault    string    `json:"fault"`    // of its disk; else empty
	Draining bool      `json:"draining"` // takes nothing new, of an earlier configuration
	// Aside is drain or maint when somebody has set it aside; else empty.
	Aside    string `json:"aside"`
	Appended uint64 `json:"appended_records"` // since the start
}

// Endpoint is one HEC endpoint of Splunk.
type Endpoint struct {
	URL string `json:"url"` // without user and password
	Up  bool   `json:"up"`
	// State says more than Up where there is more to say, such as busy or refused.
	State      string    `json:"state"`
	Since      time.Time `json:"since,omitzero"`
	LastAnswer string    `json:"last_answer"`
	InFlight   int       `json:"in_flight"`
	// Limit is how many may be in flight, as it is adapted to how the endpoint
	// answers; 0: not known.
	Limit         int     `json:"concurrency_limit"`
	Requests      uint64  `json:"requests"`
	Failures      uint64  `json:"failures"`
	LatencyMillis float64 `json:"latency_ms"`
	// Unacked are requests that wait for the indexer's acknowledgement.
	Unacked int `json:"unacknowledged"`
	// Aside is drain or maint when somebody has set it aside; else empty.
	Aside string `json:"aside"`
}

// Queue is what all shards share.
type Queue struct {
	CapacityBytes int64   `json:"capacity_bytes"`
	UsedBytes     int64   `json:"used_bytes"`
	FreeDiskBytes int64   `json:"free_disk_bytes"`
	MinFreeBytes  int64   `json:"min_free_bytes"` // with less free than this the queue is full
	WhenFull      string  `json:"when_full"`      // block, drop_oldest, drop_newest
	Full          bool    `json:"full"`
	Fault         string  `json:"fault"`      // why it cannot store; else empty
	ReadFault     string  `json:"read_fault"` // why a part of it cannot be read; else empty
	OldestSeconds float64 `json:"oldest_seconds"`
	// DamagedParts are files in the queue's folder corrupt.
	DamagedParts int `json:"damaged_parts"`
}
