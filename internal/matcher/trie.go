package matcher

// trie finds words in messages: the ones that equal a text, and the ones that it begins
// with. It does not regard the case of letters; an entry that does compares again.
type trie struct {
	nodes []node
	first [256]int32 // the nodes of the first characters, which are the most
	// pairs tells most words that are not here by their first two characters, a bit each.
	pairs [64]uint64
}

type node struct {
	chars  []byte  // that may follow
	to     []int32 // the nodes behind them
	exact  []entry // the word ends here
	prefix []entry // the word and any more
}

// entry is a condition whose anchor is a word of the trie.
type entry struct {
	word string
	fold bool // in any case
	rule *rule
}

// add enters a word. Where several rules have the same word, the first that was added is
// tried first.
func (t *trie) add(word string, prefix bool, e entry) {
	if len(t.nodes) == 0 {
		t.nodes = append(t.nodes, node{})
	}
	e.word = word
	t.addPair(word)
	at := int32(0)
	for i := range len(word) {
		c := lower(word[i])
		next := t.nodes[at].next(c)
		if next == 0 {
			next = int32(len(t.nodes))
			t.nodes = append(t.nodes, node{})
			from := &t.nodes[at]
			from.chars, from.to = append(from.chars, c), append(from.to, next)
			if at == 0 {
				t.first[c] = next
			}
		}
		at = next
	}
	if n := &t.nodes[at]; prefix {
		n.prefix = append(n.prefix, e)
	} else {
		n.exact = append(n.exact, e)
	}
}

// addPair enters the first two characters of a word.
func (t *trie) addPair(word string) {
	switch len(word) {
	case 0:
	case 1: // any may follow
		t.pairs[pairOf(word[0])] = ^uint64(0)
	default:
		t.pairs[pairOf(word[0])] |= 1 << pairOf(word[1])
	}
}

// pairOf maps a character to 0 … 63. Letters do not share theirs with one another.
func pairOf(c byte) byte { return (c | 0x20) & 63 }

// next returns the node behind a character, or 0.
func (n *node) next(c byte) int32 {
	for i, char := range n.chars {
		if char == c {
			return n.to[i]
		}
	}
	return 0
}

// maxNested is how many words of a trie that begin with one another are tried, longest
// first.
const maxNested = 8

// find returns the first rule that holds for a word of the message: that of the exact
// word, then those of the prefixes, longest first.
func (t *trie) find(p []byte, s *Scratch) *rule {
	if len(p) == 0 || len(p) > 1 && t.pairs[pairOf(p[0])]>>pairOf(p[1])&1 == 0 {
		return nil
	}
	var passed [maxNested]int32
	n, at, i := 0, t.first[lower(p[0])], 0
	for next := at; next != 0; next = t.nodes[at].next(lower(p[i])) {
		at = next
		i++
		if len(t.nodes[at].prefix) != 0 {
			passed[n%maxNested] = at
			n++
		}
		if i == len(p) {
			break
		}
	}
	if at == 0 {
		return nil
	}
	if i == len(p) {
		if r := first(t.nodes[at].exact, p, s); r != nil {
			return r
		}
	}
	for k := n - 1; k >= 0 && k >= n-maxNested; k-- {
		if r := first(t.nodes[passed[k%maxNested]].prefix, p, s); r != nil {
			return r
		}
	}
	return nil
}

// first returns the first rule of the entries that holds.
func first(entries []entry, p []byte, s *Scratch) *rule {
	for i := range entries {
		e := &entries[i]
		if (e.fold || string(p[:len(e.word)]) == e.word) && e.rule.holds(s) {
			return e.rule
		}
	}
	return nil
}

func lower(c byte) byte {
	if c-'A' <= 'Z'-'A' {
		return c | 0x20
	}
	return c
}
