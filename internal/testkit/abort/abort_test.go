package abort_test

import (
	"errors"
	"testing"

	"syslog-gateway/internal/testkit"
	"syslog-gateway/internal/testkit/abort"
)

// The first error ends the steps and is the function's, also for what was deferred before;
// a panic stays one.
func TestFirstErrorEnds(t *testing.T) {
	first := errors.New("first")
	var seen error
	steps := func(errs ...error) (n int, err error) {
		defer func() { seen = err }()
		defer abort.Catch(&err)
		for i, e := range errs {
			n += abort.Value(i, e)
		}
		return n, nil
	}
	_, err := steps(nil, first, errors.New("second"))
	testkit.Equal(t, "the error", err, first)
	testkit.Equal(t, "the error seen by what is deferred", seen, first)
	n, err := steps(nil, nil, nil)
	testkit.Equal(t, "the sum", n, 3)
	testkit.Equal(t, "no error", err, nil)
	defer func() { testkit.Equal(t, "the panic", recover(), any("other")) }()
	func() {
		var err error
		defer abort.Catch(&err)
		panic("other")
	}()
}
