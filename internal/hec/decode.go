package hec

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// maxCodings is how many codings an answer may have, one within the other.
const maxCodings = 3

var errCoding = errors.New("its coding is not known")

// decode takes the codings off the body of an answer (RFC 9110 section 8.4). We ask for
// none; a proxy may still use one. The result is bounded by maxAnswer. A body
// that is plain JSON, though its header says gzip or deflate, is taken as it is.
func decode(header http.Header, body []byte) ([]byte, error) {
	var codings []string
	for _, line := range header.Values("Content-Encoding") {
		for name := range strings.SplitSeq(line, ",") {
			if name = strings.ToLower(strings.TrimSpace(name)); name != "" && name != "identity" {
				codings = append(codings, name)
			}
		}
	}
	if len(codings) == 0 {
		return body, nil
	}
	plain, err := body, error(nil)
	if len(codings) > maxCodings {
		err = fmt.Errorf("%w: there are %d", errCoding, len(codings))
	}
	for i := len(codings) - 1; i >= 0 && err == nil; i-- { // the last was put on last
		plain, err = uncode(codings[i], plain)
	}
	if err != nil && !errors.Is(err, errCoding) && json.Valid(body) {
		return body, nil
	}
	return plain, err
}

// uncode takes one coding off.
func uncode(coding string, body []byte) ([]byte, error) {
	switch coding {
	case "gzip", "x-gzip":
		return read(gzip.NewReader(bytes.NewReader(body)))
	case "deflate": // is zlib's format, and some send it without zlib's header
		plain, err := read(zlib.NewReader(bytes.NewReader(body)))
		if err != nil {
			plain, err = read(flate.NewReader(bytes.NewReader(body)), nil)
		}
		return plain, err
	}
	return nil, fmt.Errorf("%w: %q", errCoding, coding)
}

func read[R io.Reader](from R, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	plain, err := io.ReadAll(io.LimitReader(from, maxAnswer+1))
	if len(plain) > maxAnswer {
		return nil, errors.New("it unpacks to more than an answer may have")
	}
	return plain, err
}
