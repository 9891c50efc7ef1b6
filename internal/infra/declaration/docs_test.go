package declaration

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"syslog-gateway/internal/infra/declaration/reader"
	"syslog-gateway/internal/testkit"
)

// TestDocsListEveryKey holds docs/provision.md against what the reader asks for. UPDATE=1 writes
// the tables anew.
func TestDocsListEveryKey(t *testing.T) {
	const begin, end = "<!-- keys: begin (made by go test ./internal/infra/declaration; do not edit) -->\n", "<!-- keys: end -->"
	file := filepath.Join("..", "..", "..", "docs", "provision.md")
	text := string(testkit.Try(os.ReadFile(file))(t))
	before, rest, ok := strings.Cut(text, begin)
	_, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s has no place for the keys", file)
	}
	want := before + begin + tables(t) + end + after
	if os.Getenv("UPDATE") == "1" {
		testkit.Must(t, os.WriteFile(file, []byte(want), 0o644))
		return
	}
	if text != want {
		t.Errorf("%s does not have the keys as they are: UPDATE=1 go test ./internal/infra/declaration -run TestDocsListEveryKey", file)
	}
}

// TestEveryKeyHasAMeaning, and every meaning a key.
func TestEveryKeyHasAMeaning(t *testing.T) {
	used := map[string]bool{}
	for _, k := range Keys() {
		if k.Means == "" {
			t.Errorf("%s has no meaning", k.Path)
		}
		if k.Kind == "" && !strings.HasPrefix(k.Means, "has no effect") {
			t.Errorf("%s: what kind of value it is depends on the declaration: put it into the probe", k.Path)
		}
		for p := strings.TrimPrefix(k.Path, "$."); p != ""; {
			if _, ok := meanings[p]; ok {
				used[p] = true
				break
			}
			_, p, _ = strings.Cut(p, ".")
		}
	}
	for path := range meanings {
		if !used[path] {
			t.Errorf("no key %s", path)
		}
	}
}

// shared are the objects that are described once, by the end of their paths.
var shared = []string{"firewall.in[]", "firewall.out[]", "classes.KEY.in[]", "classes.KEY.out[]", "vms.KEY.firewall", "splunk_vm.firewall", "additional_disks[]"}

// tables are the keys of each object, one table each.
func tables(t *testing.T) string {
	t.Helper()
	byObject := map[string][]Key{}
	var objects []string
	for _, k := range Keys() {
		path, _ := k.Object()
		if path != "containers.KEY.firewall.in[]" && path != "vms.KEY.additional_disks[]" &&
			slices.ContainsFunc(shared, func(end string) bool { return strings.HasSuffix(path, end) }) {
			continue
		}
		if byObject[path] == nil {
			objects = append(objects, path)
		}
		byObject[path] = append(byObject[path], k)
	}
	slices.Sort(objects)
	var b strings.Builder
	for _, o := range objects {
		title := "`" + o + "`"
		switch o {
		case "":
			title = "The top level"
		case "containers.KEY.firewall.in[]":
			title = "`firewall.in[]`, `firewall.out[]`"
		case "containers.KEY.firewall":
			title = "`firewall` of a guest"
		}
		fmt.Fprintf(&b, "\n#### %s\n\n| key | value | default | means |\n|---|---|---|---|\n", title)
		for _, k := range byObject[o] {
			_, name := k.Object()
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", name, shownValue(k), shownDefault(k), strings.ReplaceAll(k.Means, "|", "\\|"))
		}
	}
	return b.String() + "\n"
}

func shownValue(k Key) string {
	quoted := func(words []string) string {
		var out []string
		for _, w := range words {
			if w != "" {
				out = append(out, "`"+w+"`")
			}
		}
		return strings.Join(out, " ")
	}
	number := func(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }
	switch {
	case k.Kind == "":
		return "–"
	case k.Words != nil && k.Kind == reader.KindList:
		return "a list of " + quoted(k.Words)
	case k.Words != nil:
		return quoted(k.Words)
	case k.Ranged && k.Whole:
		return number(k.Range[0]) + " to " + number(k.Range[1])
	case k.Ranged:
		return number(k.Range[0]) + " to " + number(k.Range[1]) + ", also with a fraction"
	case k.Kind == reader.KindList && k.Items == reader.KindText:
		return "a list of strings"
	case k.Kind == reader.KindList && k.Items == reader.KindObject:
		return "a list of objects"
	}
	return string(k.Kind)
}

func shownDefault(k Key) string {
	switch {
	case k.Needed:
		return "it has to be there"
	case k.Derived != "":
		return k.Derived
	case k.Default == "" || k.Default == `""` || k.Default == "[]":
		return "–"
	}
	return "`" + k.Default + "`"
}
