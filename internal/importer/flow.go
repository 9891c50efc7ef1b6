package importer

// step is what the other program does with the messages that fit a condition: a path, a route,
// or a statement of a ruleset. Messages meet the steps in order.
type step struct {
	at   Note
	name string
	// sources are those whose messages meet the step; nil: all.
	sources []*source
	when    when
	// unclear says why the condition cannot be said; the reason is listed already.
	unclear bool
	// sends says that the messages go to Splunk; final that no later step sees them. A step
	// that is final and does not send leaves the messages out.
	sends, final bool
	// elsewhere says that what sends sent to something else than Splunk.
	elsewhere bool
	// index, sourcetype and fields are set. Rules are what else becomes of the messages; their
	// conditions come in addition.
	index, sourcetype string
	fields            map[string]string
	rules             []rule
}

// flow says steps as rules. A rule cannot ask for the source of a message: a step for some of
// the sources can set names of these sources only. If the steps are the whole way of the
// messages, those that no step sends to Splunk are left out at the end.
//
// A step that leaves messages out needs no mention in the rules behind it: they do not see
// these messages.
func (m *model) flow(steps []step, whole bool) {
	var before when     // final steps that came before and send; none of them may hold
	own := names{}      // what all of them set themselves
	unclear := Note{}   // a step of these whose condition cannot be said
	all := !whole       // a step sends everything, or what is sent cannot be said
	var takes when      // what steps send
	reachesHEC := false // a step sends to Splunk
	for i := range steps {
		s := &steps[i]
		some := s.sources != nil && len(s.sources) < len(m.sources)
		reachesHEC = reachesHEC || s.sends && !s.elsewhere
		all = all || s.sends && (s.unclear || some || len(s.when) == 0)
		if s.sends {
			takes = append(takes, s.when...)
		}
		said := false
		switch {
		case s.unclear:
		case some:
			m.ofSources(s, before, unclear)
		case unclear != (Note{}):
			if s.final && !s.sends || s.index != "" || s.sourcetype != "" || len(s.fields)+len(s.rules) != 0 {
				m.cannot(s.at, "%s: what comes here depends on line %d, which cannot be said", s.name, unclear.Line)
			}
		default:
			said = m.step(s, before, own)
		}
		switch {
		case !s.final || said && !s.sends:
		case s.unclear || some:
			if s.sends && unclear == (Note{}) {
				unclear = s.at
			}
		case len(s.when) == 0:
			if i+1 < len(steps) {
				m.hint(steps[i+1].at, "nothing comes here: line %d takes all messages", s.at.Line)
			}
			if reachesHEC {
				m.uncovered(steps[:i+1])
			}
			return
		default:
			own.index = s.index != "" && (own.index || len(before) == 0)
			own.sourcetype = s.sourcetype != "" && (own.sourcetype || len(before) == 0)
			before = append(before, s.when...) // rules that have it keep what they have
		}
	}
	if !reachesHEC {
		return
	}
	m.uncovered(steps)
	if all || len(takes) == 0 {
		return
	}
	at := steps[len(steps)-1].at
	if w, err := none(takes); err != nil || w.size() > maxConditions {
		m.cannot(at, "messages that nothing sends to Splunk are delivered: the condition is too large")
	} else {
		m.rule(rule{at: at, Name: "not_sent", About: "Messages that nothing sends to Splunk", When: w, Drop: true})
	}
}

// uncovered lists the ports of which only a part was sent to Splunk, if other ports sent all or
// another part: the gateway delivers the rest, too.
func (m *model) uncovered(steps []step) {
	part, whole := map[*source]Note{}, map[*source]bool{}
	apart := false
	for i := range steps {
		s := &steps[i]
		sources := s.sources
		if sources == nil {
			sources = m.sources
		}
		apart = apart || s.sends && len(sources) < len(m.sources)
		for _, from := range sources {
			switch {
			case s.sends && (s.unclear || len(s.when) == 0):
				whole[from] = true
			case part[from] == (Note{}):
				part[from] = s.at
			}
		}
	}
	for _, from := range m.sources {
		at := part[from]
		if at == (Note{}) {
			at = from.at
		}
		if apart && !whole[from] {
			m.cannot(at, "port %d: messages that nothing here sends to Splunk are delivered: a rule cannot ask for the port; name senders or hosts in a rule with drop (docs/rules.md)", from.Port)
		}
	}
}

// names says which names are set.
type names struct{ index, sourcetype bool }

// step says a step for all sources. It reports whether the step leaves messages out. What the
// steps before set themselves can be set for the sources: a rule goes before a source.
func (m *model) step(s *step, before when, own names) bool {
	w := s.when
	if len(w) == 0 && len(before) != 0 && len(s.fields) == 0 && (s.index == "" || own.index) && (s.sourcetype == "" || own.sourcetype) {
		m.constants(s, m.sources)
		s.index, s.sourcetype = "", ""
	}
	if len(before) != 0 {
		var err error
		if w, err = both(w, when{{Not: before}}); err != nil {
			m.cannot(s.at, "%s: %v", s.name, err)
			return false
		}
	}
	if s.final && !s.sends {
		return m.rule(rule{at: s.at, Name: s.name, When: w, Drop: true})
	}
	if len(w) == 0 {
		m.constants(s, m.sources)
	} else if s.index != "" || s.sourcetype != "" || len(s.fields) != 0 {
		m.rule(rule{at: s.at, Name: s.name, When: w, Index: s.index, Sourcetype: s.sourcetype, Fields: s.fields})
	}
	for _, r := range s.rules {
		var err error
		if r.When, err = both(w, r.When); err != nil {
			m.cannot(r.at, "%v", err)
			continue
		}
		m.rule(r)
	}
	return false
}

// ofSources says a step for some sources: constants of all their messages only.
func (m *model) ofSources(s *step, before when, unclear Note) {
	leaves := s.final && !s.sends
	if len(s.sources) == 0 || !leaves && s.index == "" && s.sourcetype == "" && len(s.fields)+len(s.rules) == 0 {
		return
	}
	if leaves || len(s.when)+len(before) != 0 || unclear != (Note{}) {
		m.onlySome(s.at, s.name)
		return
	}
	m.constants(s, s.sources)
	for _, r := range s.rules {
		if len(r.When) == 0 && r.constant() {
			m.constants(&step{at: r.at, name: r.Name, index: r.Index, sourcetype: r.Sourcetype, fields: r.Fields}, s.sources)
		} else {
			m.onlySome(r.at, r.Name)
		}
	}
}

func (m *model) onlySome(at Note, name string) {
	m.cannot(at, "%s: it is for some ports only, and a rule cannot ask for the port; name senders or hosts in a rule (docs/rules.md)", name)
}

// constant reports whether a rule sets names and does nothing else.
func (r *rule) constant() bool {
	return !r.Drop && r.Sample == 0 && r.Suppress == nil && r.Lookup == "" && len(r.Mask) == 0 && r.Trim == nil
}

// constants sets names of sources.
func (m *model) constants(s *step, sources []*source) {
	for _, to := range sources {
		for _, one := range []struct {
			what, value string
			to          *string
		}{{"index", s.index, &to.Index}, {"sourcetype", s.sourcetype, &to.Sourcetype}} {
			switch {
			case one.value == "":
			case *one.to != "" && *one.to != one.value:
				m.cannot(s.at, "%s %s: the source %s has %s already", one.what, one.value, to.name, *one.to)
			default:
				*one.to = one.value
			}
		}
		for k, v := range s.fields {
			if to.Fields == nil {
				to.Fields = map[string]string{}
			}
			if len(to.Fields) < 32 {
				to.Fields[k] = v
			} else {
				m.cannot(s.at, "field %s: a source has at most 32 fields", k)
			}
		}
	}
}
