package mix

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"strconv"

	"syslog-gateway/bench/marker"
)

const (
	maxLine = 64 << 10 // bytes of a line of the user's
	maxFile = 64 << 20 // bytes of messages that a ring holds
)

// ReadRing makes a ring of the lines of a file, in their order, each with a marker at its
// end. Empty lines are left out; of a file that is larger than 64 MiB the first lines are
// taken. Their times stay as they are.
func ReadRing(path string, f Framing) (*Ring, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the lines to send: %w", err)
	}
	defer file.Close()
	r := &Ring{}
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, maxLine)
	for lines.Scan() && len(r.buf) < maxFile {
		if line := bytes.TrimRight(lines.Bytes(), "\r"); len(line) > 0 {
			r.add(line, f)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read the lines to send: %s, line %d: %w", path, len(r.msgs)+1, err)
	}
	if len(r.msgs) == 0 {
		return nil, fmt.Errorf("read the lines to send: %s holds none", path)
	}
	return r, nil
}

// add appends one line with its marker and framing.
func (r *Ring) add(line []byte, f Framing) {
	start := len(r.buf)
	if f == Octet {
		r.buf = strconv.AppendInt(r.buf, int64(len(line)+1+marker.Len), 10)
		r.buf = append(r.buf, ' ')
	}
	r.buf = append(append(r.buf, line...), ' ')
	at := len(r.buf)
	r.buf = append(r.buf, marker.Blank...)
	if f == LF {
		r.buf = append(r.buf, '\n')
	}
	r.msgs = append(r.msgs, message{start, len(r.buf), at})
}
