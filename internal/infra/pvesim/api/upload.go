package api

import (
	"crypto/md5"  //nolint:gosec // one of the API's checksums
	"crypto/sha1" //nolint:gosec // one of the API's checksums
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"hash"
	"io"
	"mime/multipart"
	"net/http"
	"strings"

	"syslog-gateway/internal/infra/pvesim/refusal"
)

// Upload is what is kept of an uploaded file: not its content.
type Upload struct {
	Size     int64  // bytes
	Checksum string // by the algorithm that was sent before the file; "" without one
}

// maxField is how long a field beside the file may be, in bytes.
const maxField = 4 << 10

// readUpload reads a body of multipart/form-data as Proxmox VE's server does: fields, and as the
// last part the file, whose name becomes the parameter filename.
func (in *incoming) readUpload(r *http.Request) error {
	bad := func(reason string) error { return &refusal.Error{Status: 400, Reason: reason, Bare: true} }
	parts, err := r.MultipartReader()
	if err != nil {
		return bad("multipart/form-data without a boundary")
	}
	for {
		part, err := parts.NextPart()
		if err != nil {
			return bad("upload without a file")
		}
		if part.FileName() != "" {
			in.params["filename"] = part.FileName()
			return in.readFile(part)
		}
		value, err := io.ReadAll(io.LimitReader(part, maxField))
		if err != nil {
			return bad("broken upload")
		}
		in.params[part.FormName()] = strings.TrimSpace(string(value))
	}
}

func (in *incoming) readFile(part *multipart.Part) error {
	sum := checksums(in.params["checksum-algorithm"])
	to := io.Discard
	if sum != nil {
		to = sum
	}
	size, err := io.Copy(to, part)
	if err != nil {
		return &refusal.Error{Status: 400, Reason: "broken upload", Bare: true}
	}
	in.upload = &Upload{Size: size}
	if sum != nil {
		in.upload.Checksum = hex.EncodeToString(sum.Sum(nil))
	}
	return nil
}

// checksums is the hash of an algorithm's name, or nil.
func checksums(algorithm string) hash.Hash {
	switch algorithm {
	case "md5":
		return md5.New() //nolint:gosec // as above
	case "sha1":
		return sha1.New() //nolint:gosec // as above
	case "sha224":
		return sha256.New224()
	case "sha256":
		return sha256.New()
	case "sha384":
		return sha512.New384()
	case "sha512":
		return sha512.New()
	}
	return nil
}
