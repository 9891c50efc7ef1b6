package segment

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Position is a place in a shard: a segment and an offset in it.
type Position struct{ Num, Off int64 }

// Meta is diskqueue's metadata file.
type Meta struct {
	Depth       int64
	Read, Write Position
}

func (m Meta) Encode() []byte {
	return fmt.Appendf(nil, "%d\n%d,%d\n%d,%d\n", m.Depth, m.Read.Num, m.Read.Off, m.Write.Num, m.Write.Off)
}

// ReadMeta reads the metadata of the shard in dir. problem says what is wrong with it, ok
// whether there is any to go by. An error is one of reading.
func ReadMeta(dir string) (m Meta, problem string, ok bool, err error) {
	data, err := os.ReadFile(filepath.Join(dir, MetaName))
	if errors.Is(err, fs.ErrNotExist) {
		return m, "metadata is missing", false, nil
	}
	if err != nil {
		return m, "", false, fmt.Errorf("queue: read metadata: %w", err)
	}
	var again Meta
	_, err = fmt.Sscanf(string(data), "%d\n%d,%d\n%d,%d\n", &again.Depth,
		&again.Read.Num, &again.Read.Off, &again.Write.Num, &again.Write.Off)
	if err != nil || again.Read.Num < 0 || again.Read.Off < 0 || again.Write.Num < 0 || string(again.Encode()) != string(data) {
		return m, "metadata is unreadable", false, nil
	}
	return again, "", true, nil
}
