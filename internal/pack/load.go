package pack

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"syslog-gateway/internal/yamlcause"
)

// The bounds of a set. What is beyond them is refused.
const (
	maxPacks    = 1000
	maxLiterals = 20000
	maxRegexes  = 32
	maxClasses  = 256 // of a pack
	maxKeys     = 16  // of a pack
	maxFile     = 1 << 20
	maxFolder   = 16 << 20
	maxProblems = 1000 // that are told
)

// File is a file of packs.
type File struct {
	Name string
	Data []byte
}

// Problem is what is wrong, and where.
type Problem struct {
	Pos
	Text string
}

// String returns "file:line: text".
func (p Problem) String() string { return p.Pos.String() + ": " + p.Text }

// String returns "file:line", or the file where the line is not known.
func (p Pos) String() string {
	if p.Line == 0 {
		return p.File
	}
	return p.File + ":" + strconv.Itoa(p.Line)
}

// Folder reads the files *.yaml and *.yml of a folder, sorted by name. A folder that does
// not exist has no files.
func Folder(dir string) ([]File, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the folder of packs: %w", err)
	}
	var files []File
	size := 0
	for _, e := range entries {
		name := e.Name()
		if ext := filepath.Ext(name); ext != ".yaml" && ext != ".yml" || strings.HasPrefix(name, ".") {
			continue
		}
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
			return nil, fmt.Errorf("%s is not a regular file", path)
		}
		data, err := readFile(path)
		if err != nil {
			return nil, fmt.Errorf("read the folder of packs: %w", err)
		}
		if size += len(data); size > maxFolder {
			return nil, fmt.Errorf("%s: the files of packs have more than %d MiB in all", dir, maxFolder>>20)
		}
		files = append(files, File{path, data})
	}
	return files, nil
}

// readFile reads a file, and of one that is too large no more than shows that.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxFile+1))
}

// Load reads the packs of files. It finds all mistakes at once, in the order of the files
// and lines. A set with a problem must not be used.
func Load(files []File) ([]Pack, []Problem) {
	d := &decoder{tables: newTables()}
	size := 0
	for _, f := range files {
		d.file = f.Name
		first := len(d.problems)
		switch size += len(f.Data); {
		case len(f.Data) > maxFile:
			d.failAt(0, "the file has more than %d MiB", maxFile>>20)
		case size > maxFolder:
			d.failAt(0, "the files of packs have more than %d MiB in all", maxFolder>>20)
			return nil, d.problems
		default:
			d.documents(f.Data)
		}
		slices.SortStableFunc(d.problems[first:], func(a, b Problem) int { return cmp.Compare(a.Line, b.Line) })
	}
	return d.packs, d.problems
}

// documents reads the YAML documents of a file.
func (d *decoder) documents(data []byte) {
	documents := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var n yaml.Node
		err := documents.Decode(&n)
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			d.invalid(err, data)
			return
		}
		if d.full() {
			return
		}
		if root := n.Content[0]; d.plain(root) && root.Tag != "!!null" {
			d.document(root)
		}
	}
}

// plain reports whether nothing below a node is refused everywhere: anchors and aliases,
// by which a small file becomes a large tree, and tags, which change types.
func (d *decoder) plain(n *yaml.Node) bool {
	switch {
	case n.Kind == yaml.AliasNode || n.Anchor != "":
		d.fail(n, "anchors (&) and aliases (*) of YAML are not used in packs; put text that begins with & or * in quotes")
		return false
	case n.Style&yaml.TaggedStyle != 0:
		d.fail(n, "tags (!) of YAML are not used in packs; put text that begins with ! in quotes")
		return false
	}
	ok := true
	for _, child := range n.Content {
		ok = d.plain(child) && ok
	}
	return ok
}

// invalid tells an error of the YAML parser.
func (d *decoder) invalid(err error, data []byte) {
	p := yamlcause.Of(err, data)
	if strings.Contains(p.Text, "anchor") || strings.Contains(p.Text, "alphabetic or numeric") {
		p.Text = "put text that begins with * or & in quotes"
	}
	d.failAt(p.Line, "not valid YAML: %s", p.Text)
}

// document reads one YAML document: a pack, or a table of products.
func (d *decoder) document(root *yaml.Node) {
	if root.Kind != yaml.MappingNode {
		d.fail(root, "a document of packs has keys: begin with format: 1")
		return
	}
	format, pack, products := lookUp(root, "format"), lookUp(root, "pack"), lookUp(root, "products")
	switch {
	case format == nil:
		d.fail(root, "format: 1 is missing")
	case format.Kind != yaml.ScalarNode || format.Value != "1":
		d.fail(format, "format: this version reads format 1")
		return // keys may mean something else
	}
	if products != nil && pack == nil {
		mapping(d, root, d.tables.table, &struct{}{})
		return
	}
	d.pack(root)
}

// lookUp returns the value of a key, or nil.
func lookUp(n *yaml.Node, name string) *yaml.Node {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return n.Content[i+1]
		}
	}
	return nil
}

// add adds a pack without problems to the set.
func (d *decoder) add(p Pack, problems int) {
	if d.count++; d.count == maxPacks+1 {
		d.failAt(p.Line, "more than %d packs", maxPacks)
	}
	if len(d.problems) == problems && d.count <= maxPacks {
		d.packs = append(d.packs, p)
	}
}
