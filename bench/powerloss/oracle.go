package powerloss

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"io"
	"regexp"
	"strings"
	"time"

	"syslog-gateway/bench/marker"
	"syslog-gateway/bench/powerloss/disk"
)

// found is a message in a record on the disk.
type found struct {
	seq     int
	synced  bool // on stable storage: record, and the name of its file
	written time.Time
}

// segments are the files of the queue that hold records.
var segments = regexp.MustCompile(`^queue/shard-\d+/events\.diskqueue\.\d+\.dat$`)

// queued returns the messages in all whole records of a disk. The format is that of
// internal/queue/segment's doc.go, read here by other code. A record that an earlier cut
// has damaged stays until the gateway has found it: it is passed over.
func queued(d *disk.Disk) (all []found) {
	for _, f := range d.Files() {
		if !segments.MatchString(f.Path) {
			continue
		}
		for off := 0; ; {
			size, body, ok := record(f.Data[off:])
			if !ok {
				break
			}
			text, err := unzip(body)
			if err != nil {
				off += size
				continue
			}
			synced, written := f.Stable && f.Durable(off, off+size), f.Written(off, off+size)
			for line := range bytes.Lines(text) {
				if m, _, ok := marker.Find(line); ok {
					all = append(all, found{int(m.Seq), synced, written})
				}
			}
			off += size
		}
	}
	return all
}

// record is the size and the body of the record that data begins with.
func record(data []byte) (size int, body []byte, ok bool) {
	const prefix, lengthAt, bodyAt, header = 4, 10, 44, 49
	if len(data) < header || !bytes.Equal(data[prefix:prefix+4], []byte{0x89, 'S', 'Q', 0x1a}) {
		return 0, nil, false
	}
	size = prefix + int(binary.BigEndian.Uint32(data))
	from := prefix + int(binary.BigEndian.Uint16(data[lengthAt:]))
	n := int(binary.BigEndian.Uint32(data[bodyAt:]))
	if size > len(data) || from+n != size {
		return 0, nil, false
	}
	return size, data[from:size], true
}

func unzip(body []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

// deadLetters are the messages in the dead-letter store of a disk.
func deadLetters(d *disk.Disk) map[int]bool {
	all := make(map[int]bool)
	for _, f := range d.Files() {
		if !strings.HasPrefix(f.Path, "dead/") || !strings.HasSuffix(f.Path, ".jsonl") {
			continue
		}
		for line := range bytes.Lines(f.Data) {
			if m, _, ok := marker.Find(line); ok {
				all[int(m.Seq)] = true
			}
		}
	}
	return all
}
