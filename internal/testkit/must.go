package testkit

// A test is what Must and Try need of a testing.TB: the tools of bench use this package
// and do without testing.
type test interface {
	Helper()
	Fatal(args ...any)
}

// Must fails the test at once where there is an error.
func Must(t test, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Try(f(…))(t) is the value of f; an error fails the test at once.
func Try[T any](value T, err error) func(test) T {
	return func(t test) T {
		t.Helper()
		Must(t, err)
		return value
	}
}
