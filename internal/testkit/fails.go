package testkit

import "strings"

// Fails wants an error with all the texts in it.
func Fails(t test, err error, texts ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("no error; want one with %q", texts)
		return
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("%q is not in: %v", text, err)
		}
	}
}

// Err is the error of a call: testkit.Fails(t, testkit.Err(f(…)), "no such file").
func Err[T any](_ T, err error) error { return err }
