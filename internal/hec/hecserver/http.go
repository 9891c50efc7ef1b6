package hecserver

import (
	"bytes"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"syslog-gateway/internal/event"
)

// MaxBody is how large a request body may be, in bytes.
const MaxBody = 256 << 20

// ReadBody appends the decompressed body of a request to buf.
func ReadBody(d *event.Decompressor, r *http.Request, buf *bytes.Buffer) error {
	enc := event.Identity
	switch r.Header.Get("Content-Encoding") {
	case "", "identity":
	case "gzip":
		enc = event.Gzip
	default:
		return fmt.Errorf("the content encoding %q is not supported", r.Header.Get("Content-Encoding"))
	}
	return d.Append(buf, http.MaxBytesReader(nil, r.Body, MaxBody), enc)
}

// Answer is an answer of HEC. Its JSON leaves out what is nil.
type Answer struct {
	Status  int    `json:"-"` // HTTP
	Text    string `json:"text"`
	Code    int    `json:"code"`
	Invalid *int   `json:"invalid-event-number,omitempty"`
	AckID   *int64 `json:"ackId,omitempty"`
}

// The codes of HEC that our servers answer with.
const (
	Success        = 0
	TokenRequired  = 2
	InvalidToken   = 4
	NoData         = 5
	InvalidFormat  = 6
	Busy           = 9
	ChannelMissing = 10
	AckDisabled    = 14
	Healthy        = 17
	TooLarge       = 27
)

// Of is HEC's answer with a code (Splunk, "Troubleshoot HTTP Event Collector").
func Of(code int) Answer {
	a := answers[code]
	a.Code = code
	return a
}

var answers = map[int]Answer{
	Success:        {Status: http.StatusOK, Text: "Success"},
	TokenRequired:  {Status: http.StatusUnauthorized, Text: "Token is required"},
	InvalidToken:   {Status: http.StatusForbidden, Text: "Invalid token"},
	NoData:         {Status: http.StatusBadRequest, Text: "No data"},
	InvalidFormat:  {Status: http.StatusBadRequest, Text: "Invalid data format"},
	Busy:           {Status: http.StatusServiceUnavailable, Text: "Server is busy"},
	ChannelMissing: {Status: http.StatusBadRequest, Text: "Data channel is missing"},
	AckDisabled:    {Status: http.StatusBadRequest, Text: "ACK is disabled"},
	Healthy:        {Status: http.StatusOK, Text: "HEC is healthy"},
	TooLarge:       {Status: http.StatusRequestEntityTooLarge, Text: "Content too large"},
}

// CheckToken compares a request's Authorization with the token of the server, and
// returns the code of the answer.
func CheckToken(h http.Header, token string) (code int) {
	got := h.Get("Authorization")
	switch {
	case got == "":
		return TokenRequired
	case subtle.ConstantTimeCompare([]byte(got), []byte("Splunk "+token)) == 0:
		return InvalidToken
	}
	return Success
}

// CheckBody returns the code of the answer to a body that was read with an error, or nil.
func CheckBody(body []byte, err error) (code int) {
	switch {
	case errors.Is(err, event.ErrTooLarge):
		return TooLarge
	case err != nil:
		return InvalidFormat
	case len(body) == 0:
		return NoData
	}
	return Success
}

// Reply writes an answer as HEC does.
func Reply(w http.ResponseWriter, a Answer) {
	data, err := json.Marshal(a)
	if err != nil {
		a.Status = http.StatusInternalServerError
	}
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(a.Status)
	_, _ = w.Write(data) // the client has gone; it will post again
}
