// Package needs finds which secrets the GitHub workflows of an estate read, and where this
// machine has their values. It sends nothing, and shows no value.
package needs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

const (
	maxFile  = 1 << 20 // bytes of one workflow
	maxFiles = 1000
)

// Need is a secret that workflows read.
type Need struct {
	Name  string   `json:"name"`  // in upper case: GitHub's names have no case
	Files []string `json:"files"` // that read it, each once
}

// Workflows are what was found in a folder.
type Workflows struct {
	Folder string
	Needs  []Need   // by name
	Notes  []string // what cannot be known
}

// Folder is .github/workflows of the repository that a file is in; "" if there is none.
func Folder(file string) string {
	dir, err := filepath.Abs(filepath.Dir(file))
	if err != nil {
		return ""
	}
	for {
		folder := filepath.Join(dir, ".github", "workflows")
		if st, err := os.Stat(folder); err == nil && st.IsDir() {
			return folder
		}
		_, err := os.Stat(filepath.Join(dir, ".git"))
		if parent := filepath.Dir(dir); err != nil && parent != dir {
			dir = parent
			continue
		}
		return ""
	}
}

// Read reads all workflows of a folder.
func Read(folder string) (*Workflows, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, fmt.Errorf("read the workflows: %w", err)
	}
	w := &Workflows{Folder: folder}
	found := make(map[string][]string)
	read := 0
	for _, e := range entries {
		if ext := filepath.Ext(e.Name()); e.IsDir() || ext != ".yml" && ext != ".yaml" {
			continue
		}
		if read++; read > maxFiles {
			return nil, fmt.Errorf("read the workflows: %s has more than %d", folder, maxFiles)
		}
		names, notes, err := readFile(filepath.Join(folder, e.Name()))
		if err != nil {
			return nil, err
		}
		for _, n := range names {
			found[n] = append(found[n], e.Name())
		}
		for _, n := range notes {
			w.Notes = append(w.Notes, e.Name()+": "+n)
		}
	}
	if read == 0 {
		return nil, fmt.Errorf("read the workflows: %s has none: name their folder with --workflows", folder)
	}
	for name, files := range found {
		w.Needs = append(w.Needs, Need{name, files})
	}
	slices.SortFunc(w.Needs, func(a, b Need) int { return strings.Compare(a.Name, b.Name) })
	return w, nil
}

func readFile(path string) (names, notes []string, err error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, nil, fmt.Errorf("read the workflows: %w", err)
	}
	if st.Size() > maxFile || st.Mode()&fs.ModeType != 0 {
		return nil, nil, fmt.Errorf("read the workflows: %s is no file of %d KiB at most", path, maxFile>>10)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, fmt.Errorf("read the workflows: %w", err)
	}
	names, notes, err = parse(data)
	if err != nil {
		return nil, nil, fmt.Errorf("read the workflows: %s: %w", path, err)
	}
	return names, notes, nil
}

// parse gives the names that one workflow reads. GITHUB_TOKEN is GitHub's own, and secrets
// that a called workflow declares are given by its caller.
func parse(data []byte) (names, notes []string, err error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return nil, nil, errors.New("it is not YAML: " + strings.TrimPrefix(err.Error(), "yaml: "))
	}
	s := &scan{given: []string{"GITHUB_TOKEN"}}
	if len(doc.Content) == 1 {
		declared := member(member(member(doc.Content[0], "on"), "workflow_call"), "secrets")
		if declared != nil {
			for i := 0; i+1 < len(declared.Content); i += 2 {
				s.given = append(s.given, strings.ToUpper(declared.Content[i].Value))
			}
		}
	}
	s.node(&doc, "")
	slices.Sort(s.names)
	slices.Sort(s.notes)
	return slices.Compact(s.names), slices.Compact(s.notes), nil
}

func member(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// scan collects what one workflow reads.
type scan struct{ given, names, notes []string }

// node walks a document. Aliases are not followed: what they lead to is in it once.
func (s *scan) node(n *yaml.Node, key string) {
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			s.node(n.Content[i+1], n.Content[i].Value)
		}
	case yaml.ScalarNode:
		if key == "secrets" && n.Value == "inherit" {
			s.notes = append(s.notes, "it hands all secrets on (secrets: inherit); which ones are read is not known here")
		}
		for _, m := range expression.FindAllStringSubmatch(n.Value, -1) {
			s.expression(m[1])
		}
		if key == "if" {
			s.expression(n.Value)
		}
	default:
		for _, c := range n.Content {
			s.node(c, "")
		}
	}
}

// Expressions of GitHub Actions (documentation, Evaluate expressions in workflows).
var (
	expression = regexp.MustCompile(`(?s)\$\{\{(.*?)\}\}`)
	byIndex    = regexp.MustCompile(`(?i)\bsecrets\s*\[\s*'([A-Za-z_][A-Za-z0-9_]*)'\s*\]`)
	literal    = regexp.MustCompile(`'(?:[^']|'')*'`)
	byName     = regexp.MustCompile(`(?i)(?:^|[^A-Za-z0-9_.\-])secrets\s*\.\s*([A-Za-z_][A-Za-z0-9_]*)`)
	whole      = regexp.MustCompile(`(?i)(?:^|[^A-Za-z0-9_.\-])secrets\s*(?:\[|\)|$|\.\s*\*)`)
)

func (s *scan) expression(text string) {
	for _, m := range byIndex.FindAllStringSubmatch(text, -1) {
		s.add(m[1])
	}
	text = literal.ReplaceAllString(byIndex.ReplaceAllString(text, " "), " ")
	for _, m := range byName.FindAllStringSubmatch(text, -1) {
		s.add(m[1])
	}
	if whole.MatchString(strings.TrimSpace(text)) {
		s.notes = append(s.notes, "it reads secrets whose names it computes; they are not known here")
	}
}

func (s *scan) add(name string) {
	if name = strings.ToUpper(name); !slices.Contains(s.given, name) {
		s.names = append(s.names, name)
	}
}
