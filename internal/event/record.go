package event

import (
	"errors"
	"time"
)

// The errors of a queue that does not accept a record.
var (
	// ErrFull says that the queue's limit is reached or the file system is full. There is
	// room again when records are acknowledged.
	ErrFull = errors.New("the queue is full")
	// ErrRecord says that this record will never be accepted: it is larger than the queue,
	// or the format cannot represent it.
	ErrRecord = errors.New("the record cannot be stored")
)

// Encoding says how the body of a Record is compressed. The values are on disk and never
// change.
type Encoding uint8

const (
	// Identity is plain JSON.
	Identity Encoding = 0
	// Gzip is JSON in gzip members (RFC 1952), which HEC accepts with Content-Encoding: gzip.
	Gzip Encoding = 1
)

// Record is the finished body of one HEC request, and what is needed to count its events.
// All its events are of one source. The body is a sequence of JSON objects, each followed
// by one LF. The objects contain no LF, so a decompressed body can be cut into events at
// LF.
type Record struct {
	// Seq identifies the record within the queue of its shard. The queue sets it.
	Seq uint64
	// Source is the configured name of the source, such as "palo_alto".
	Source string
	// Events is the number of JSON objects in the body.
	Events int
	// Raw is the length of the body before compression, in bytes.
	Raw int
	// Received is when the first event of the body was received.
	Received time.Time
	// Encoding is how Body is compressed.
	Encoding Encoding
	// Body is the request body.
	Body []byte
}
