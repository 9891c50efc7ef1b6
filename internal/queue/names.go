package queue

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
	queueName = "events"
	segPrefix = queueName + ".diskqueue."
	segSuffix = ".dat"
	badSuffix = ".bad"
	metaName  = segPrefix + "meta.dat"
	tmpSuffix = ".tmp"

	fileMode = 0o600
	dirMode  = 0o750
)

// segmentName is diskqueue's name of segment num.
func segmentName(num int64) string { return fmt.Sprintf("%s%06d%s", segPrefix, num, segSuffix) }

// segmentNumber reads a name that segmentName made, also where diskqueue has put
// .bad behind it.
func segmentNumber(name string) (num int64, bad, ok bool) {
	name, bad = strings.CutSuffix(name, badSuffix)
	digits, ok := strings.CutPrefix(name, segPrefix)
	if !ok {
		return 0, false, false
	}
	if digits, ok = strings.CutSuffix(digits, segSuffix); !ok {
		return 0, false, false
	}
	num, err := strconv.ParseInt(digits, 10, 64)
	return num, bad, err == nil && num >= 0 && segmentName(num) == name
}

// isTemp says that a file is a temporary one beside a file whose name begins so: those
// of durable have a dot in front, those of diskqueue and of older versions have none.
func isTemp(name, prefix string) bool {
	return strings.HasPrefix(strings.TrimPrefix(name, "."), prefix) && strings.HasSuffix(name, tmpSuffix)
}

// unlink removes the file of a segment, whatever diskqueue has made of its name. The
// order of the two names matters: a rename can come between them, but only this way.
func unlink(path string) error {
	return errors.Join(remove(path), remove(path+badSuffix), remove(path+doubtSuffix))
}

func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("queue: remove a consumed segment: %w", err)
	}
	return nil
}
