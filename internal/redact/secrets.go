package redact

import (
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strings"
	"sync"
)

// Placeholder replaces a removed secret.
const Placeholder = "<secret>"

const (
	// shown is how many characters of a secret in a row may remain.
	shown = 4
	// maxSecrets is how many secrets are remembered: the present ones and earlier ones,
	// which late answers may still contain.
	maxSecrets = 32
	// maxText is how much of a text is read, in bytes. The rest is cut.
	maxText = 16 << 10
)

// Secrets are texts that must not be shown. The zero value has none. It is safe for
// concurrent use.
type Secrets struct {
	mu    sync.RWMutex
	known []string // the newest is last
	runs  map[string]bool
	long  []int // the lengths of the runs
	short []string
}

// Add adds secrets, and removes the oldest ones if there are too many.
func (s *Secrets) Add(secrets ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, secret := range secrets {
		if secret != "" && !slices.Contains(s.known, secret) {
			s.known = append(s.known, secret)
		}
	}
	s.known = s.known[max(0, len(s.known)-maxSecrets):]
	s.runs, s.long, s.short = make(map[string]bool), nil, nil
	for _, secret := range s.known {
		s.learn(secret)
	}
}

// learn adds all runs of a secret: plain, and in the encodings that change every
// character.
func (s *Secrets) learn(secret string) {
	plain := fold(strings.Map(func(r rune) rune { // views omit these
		if wraps(string(r)) > 0 {
			return -1
		}
		return r
	}, secret))
	if plain == "" {
		return
	}
	if len(plain) <= shown {
		s.short = append(s.short, plain)
		return
	}
	s.addRuns(plain, shown+1)
	s.addRuns(hex.EncodeToString([]byte(secret)), 2*shown+1)
	// There are three codes, by where the secret begins within a group of three bytes. The
	// characters at both ends depend on the neighbours of the secret and are omitted.
	for lead := range 3 {
		for _, code := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			text := code.EncodeToString([]byte(strings.Repeat("\x00", lead) + secret))
			first := (lead*8 + 5) / 6
			last := (lead + len(secret)) * 8 / 6
			s.addRuns(fold(text[first:last]), shown+1)
		}
	}
}

// addRuns adds all runs of n bytes of a text.
func (s *Secrets) addRuns(text string, n int) {
	for i := 0; i+n <= len(text); i++ {
		s.runs[text[i:i+n]] = true
	}
	if !slices.Contains(s.long, n) {
		s.long = append(s.long, n)
	}
}

// Text returns a text without the secrets, in any encoding, and without what [URLs]
// removes. A text longer than 16 KiB is cut.
func (s *Secrets) Text(text string) string {
	text = text[:min(len(text), maxText)]
	hide := make([]bool, len(text))
	s.mark(text, hide)
	return URLs(cover(text, hide))
}

// All is Text for a text of any length, which costs about half a second for each MiB. An
// encoded secret of more than 8 KiB may remain.
func (s *Secrets) All(text string) string {
	hide := make([]bool, len(text))
	for begin := 0; ; begin += maxText / 2 { // what one window cuts, the next one has whole
		end := min(begin+maxText, len(text))
		s.mark(text[begin:end], hide[begin:end])
		if end == len(text) {
			return URLs(cover(text, hide))
		}
	}
}

// mark hides the bytes of a text that belong to a secret.
func (s *Secrets) mark(text string, hide []bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if len(s.known) == 0 {
		return
	}
	for _, view := range views(text) {
		s.find(view, hide)
	}
}

// find hides the bytes of a view that belong to a secret.
func (s *Secrets) find(v view, hide []bool) {
	low := fold(v.text)
	for _, n := range s.long {
		for i := 0; i+n <= len(low); i++ {
			if s.runs[low[i:i+n]] {
				v.hide(hide, i, i+n)
			}
		}
	}
	for _, short := range s.short {
		for i := 0; i+len(short) <= len(low); i++ {
			if low[i:i+len(short)] == short && v.alone(i, i+len(short)) {
				v.hide(hide, i, i+len(short))
			}
		}
	}
}

// cover replaces each run of hidden bytes by one Placeholder.
func cover(text string, hide []bool) string {
	if !slices.Contains(hide, true) {
		return text
	}
	var b strings.Builder
	for i := range len(text) {
		switch {
		case !hide[i]:
			b.WriteByte(text[i])
		case i == 0 || !hide[i-1]:
			b.WriteString(Placeholder)
		}
	}
	return b.String()
}

// fold returns the text with ASCII letters in lower case. The length does not change.
func fold(text string) string {
	low := []byte(text)
	for i, c := range low {
		if 'A' <= c && c <= 'Z' {
			low[i] = c + 'a' - 'A'
		}
	}
	return string(low)
}
