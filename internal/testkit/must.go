package testkit

import "strings"

// A test is what this package needs of a testing.TB: the tools of bench use the package
// and do without testing.
type test interface {
	Helper()
	Errorf(format string, args ...any)
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

// Equal says that the test has failed where what is so is not what is wanted. The test
// goes on.
func Equal[V comparable](t test, what string, got, want V) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// Holds says that the test has failed for each of the parts that a text has not.
func Holds(t test, what, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%s: %q is not in:\n%s", what, part, text)
		}
	}
}

// Lacks says that the test has failed for each of the parts that a text has.
func Lacks(t test, what, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if strings.Contains(text, part) {
			t.Errorf("%s: %q is in:\n%s", what, part, text)
		}
	}
}
