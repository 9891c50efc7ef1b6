package segment

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
)

// The names of files. Those with the prefix belong to diskqueue or are beside its files.
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

// Name is diskqueue's name of segment num.
func Name(num int64) string { return fmt.Sprintf("%s%06d%s", Prefix, num, Suffix) }

// Number reads a name that Name made, also if diskqueue has put .bad behind it.
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

// IsTemp says that a file is a temporary one beside a file whose name begins so. Those of
// package durable begin with a dot, those of diskqueue and of older versions do not.
func IsTemp(name, prefix string) bool {
	return strings.HasPrefix(strings.TrimPrefix(name, "."), prefix) && strings.HasSuffix(name, TempSuffix)
}

// RemoveAll removes the file of a segment, whatever diskqueue has made of its name. The
// order of the names matters: diskqueue may rename the file between two removals.
func RemoveAll(path string) error {
	return errors.Join(Remove(path), Remove(path+BadSuffix), Remove(path+UnsyncedSuffix))
}

func Remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("queue: remove a consumed segment: %w", err)
	}
	return nil
}
