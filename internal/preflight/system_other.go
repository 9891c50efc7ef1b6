//go:build !linux

package preflight

import (
	"errors"
	"fmt"
)

// do carries out work as the user of this process.
func (u User) do(work func() error) error {
	if u.Name != "" {
		return fmt.Errorf("%w %s, on Linux", errOtherUser, u.Name)
	}
	return work()
}

// space is not known where no gateway runs.
func space(string) (free, total int64, err error) {
	return 0, 0, errors.New("only on Linux")
}
