package pack

// Section is one kind of mapping of the format: what its keys are and what they mean.
// docs/packs.md and docs/rules.md have a table for each.
type Section struct {
	// Name is the marker of the table in the document.
	Name string
	Keys []Key
}

// Key is a key of the format.
type Key struct{ Name, About string }

// Reference returns the keys of the format, as the loader knows them. A row of a table has
// its own keys here, and not those that it shares with packs and conditions.
func Reference() []Section {
	t := newTables()
	oneClass := only(t.pack, "sourcetype", "event_source", "role", "index", "class", "fields", "fields_from", "sc4s")
	return []Section{
		{"pack", described(but(t.pack, names(oneClass)...))},
		{"one class", described(oneClass)},
		{"class", described(t.class)},
		{"condition", described(t.condition)},
		{"cef", described(t.device)},
		{"host", described(t.host)},
		{"time", described(t.time)},
		{"rule", described(t.rule)},
		{"suppress", described(t.suppress)},
		{"mask", described(t.mask)},
		{"trim", described(t.trim)},
		{"look-up", described(t.lookup)},
		{"test", described(t.test)},
		{"row", described(only(t.row, "product", "documented", "name", "test", "not"))},
	}
}

func described[T any](keys []key[T]) []Key {
	all := make([]Key, len(keys))
	for i, k := range keys {
		all[i] = Key{k.name, k.about}
	}
	return all
}

// Vocabulary is the words that a key takes.
type Vocabulary struct {
	Key   string
	Words []string
}

// Vocabularies returns the words that keys of the format take.
func Vocabularies() []Vocabulary {
	return []Vocabulary{
		{"role", roles},
		{"family", families},
		{"profile", profiles},
		{"read", texts(readers)},
		{"headers", texts(repairs)},
		{"event", texts(forms)},
		{"header", headers},
		{"level", levels},
		{"facility", facilities},
		{"find", finds},
		{"by of a look-up", lookupWords},
		{"by of suppress", suppressWords},
		{"key of a look-up", lookupKeys},
		{"columns of a look-up", lookupGives},
	}
}

func texts[S ~string](words []S) []string {
	all := make([]string, len(words))
	for i, w := range words {
		all[i] = string(w)
	}
	return all
}

// Bound is a limit of a set of packs.
type Bound struct {
	What string
	Most int
}

// Bounds returns the limits of a set. What is beyond them is refused.
func Bounds() []Bound {
	return []Bound{
		{"packs", maxPacks},
		{"words of conditions in all packs", maxLiterals},
		{"regular expressions in all packs", maxRegexes},
		{"classes of a pack", maxClasses},
		{"keys that a pack reads", maxKeys},
		{"bytes that `contains` searches", maxWithin},
		{"bytes that are searched for keys", maxWithinKeys},
		{"rules of a pack", maxRules},
		{"masks of a pack", maxMasks},
		{"MiB of a file", maxFile >> 20},
		{"MiB of all files", maxFolder >> 20},
	}
}
