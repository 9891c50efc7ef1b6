// Package abort ends a long sequence of steps at its first error, as FailNow ends a test.
// It is for the tools that measure, where each step only makes sense after the one before.
package abort

// end is the error that ends the steps.
type end struct{ error }

// Must ends the steps for an error. It is for the goroutine that catches the end.
func Must(err error) {
	if err != nil {
		panic(end{err})
	}
}

// Value is Must for a call that returns something.
func Value[T any](v T, err error) T {
	Must(err)
	return v
}

// Catch is deferred by the function that has the steps: what ended them is its error. What
// is deferred before it sees that error.
func Catch(err *error) {
	switch e := recover().(type) {
	case nil:
	case end:
		*err = e.error
	default:
		panic(e)
	}
}
