package matcher

import (
	"bytes"
	"slices"
	"strings"
)

// words are the words of one part of a condition. One of them must match.
type words struct {
	list []word
	fold bool // letters in any case
	any  bool // one of them is "*": whatever is there
	// heads are the first characters of the words, a bit each, to tell most others.
	heads  [4]uint64
	ending bool // one of them is known by its end only
}

type word struct {
	text string // in lower case if the words fold
	form wordForm
}

type wordForm uint8

const (
	whole     wordForm = iota // "named"
	beginning                 // "named*"
	ending                    // "*@6876"
)

func newWords(list []string, fold bool) words {
	w := words{fold: fold}
	for _, text := range list {
		if text == "*" {
			w.any = true
			continue
		}
		one := word{text: text}
		if cut, ok := strings.CutSuffix(text, "*"); ok {
			one = word{text: cut, form: beginning}
		} else if cut, ok := strings.CutPrefix(text, "*"); ok {
			one = word{text: cut, form: ending}
		}
		if fold {
			one.text = strings.ToLower(one.text)
		}
		w.list = append(w.list, one)
		w.addHead(one)
	}
	return w
}

func (w *words) addHead(one word) {
	w.ending = w.ending || one.form == ending
	if one.text == "" { // any character
		w.heads = [4]uint64{^uint64(0), ^uint64(0), ^uint64(0), ^uint64(0)}
		return
	}
	c := one.text[0]
	w.heads[c>>6] |= 1 << (c & 63)
	if w.fold && c >= 'a' && c <= 'z' {
		c -= 'a' - 'A'
		w.heads[c>>6] |= 1 << (c & 63)
	}
}

// mayBegin reports whether one of the words begins with the first character of p.
func (w *words) mayBegin(p []byte) bool {
	return len(p) == 0 || w.heads[p[0]>>6]>>(p[0]&63)&1 != 0
}

// match reports whether p is one of the words. Nothing is none of them.
func (w *words) match(p []byte) bool {
	if w.any && len(p) != 0 {
		return true
	}
	if !w.ending && !w.mayBegin(p) {
		return false
	}
	for i := range w.list {
		one := &w.list[i]
		n := len(one.text)
		if len(p) < n || one.form == whole && len(p) != n {
			continue
		}
		part := p[:n]
		if one.form == ending {
			part = p[len(p)-n:]
		}
		if w.equal(part, one.text) {
			return true
		}
	}
	return false
}

// begins reports whether p begins with one of the words.
func (w *words) begins(p []byte) bool {
	if w.mayBegin(p) {
		for i := range w.list {
			one := &w.list[i]
			if n := len(one.text); len(p) >= n && w.equal(p[:n], one.text) {
				return true
			}
		}
	}
	return w.any && len(p) != 0
}

// in reports whether p contains one of the words.
func (w *words) in(p []byte) bool {
	for i := range w.list {
		if w.index(p, w.list[i].text) {
			return true
		}
	}
	return w.any && len(p) != 0
}

func (w *words) index(p []byte, text string) bool {
	if !w.fold { // by the first character, because a conversion of text would allocate
		for {
			i := bytes.IndexByte(p, text[0])
			if i < 0 || len(p)-i < len(text) {
				return false
			}
			if p = p[i:]; string(p[:len(text)]) == text {
				return true
			}
			p = p[1:]
		}
	}
	for ; len(p) >= len(text); p = p[1:] {
		if w.equal(p[:len(text)], text) {
			return true
		}
	}
	return false
}

// equal compares two texts of the same length.
func (w *words) equal(p []byte, text string) bool {
	if !w.fold {
		return string(p) == text
	}
	for i := range p {
		if lower(p[i]) != text[i] {
			return false
		}
	}
	return true
}

// String returns the words as people read them.
func (w *words) String() string {
	var all []string
	for _, one := range w.list {
		all = append(all, [...]string{one.text, one.text + "*", "*" + one.text}[one.form])
	}
	if w.any {
		all = append(all, "*")
	}
	if len(all) > 3 {
		all = append(slices.Clone(all[:3]), "…")
	}
	return strings.Join(all, ", ")
}
