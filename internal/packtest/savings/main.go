// Command savings measures what each ready rule of the embedded packs saves on a corpus of
// real lines: a folder with a folder for each port (unifi, paloalto, cisco_asa, linux, windows,
// other), which have files *.log with a message a line. It is for developers:
//
//	make rules-savings CORPUS=../shared/corpus
//
// The table is for docs/rules.md. All lines go through each rule alone, in the order of the
// files, as if one device had sent those of a folder.
package main

import (
	"bytes"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // the zones of packs, on any machine

	"syslog-gateway/internal/dialect"
	"syslog-gateway/internal/event"
	"syslog-gateway/internal/ingest"
	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/matcher"
	"syslog-gateway/internal/pack"
	"syslog-gateway/internal/pack/catalog"
	"syslog-gateway/internal/rules"
	"syslog-gateway/internal/splunk"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: savings CORPUS")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// vendors are the ports of the folders of a corpus.
var vendors = map[string]string{
	"unifi": "unifi", "paloalto": "palo_alto", "cisco_asa": "cisco_asa", "linux": "linux", "windows": "windows", "other": dialect.Auto,
}

// run writes a row for each ready rule.
func run(folder string, out io.Writer) error {
	packs, err := catalog.Load()
	if err != nil {
		return err
	}
	m := &meter{packs: packs, pool: event.NewPool(1, 64<<10), lines: make(map[string][][]byte)}
	if err := m.read(folder); err != nil {
		return err
	}
	if m.set, err = matcher.Compile(nil, packs, matcher.Options{Profile: "default"}); err != nil {
		return err
	}
	m.classes = dialect.Classes(m.set)
	whole, err := m.measure("")
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%d lines, %d bytes\n\n", m.count, sum(whole.bytes))
	fmt.Fprint(out, "| rule | messages of the product | left out | bytes of the product | saved |\n|---|---|---|---|---|\n")
	for i := range packs {
		for _, r := range packs[i].Rules {
			name := packs[i].Name + "." + r.Name
			one, err := m.measure(name)
			if err != nil {
				return err
			}
			messages, size := 0, 0
			for class, of := range one.classes {
				if !of {
					continue
				}
				messages += whole.messages[class]
				size += whole.bytes[class]
			}
			share := "–"
			if size != 0 {
				share = fmt.Sprintf("%.1f %%", 100*float64(one.saved)/float64(size))
			}
			fmt.Fprintf(out, "| `%s` | %d | %d | %d | %s |\n", name, messages, one.left, size, share)
		}
	}
	return nil
}

// meter puts a corpus through rules.
type meter struct {
	packs   []pack.Pack
	set     *matcher.Set
	classes []dialect.Class
	lines   map[string][][]byte // by vendor
	count   int
	pool    *event.Pool
}

// read reads the corpus.
func (m *meter) read(folder string) error {
	files, err := filepath.Glob(filepath.Join(folder, "*", "*.log"))
	if err != nil || len(files) == 0 {
		return fmt.Errorf("no *.log below %s", folder)
	}
	for _, file := range files {
		vendor := vendors[filepath.Base(filepath.Dir(file))]
		if vendor == "" {
			return fmt.Errorf("%s: no port for this folder", file)
		}
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		for line := range bytes.Lines(data) {
			if line = bytes.TrimSuffix(line, []byte("\n")); len(line) != 0 {
				m.lines[vendor] = append(m.lines[vendor], line)
				m.count++
			}
		}
	}
	return nil
}

// outcome is what became of a corpus.
type outcome struct {
	messages, bytes map[dialect.ClassID]int
	classes         map[dialect.ClassID]bool // of the products that the rule is for
	left            int                      // messages
	saved           int                      // bytes of texts
}

// measure puts the corpus through a rule, or through none.
func (m *meter) measure(rule string) (*outcome, error) {
	profile, err := splunk.NewProfile("default", splunk.Naming{}, nil)
	if err != nil {
		return nil, err
	}
	o := rules.Options{Profile: "default", Classes: m.classes, Role: splunk.Role, Packs: m.set}
	if rule != "" {
		o.Options = []string{rule}
	}
	ruled, err := rules.Compile(m.packs, o)
	if err != nil {
		return nil, err
	}
	got := &outcome{messages: make(map[dialect.ClassID]int), bytes: make(map[dialect.ClassID]int), classes: m.of(ruled)}
	var counters rules.Counters
	vendors := make([]string, 0, len(m.lines))
	for vendor := range m.lines {
		vendors = append(vendors, vendor)
	}
	slices.Sort(vendors)
	for _, vendor := range vendors {
		parser, err := dialect.New(vendor, m.set)
		if err != nil {
			return nil, err
		}
		source := ingest.NewSource(vendor, 514, ingest.Settings{
			Rules: ruled, Vendor: vendor, Parser: parser, Profile: profile, Location: time.UTC, MaxMessage: 64 << 10,
		}, ledger.New())
		replay := ingest.NewDatagramReplay(source, ingest.Options{
			MaxBytes: 1 << 20, MaxEvents: 1000, MaxAge: time.Hour, Pool: m.pool, Sink: emptier{m.pool}, Rules: &counters,
		}, netip.AddrFrom4([4]byte{192, 0, 2, 1}))
		replay.Explain(func(e ingest.Explanation) {
			if e.Result == nil {
				return
			}
			size := len(e.Result.Body)
			if size == 0 {
				size = len(e.Message)
			}
			got.messages[e.Result.Class]++
			got.bytes[e.Result.Class] += size
			if slices.ContainsFunc(e.Rules, func(did string) bool { return strings.HasPrefix(did, rule+" ") }) {
				got.classes[e.Result.Class] = true
			}
		})
		now := time.Date(2026, 3, 14, 14, 29, 0, 0, time.UTC)
		for _, line := range m.lines[vendor] {
			replay.Write(line, now)
		}
		replay.Close(now)
	}
	for _, t := range counters.Read() {
		got.saved += int(t.Saved)
		for action, n := range t.Events {
			if action != rules.Mask.String() {
				got.left += int(n)
			}
		}
	}
	return got, nil
}

// of returns the classes of the products for which there are rules. Of rules for all products
// it returns none: then those classes count in whose messages they find something.
func (m *meter) of(set *rules.Set) map[dialect.ClassID]bool {
	classes, products := make(map[dialect.ClassID]bool), make(map[string]bool)
	if set == nil || set.Of(dialect.Fallback) {
		return classes
	}
	for id := range m.classes {
		if set.Of(dialect.ClassID(id)) {
			products[m.product(&m.classes[id])] = true
		}
	}
	for id := range m.classes {
		classes[dialect.ClassID(id)] = products[m.product(&m.classes[id])]
	}
	return classes
}

// product is the family or the pack of a class.
func (m *meter) product(c *dialect.Class) string {
	if c.Pack != nil {
		return c.Pack.Pack.Name
	}
	return c.Family
}

func sum(of map[dialect.ClassID]int) (n int) {
	for _, v := range of {
		n += v
	}
	return n
}

// emptier is a sink that keeps nothing.
type emptier struct{ pool *event.Pool }

// Handle takes the batch.
func (e emptier) Handle(b *event.Batch) error {
	e.pool.Put(b)
	return nil
}
