package redact

import (
	"fmt"
	"log/slog"
)

// Secret is text that is never shown: printing, logging and marshalling it in any way
// gives [Mark], or nothing where it is empty. Only Reveal returns the text.
type Secret string

// Reveal returns the text. Its result goes into a request, never into a log.
func (s Secret) Reveal() string { return string(s) }

// String returns [Mark].
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return Mark
}

// GoString returns [Mark].
func (s Secret) GoString() string { return s.String() }

// Format writes [Mark] whatever the verb; without it %d would show the text.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// MarshalText returns [Mark].
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue returns [Mark].
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }
