package packnew

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"syslog-gateway/internal/body"
	"syslog-gateway/internal/matcher"
	"syslog-gateway/internal/pack"
)

// divide finds how the texts are divided, and reads their values.
func (m *maker) divide() {
	counts := map[pack.Reader]int{}
	for _, s := range m.samples {
		counts[readerOf(&s.view)]++
	}
	for _, reader := range []pack.Reader{pack.JSON, pack.KV, pack.CSV} {
		if counts[reader]*2 > len(m.samples) {
			m.reader = reader
		}
	}
	hosted, timed := 0, 0
	for _, s := range m.samples {
		s.values, s.plain = valuesOf(m.reader, string(s.view.Text)), valuesOf(m.reader, string(s.bare.Text))
		hosted, timed = hosted+number(s.hosted), timed+number(s.timed)
	}
	if m.reader == pack.CSV {
		return
	}
	for _, key := range m.everywhere() {
		switch {
		case hosted == 0 && m.host == "" && hostName.MatchString(key):
			m.host = key
		case timed == 0 && m.isTimeKey == "" && timeName.MatchString(key):
			if as := m.timeForm(key); as != "" {
				m.isTimeKey, m.timeRule = key, as
			}
		}
	}
}

func number(is bool) int {
	if is {
		return 1
	}
	return 0
}

var (
	hostName = regexp.MustCompile(`(?i)^(host|hostname|host_name|devname|device_?name|dvchost|sysname|computer)$`)
	timeName = regexp.MustCompile(`(?i)^(eventtime|event_time|timestamp|time|ts|@timestamp|datetime|date_time)$`)
	isoTime  = regexp.MustCompile(`^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d`)
	pair     = regexp.MustCompile(`(?:^|[ \t,;|^])([A-Za-z_][A-Za-z0-9_.-]{0,62})=`)
)

// timeForm returns how the values of a key are read as times, or "".
func (m *maker) timeForm(key string) string {
	form := ""
	for _, s := range m.samples {
		as := ""
		switch v := s.values[key]; {
		case isoTime.MatchString(v):
			as = "iso"
		case isTime(v) && len(v) >= 10:
			as = "unix"
		}
		if as == "" || form != "" && form != as {
			return ""
		}
		form = as
	}
	return form
}

// readerOf returns how a text is probably divided.
func readerOf(l *matcher.Line) pack.Reader {
	text := string(l.Text)
	switch {
	case deviceHeader(text) != "":
		return pack.NoReader
	case strings.HasPrefix(text, `{"`) && json.Valid(l.Text):
		return pack.JSON
	case len(pair.FindAllString(text[:min(len(text), 256)], -1)) >= 3:
		return pack.KV
	case strings.Count(text, ",") >= 5 && !strings.Contains(text, ", "):
		return pack.CSV
	}
	return pack.NoReader
}

// valuesOf reads the values of a text. The names of columns are their numbers.
func valuesOf(reader pack.Reader, text string) map[string]string {
	out := map[string]string{}
	switch reader {
	case pack.JSON:
		var object map[string]any
		if json.Unmarshal([]byte(text), &object) == nil {
			for name, v := range object {
				switch v := v.(type) {
				case string:
					out[name] = v
				case float64:
					out[name] = strconv.FormatFloat(v, 'f', -1, 64)
				}
			}
		}
	case pack.KV:
		for _, found := range pair.FindAllStringSubmatch(text[:min(len(text), 256)], -1) {
			if name := found[1]; out[name] == "" {
				pairs := body.Pairs{Names: [][]byte{[]byte(name)}, Within: 256}
				var value [1][]byte
				pairs.Read([]byte(text), value[:])
				out[name] = string(value[0])
			}
		}
	case pack.CSV:
		columns := body.Columns{Line: []byte(text)}
		for n := range 32 {
			v := columns.At(n)
			if columns.Ended() {
				break
			}
			out[strconv.Itoa(n+1)] = string(v)
		}
	default: // nothing is read
	}
	return out
}

// everywhere returns the keys or columns that all lines have, in order.
func (m *maker) everywhere() []string {
	var all []string
	for name := range m.samples[0].values {
		if !slices.ContainsFunc(m.samples, func(s *sample) bool { return s.values[name] == "" }) {
			all = append(all, name)
		}
	}
	slices.SortFunc(all, func(a, b string) int {
		x, _ := strconv.Atoi(a)
		y, _ := strconv.Atoi(b)
		if x != y {
			return x - y
		}
		return strings.Compare(a, b)
	})
	return all
}

// classNames are names of keys that tell kinds of messages, the best first.
var classNames = []string{
	"type", "logtype", "log_type", "eventtype", "event_type", "msgtype", "kind", "class", "category", "cat", "module", "component", "event", "topic", "subtype",
}

const maxClasses = 8

var plainWord = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_. -]{1,30}$`)

// classify finds the key or column by which the lines differ plainly.
func (m *maker) classify() {
	all := m.everywhere()
	if m.reader != pack.CSV {
		var known []string
		for _, name := range classNames {
			for _, key := range all {
				if strings.EqualFold(key, name) {
					known = append(known, key)
				}
			}
		}
		all = known
	}
	for _, key := range all {
		values := map[string]int{}
		plain := true
		for _, s := range m.samples {
			values[s.values[key]]++
			plain = plain && plainWord.MatchString(s.values[key]) && s.values[key] == s.plain[key]
		}
		enough := m.reader != pack.CSV || len(values)*2 <= len(m.samples)
		if !plain || !enough || len(values) < 2 || len(values) > maxClasses {
			continue
		}
		var list []string
		names := map[string]bool{"other": true}
		for v := range values {
			list = append(list, v)
			names[className(v)] = true
		}
		if len(names) != len(list)+1 {
			continue
		}
		slices.Sort(list)
		m.classKey, m.classes = key, list
		return
	}
}

// className makes the name of a class of a value.
func className(value string) string {
	return strings.Trim(strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		}
		return '_'
	}, value), "_")
}

// when returns the condition of a class.
func (m *maker) when(value string) string {
	switch m.reader {
	case pack.JSON:
		return fmt.Sprintf("{json: {%s: %s}}", yamlText(m.classKey), yamlText(value))
	case pack.CSV:
		return fmt.Sprintf("{columns: {%s: %s}}", m.classKey, yamlText(value))
	default: // KV
		return fmt.Sprintf("{keys: {%s: %s}}", yamlText(m.classKey), yamlText(value))
	}
}
