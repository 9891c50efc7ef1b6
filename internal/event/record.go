package event

import (
	"errors"
	"time"
)

// What a queue answers to a record that it does not take.
var (
	// ErrFull says that there is no room: the queue's limit is reached, or the file
	// system has no more to give. Room comes back when records are acknowledged.
	ErrFull = errors.New("the queue is full")
	// ErrRecord says that this record will never be taken: it is larger than the
	// queue, or not one that the format can hold.
	ErrRecord = errors.New("the record cannot be stored")
)

// Encoding says how the body of a Record is compressed. The values are written
// to disk: they never change their meaning.
type Encoding uint8

const (
	// Identity is plain JSON.
	Identity Encoding = 0
	// Gzip is JSON compressed as by RFC 1952; HEC takes it as it is with
	// Content-Encoding: gzip.
	Gzip Encoding = 1
)

// Record is one finished HEC request body with what the books need to know of
// it. All its events are of one source. The body is a sequence of JSON objects,
// each followed by one LF; the objects hold no raw LF, so a decompressed body
// can be cut into its events at LF.
type Record struct {
	// Seq identifies the record within its shard's queue; set by the queue.
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
