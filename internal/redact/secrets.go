package redact

import (
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strings"
	"sync"
)

// Mark stands where something was taken out.
const Mark = "<secret>"

const (
	// shown is how many characters of a secret in a row may be left.
	shown = 4
	// most is how many secrets are remembered: the present ones and those before them,
	// which answers that are on the way may still hold.
	most = 32
	// maxText bounds what is read of one text, in bytes. The rest is cut off.
	maxText = 16 << 10
)

// Secrets are texts that must not be shown. The zero value knows none. It is safe for
// concurrent use.
type Secrets struct {
	mu    sync.RWMutex
	known []string // the newest last
	runs  map[string]bool
	long  []int // the lengths of runs
	short []string
}

// Add makes secrets known, and forgets the oldest when there are too many.
func (s *Secrets) Add(secrets ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, secret := range secrets {
		if secret != "" && !slices.Contains(s.known, secret) {
			s.known = append(s.known, secret)
		}
	}
	s.known = s.known[max(0, len(s.known)-most):]
	s.runs, s.long, s.short = make(map[string]bool), nil, nil
	for _, secret := range s.known {
		s.learn(secret)
	}
}

// learn notes all runs of a secret, as it is and in the encodings that change every
// character.
func (s *Secrets) learn(secret string) {
	plain := fold(strings.Map(func(r rune) rune { // as views leave these out
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
	s.note(plain, shown+1)
	s.note(hex.EncodeToString([]byte(secret)), 2*shown+1)
	// Where the secret begins within a group of three bytes gives three codes. The
	// characters at both ends depend on its neighbours and are left out.
	for lead := range 3 {
		for _, code := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			text := code.EncodeToString([]byte(strings.Repeat("\x00", lead) + secret))
			first := (lead*8 + 5) / 6
			last := (lead + len(secret)) * 8 / 6
			s.note(fold(text[first:last]), shown+1)
		}
	}
}

func (s *Secrets) note(text string, n int) {
	for i := 0; i+n <= len(text); i++ {
		s.runs[text[i:i+n]] = true
	}
	if !slices.Contains(s.long, n) {
		s.long = append(s.long, n)
	}
}

// Text returns a text without the secrets, in whichever encoding they are, and
// without what [URLs] takes out. Of a text longer than 16 KiB the begin is returned.
func (s *Secrets) Text(text string) string {
	text = text[:min(len(text), maxText)]
	s.mu.RLock()
	hide := make([]bool, len(text))
	if len(s.known) > 0 {
		for _, view := range views(text) {
			s.find(view, hide)
		}
	}
	s.mu.RUnlock()
	return URLs(cover(text, hide))
}

// find marks the bytes of a view's text that are of a secret.
func (s *Secrets) find(v view, hide []bool) {
	low := fold(v.text)
	for _, n := range s.long {
		for i := 0; i+n <= len(low); i++ {
			if s.runs[low[i:i+n]] {
				v.mark(hide, i, i+n)
			}
		}
	}
	for _, short := range s.short {
		for i := 0; i+len(short) <= len(low); i++ {
			if low[i:i+len(short)] == short && v.alone(i, i+len(short)) {
				v.mark(hide, i, i+len(short))
			}
		}
	}
}

// cover puts one mark in the place of each run of hidden bytes.
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
			b.WriteString(Mark)
		}
	}
	return b.String()
}

// fold makes ASCII letters small. The text keeps its length, whatever it is.
func fold(text string) string {
	low := []byte(text)
	for i, c := range low {
		if 'A' <= c && c <= 'Z' {
			low[i] = c + 'a' - 'A'
		}
	}
	return string(low)
}
