package hecserver

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"

	"github.com/klauspost/compress/gzip"
)

// MaxBody bounds a body, packed and unpacked, in bytes.
const MaxBody = 256 << 20

// ErrTooLarge says that a body is larger than MaxBody.
var ErrTooLarge = errors.New("the body is larger than an endpoint takes")

// Decoder unpacks bodies and keeps what that needs. The zero value is ready, and
// safe for concurrent use.
type Decoder struct{ readers sync.Pool }

// ReadBody appends the unpacked body of a request to buf.
func (d *Decoder) ReadBody(r *http.Request, buf *bytes.Buffer) error {
	var body io.Reader = http.MaxBytesReader(nil, r.Body, MaxBody)
	switch r.Header.Get("Content-Encoding") {
	case "", "identity":
	case "gzip":
		z, err := d.unzip(body)
		if err != nil {
			return fmt.Errorf("read a gzip body: %w", err)
		}
		defer d.readers.Put(z)
		body = io.LimitReader(z, MaxBody+1)
	default:
		return fmt.Errorf("content encoding %q is not taken", r.Header.Get("Content-Encoding"))
	}
	if _, err := buf.ReadFrom(body); err != nil {
		return fmt.Errorf("read the body: %w", err)
	}
	if buf.Len() > MaxBody {
		return ErrTooLarge
	}
	return nil
}

func (d *Decoder) unzip(body io.Reader) (*gzip.Reader, error) {
	if z, ok := d.readers.Get().(*gzip.Reader); ok {
		return z, z.Reset(body)
	}
	return gzip.NewReader(body)
}

// Answer is the JSON of an answer. Fields that are nil are left out.
type Answer struct {
	Text    string `json:"text"`
	Code    int    `json:"code"`
	Invalid *int   `json:"invalid-event-number,omitempty"`
	AckID   *int64 `json:"ackId,omitempty"`
}

// Reply writes an answer as HEC does.
func Reply(w http.ResponseWriter, status int, a Answer) {
	data, err := json.Marshal(a)
	if err != nil {
		status = http.StatusInternalServerError
	}
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(status)
	_, _ = w.Write(data) // the client has gone; it will post again
}
