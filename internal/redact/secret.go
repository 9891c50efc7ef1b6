package redact

import (
	"fmt"
	"log/slog"
)

// Secret is text that is never shown: printing, logging and marshalling it in any way
// gives [Placeholder], or nothing if it is empty. Only Reveal returns the text.
type Secret string

// Reveal returns the text. Its result goes into a request, never into a log.
func (s Secret) Reveal() string { return string(s) }

// String returns [Placeholder].
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return Placeholder
}

// GoString returns [Placeholder].
func (s Secret) GoString() string { return s.String() }

// Format writes [Placeholder] whatever the verb; without it %d would show the text.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// MarshalText returns [Placeholder].
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue returns [Placeholder].
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }
