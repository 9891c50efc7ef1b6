package stats

import (
	"bytes"
	"encoding/json"
	"log"
	"net/http"
	"strconv"
)

// write sends a whole answer. For HEAD, net/http leaves the body out. It is no error of
// ours if the client has gone away.
func write(w http.ResponseWriter, code int, kind string, body []byte) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(code)
	_, _ = w.Write(body)
}

func plain(w http.ResponseWriter, code int, text string) {
	write(w, code, "text/plain; charset=utf-8", []byte(text))
}

// maxIndented is up to which size JSON is indented for people: that takes as long as making it.
const maxIndented = 128 << 10

// writeJSON sends a value as JSON.
func writeJSON(w http.ResponseWriter, errors *log.Logger, path string, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		broken(w, errors, path, err)
		return
	}
	if len(body) <= maxIndented {
		var b bytes.Buffer
		_ = json.Indent(&b, body, "", "  ") // it is valid
		body = b.Bytes()
	}
	write(w, http.StatusOK, "application/json", append(body, '\n'))
}

// broken answers a request whose answer cannot be made, and logs why.
func broken(w http.ResponseWriter, errors *log.Logger, path string, err error) {
	errors.Printf("cannot write %s: %v", path, err)
	plain(w, http.StatusInternalServerError, "could not be written; the log says why\n")
}

func notFound(w http.ResponseWriter) {
	plain(w, http.StatusNotFound, "there is /stats, /api/v1/openapi.yaml with what it describes, /metrics, /healthz and /readyz\n")
}

// forbidLines refuses to show lines of messages.
func forbidLines(w http.ResponseWriter) {
	plain(w, http.StatusForbidden, "lines of messages are shown to a user only: log in, or set stats.username and its password; "+
		"on the machine itself `gateway tap` shows them\n")
}
