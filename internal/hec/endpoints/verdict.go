package endpoints

import "time"

// Condition is what an answer means for the endpoint that gave it.
type Condition uint8

// The conditions.
const (
	Unknown  Condition = iota // the answer says nothing about the endpoint
	Serving                   // it works
	Busy                      // it works, and asks for less
	Failing                   // it does not work, or something else answered
	Refusing                  // its configuration or ours must be changed by a person
)

// Verdict is what one answer says about its endpoint.
type Verdict struct {
	Condition Condition
	Text      string        // the answer, for people, without secrets
	Label     string        // the value of the metrics label code
	Retry     bool          // the post is to be repeated
	SlowDown  bool          // the events were accepted, and the queues fill up
	Answered  bool          // there was an HTTP status
	Timeout   bool          // there was no answer within the time of an attempt
	Cancelled bool          // we ended the attempt
	Closes    bool          // the connection cannot be used again
	After     time.Duration // Retry-After
	// Unconfirmed says that the events seem to be accepted, and that this cannot be relied
	// on.
	Unconfirmed bool
}
