package hectest

import (
	"net/http"
	"sync"
	"time"

	"syslog-gateway/internal/hec/hecserver"
)

// Fault is how an answer goes wrong.
type Fault int

// The faults.
const (
	None         Fault = iota
	Reset              // the connection is reset instead of an answer
	ResetMidBody       // it is reset in the middle of the answer's body
	Hang               // there is no answer until the client or the server gives up
	HalfAnswer         // the answer breaks off in its body
)

// Answer is one answer of a script. The zero value answers by the rules.
type Answer struct {
	Status     int // HTTP; 0 answers by the rules
	Code       int
	Text       string
	Invalid    *int // invalid-event-number
	NoAckID    bool // leave the ackId out though Acks is on
	RetryAfter string
	// Body is sent instead of HEC's JSON, with ContentType (text/html).
	Body        string
	ContentType string
	Header      http.Header // sent too
	Delay       time.Duration
	Fault       Fault
	// Taken says that the events were taken, though the answer is lost or says
	// otherwise. With Status 200 and Code 0, 24 or 25 they are taken anyway.
	Taken bool
}

// standard is HEC's answer with a code.
func standard(code int) Answer {
	a := hecserver.Of(code)
	return Answer{Status: a.Status, Code: a.Code, Text: a.Text}
}

// OK is the answer of a healthy endpoint, whatever was posted.
func OK() Answer { return standard(hecserver.Success) }

// Refuse is an answer with a HEC code.
func Refuse(status, code int, text string) Answer {
	return Answer{Status: status, Code: code, Text: text}
}

// Busy is the answer of an indexer whose queues are full.
func Busy() Answer { return standard(hecserver.Busy) }

// HTML is an error page of a proxy.
func HTML(status int) Answer {
	return Answer{Status: status, Body: "<html><body><h1>" + http.StatusText(status) + "</h1></body></html>"}
}

// Request is one post as a script sees it. Its slices are valid during the call.
type Request struct {
	N       int // from 0, of this server
	Path    string
	Header  http.Header
	Channel string
	// Events are the lines of the unpacked body.
	Events [][]byte
}

// Script decides the answer to a post. It is called by several goroutines at once.
type Script func(*Request) Answer

// Sequence gives the answers one after the other, then answers by the rules.
func Sequence(answers ...Answer) Script {
	var mu sync.Mutex
	return func(*Request) Answer {
		mu.Lock()
		defer mu.Unlock()
		if len(answers) == 0 {
			return Answer{}
		}
		a := answers[0]
		answers = answers[1:]
		return a
	}
}

// Always gives the same answer to every post.
func Always(a Answer) Script { return func(*Request) Answer { return a } }
