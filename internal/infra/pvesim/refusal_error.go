package pvesim

import (
	"fmt"
	"sort"
	"strings"
)

// apiError is an answer that is not 200. Proxmox VE puts the message into the reason
// phrase of the status line and, once someone is logged in, into the body.
type apiError struct {
	status int
	reason string
	errors map[string]string // per parameter
	bare   bool              // no body
}

// Error implements error with the reason, which is what task errors show.
func (e *apiError) Error() string { return e.reason }

// fail is what a `die` in the real code comes out as.
func fail(format string, args ...any) error {
	return &apiError{status: 500, reason: fmt.Sprintf(format, args...)}
}

// forbidden is raise_perm_exc.
func forbidden(format string, args ...any) error {
	return &apiError{status: 403, reason: "Permission check failed (" + fmt.Sprintf(format, args...) + ")"}
}

// badParams is raise_param_exc: all wrong parameters at once.
func badParams(errs map[string]string) error {
	return &apiError{status: 400, reason: "Parameter verification failed.", errors: errs}
}

// badParam is badParams for a single one.
func badParam(name, format string, args ...any) error {
	return badParams(map[string]string{name: fmt.Sprintf(format, args...)})
}

// text is how a parameter exception reads inside another message, such as a task's error.
func (e *apiError) text() string {
	if len(e.errors) == 0 {
		return e.reason
	}
	var b strings.Builder
	b.WriteString(e.reason + "\n")
	for _, k := range sortedKeys(e.errors) {
		fmt.Fprintf(&b, "%s: %s\n", k, strings.TrimRight(e.errors[k], "\n"))
	}
	return b.String()
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
