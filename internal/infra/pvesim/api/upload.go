package api

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"strings"

	"syslog-gateway/internal/infra/pvesim/refusal"
)

// readUpload takes the fields of a form with a file. The file is read and forgotten; its name
// and size stay.
func (in *incoming) readUpload(r *http.Request) error {
	parts, err := r.MultipartReader()
	if err != nil {
		return &refusal.Error{Status: 400, Reason: refusal.OneLine(err.Error()), Bare: true}
	}
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil && part.FileName() != "" {
			if in.upload, err = io.Copy(io.Discard, part); err == nil {
				in.params["filename"] = path.Base(part.FileName())
				continue
			}
		}
		if err != nil {
			return &refusal.Error{Status: 400, Reason: refusal.OneLine("unable to read the upload: " + err.Error()), Bare: true}
		}
		value, err := io.ReadAll(io.LimitReader(part, maxField+1))
		if err != nil || len(value) > maxField {
			return &refusal.Error{Status: 400, Reason: fmt.Sprintf("upload: the field %q is torn or longer than %d bytes", part.FormName(), maxField), Bare: true}
		}
		if len(in.params) < maxFields {
			in.params[part.FormName()] = strings.TrimRight(string(value), "\r\n")
		}
	}
}

const (
	maxField  = 4 << 10 // bytes of one field of an upload
	maxFields = 32
)

// isUpload reports whether a request may carry a file.
func (in *incoming) isUpload() bool {
	return in.method == "POST" && strings.HasPrefix(in.path, "/nodes/") && strings.HasSuffix(in.path, "/upload")
}
