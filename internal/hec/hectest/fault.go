package hectest

import (
	"bytes"
	"encoding/json"
	"net"
	"net/http"
)

// reset ends the connection with an RST.
func reset(w http.ResponseWriter) {
	if conn := hijack(w); conn != nil {
		linger(conn)
		conn.Close()
	}
}

func linger(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // without it the close is a FIN: as good a fault
	}
}

// half writes an answer whose body breaks off, with an RST or a FIN.
func half(w http.ResponseWriter, rst bool) {
	conn := hijack(w)
	if conn == nil {
		return
	}
	_, _ = conn.Write([]byte("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 27\r\n\r\n{\"text\":\"Succ"))
	if rst {
		linger(conn)
	}
	conn.Close()
}

func hijack(w http.ResponseWriter) net.Conn {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil
	}
	return conn
}

// cut returns the lines of a body.
func cut(body []byte) [][]byte {
	lines := make([][]byte, 0, bytes.Count(body, []byte{'\n'})+1)
	for line := range bytes.SplitSeq(body, []byte{'\n'}) {
		if len(line) > 0 {
			lines = append(lines, line)
		}
	}
	return lines
}

// Validate is a Check that finds what Splunk refuses: no JSON object (6), no event
// (12), a blank event (13), fields that are not flat (15).
func Validate(line []byte) int {
	var e struct {
		Event  json.RawMessage            `json:"event"`
		Fields map[string]json.RawMessage `json:"fields"`
	}
	if json.Unmarshal(line, &e) != nil {
		return 6
	}
	switch string(e.Event) {
	case "", "null":
		return 12
	case `""`:
		return 13
	}
	for _, v := range e.Fields {
		if len(v) > 0 && v[0] == '{' {
			return 15
		}
	}
	return 0
}
