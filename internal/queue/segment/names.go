package segment

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
)

// The names that diskqueue gives its files.
const (
	QueueName  = "events"
	Prefix     = QueueName + ".diskqueue."
	Suffix     = ".dat"
	BadSuffix  = ".bad"
	MetaName   = Prefix + "meta.dat"
	TempSuffix = ".tmp"

	FileMode = 0o600
	DirMode  = 0o750
)

// segmentName is diskqueue's name of segment num.
func Name(num int64) string { return fmt.Sprintf("%s%06d%s", Prefix, num, Suffix) }

// segmentNumber reads a name that segmentName made, also where diskqueue has put
// .bad behind it.
func Number(name string) (num int64, bad, ok bool) {
	name, bad = strings.CutSuffix(name, BadSuffix)
	digits, ok := strings.CutPrefix(name, Prefix)
	if !ok {
		return 0, false, false
	}
	if digits, ok = strings.CutSuffix(digits, Suffix); !ok {
		return 0, false, false
	}
	num, err := strconv.ParseInt(digits, 10, 64)
	return num, bad, err == nil && num >= 0 && Name(num) == name
}

// isTemp says that a file is a temporary one beside a file whose name begins so: those
// of durable have a dot in front, those of diskqueue and of older versions have none.
func IsTemp(name, prefix string) bool {
	return strings.HasPrefix(strings.TrimPrefix(name, "."), prefix) && strings.HasSuffix(name, TempSuffix)
}

// unlink removes the file of a segment, whatever diskqueue has made of its name. The
// order of the two names matters: a rename can come between them, but only this way.
func RemoveAll(path string) error {
	return errors.Join(Remove(path), Remove(path+BadSuffix), Remove(path+UnsyncedSuffix))
}

func Remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("queue: remove a consumed segment: %w", err)
	}
	return nil
}
