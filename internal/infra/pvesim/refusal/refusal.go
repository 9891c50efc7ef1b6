// Package refusal is how Proxmox VE says no: a status, a reason phrase, and what is
// wrong with each parameter. It does not decide what is refused.
package refusal

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Error is an answer that is not 200. Proxmox VE puts the message into the reason
// phrase of the status line and, once someone is logged in, into the body.
type Error struct {
	Status int
	Reason string
	Params map[string]string // what is wrong, by parameter
	Bare   bool              // no body
}

// Error implements error with the reason, which is what task errors show.
func (e *Error) Error() string { return e.Reason }

// Text is how a parameter exception reads inside another message, such as a task's error.
func (e *Error) Text() string {
	if len(e.Params) == 0 {
		return e.Reason
	}
	var b strings.Builder
	b.WriteString(e.Reason + "\n")
	for _, k := range slices.Sorted(maps.Keys(e.Params)) {
		fmt.Fprintf(&b, "%s: %s\n", k, strings.TrimRight(e.Params[k], "\n"))
	}
	return b.String()
}

// Fail is what a `die` in the real code comes out as: status 500 and a reason.
func Fail(format string, args ...any) error {
	return &Error{Status: 500, Reason: fmt.Sprintf(format, args...)}
}

// Forbidden is raise_perm_exc: status 403.
func Forbidden(format string, args ...any) error {
	return &Error{Status: 403, Reason: "Permission check failed (" + fmt.Sprintf(format, args...) + ")"}
}

// Unauthorized is status 401, which has no body.
func Unauthorized(reason string) error {
	return &Error{Status: 401, Reason: reason, Bare: true}
}

// BadParams is raise_param_exc: all wrong parameters at once.
func BadParams(errs map[string]string) error {
	return &Error{Status: 400, Reason: "Parameter verification failed.", Params: errs}
}

// BadParam is [BadParams] for a single parameter.
func BadParam(name, format string, args ...any) error {
	return BadParams(map[string]string{name: fmt.Sprintf(format, args...)})
}

// Modified refuses a write with the digest of an older state.
func Modified() error {
	return Fail("detected modified configuration - file changed by other user? Try again.")
}

// OneLine makes text fit for a status line.
func OneLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, line)
}
