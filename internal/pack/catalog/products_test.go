package catalog_test

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"syslog-gateway/internal/pack"
	"syslog-gateway/internal/pack/catalog"
	"syslog-gateway/internal/testkit"
)

const productsFile = "../../../docs/products.md"

// TestProducts compares docs/products.md with the embedded packs. UPDATE=1 writes the file.
func TestProducts(t *testing.T) {
	packs := testkit.Try(catalog.Load())(t)
	want := products(packs)
	if os.Getenv("UPDATE") != "" {
		testkit.Must(t, os.WriteFile(productsFile, []byte(want), 0o644))
	}
	got := testkit.Try(os.ReadFile(productsFile))(t)
	if string(got) != want {
		t.Errorf("%s differs from the packs; UPDATE=1 go test ./internal/pack/catalog writes it", productsFile)
	}
}

// TestREADMECountsProducts: the README promises no more products than there are.
func TestREADMECountsProducts(t *testing.T) {
	packs := slices.DeleteFunc(slices.Clone(testkit.Try(catalog.Load())(t)), func(p pack.Pack) bool { return p.RulesOnly() })
	text := testkit.Try(os.ReadFile("../../../README.md"))(t)
	m := regexp.MustCompile(`more\s+than\s+(\d+)\s+products`).FindSubmatch(text)
	if m == nil {
		t.Fatal("the README does not say how many products are recognised")
	}
	if n, _ := strconv.Atoi(string(m[1])); len(packs) <= n {
		t.Errorf("the README says more than %d products, there are %d", n, len(packs))
	}
}

// products returns the text of docs/products.md.
func products(packs []pack.Pack) string {
	packs = slices.DeleteFunc(slices.Clone(packs), func(p pack.Pack) bool { return p.RulesOnly() })
	slices.SortFunc(packs, func(a, b pack.Pack) int {
		return cmp.Or(cmp.Compare(vendorOf(&a), vendorOf(&b)), cmp.Compare(a.Name, b.Name))
	})
	names := make(map[string][]string) // links by vendor
	for i := range packs {
		p := &packs[i]
		names[vendorOf(p)] = append(names[vendorOf(p)], fmt.Sprintf("[%s](#%s)", p.Name, p.Name))
	}
	var b strings.Builder
	b.WriteString(productsHead)
	for _, vendor := range slices.Sorted(maps.Keys(names)) {
		fmt.Fprintf(&b, "| %s | %s |\n", vendor, strings.Join(names[vendor], ", "))
	}
	for i := range packs {
		b.WriteString(product(&packs[i]))
	}
	return b.String()
}

// vendorOf is what a pack is filed under.
func vendorOf(p *pack.Pack) string {
	vendor, _, _ := strings.Cut(p.Name, "_")
	return strings.ToLower(cmp.Or(p.Vendor, vendor))
}

// product returns the section of a pack.
func product(p *pack.Pack) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n### %s\n\n%s.", p.Name, strings.TrimSuffix(p.About, "."))
	if p.LinuxServer {
		b.WriteString(" [Program of Linux servers](packs.md#programs-of-linux-servers).")
	}
	b.WriteString("\n\n" + recognised(p))
	b.WriteString("\n| class | vendor, product | sourcetype | role | in profile sc4s |\n|---|---|---|---|---|\n")
	for i := range p.Classes {
		b.WriteString(class(p, &p.Classes[i]))
	}
	if list := options(p); len(list) != 0 {
		fmt.Fprintf(&b, "\nReady rules, which `packs.options` turns on: `%s` ([rules.md](rules.md#ready-rules)).\n", strings.Join(list, "`, `"))
	}
	for i := range p.Tests {
		if t := &p.Tests[i]; !t.Not && cmp.Or(t.Pack, p.Name) == p.Name {
			on := ""
			if t.Pinned {
				on = ", from a pinned port or sender"
			}
			fmt.Fprintf(&b, "\nA line of it%s:\n\n```text\n%s\n```\n", on, t.Line)
			break
		}
	}
	fmt.Fprintf(&b, "\nDocumented in: %s.\n", strings.TrimSuffix(p.Documented, "."))
	return b.String()
}

// options are the rules of a pack that are off, by their full names.
func options(p *pack.Pack) (all []string) {
	for i := range p.Rules {
		if r := &p.Rules[i]; r.Option {
			all = append(all, p.Name+"."+r.Name)
		}
	}
	return all
}

// class returns the row of a class.
func class(p *pack.Pack, c *pack.Class) string {
	name := p.Name
	if c.Name != "" {
		name += "_" + c.Name
	}
	origin := strings.Trim(cmp.Or(c.Vendor, p.Vendor)+", "+cmp.Or(c.Product, p.Product), ", ")
	if c.FieldsFromCEF {
		origin = "those of the header"
	}
	standard := cmp.Or(c.Role, "the port's index")
	if c.Index != "" {
		standard = "index " + c.Index
	}
	sourcetype := code(c.Sourcetype)
	if c.Source != "" {
		sourcetype += ", source " + code(c.Source)
	}
	var other []string // what is different in the profile sc4s
	add := func(what, text string) {
		if text != "" {
			other = append(other, what+code(text))
		}
	}
	add("", c.SC4S.Sourcetype)
	add("index ", c.SC4S.Role)
	add("source ", c.SC4S.Source)
	add("vendor ", c.SC4S.Vendor)
	add("product ", c.SC4S.Product)
	add("class ", cmp.Or(c.SC4S.Class, c.Names.Class))
	sc4s := cmp.Or(strings.Join(other, ", "), "the same")
	switch profileOf(c.When) {
	case "default":
		sc4s = "–"
	case "sc4s":
		sc4s = strings.Join(append([]string{code(cmp.Or(c.SC4S.Sourcetype, c.Sourcetype)), "index " + code(cmp.Or(c.SC4S.Role, c.Role))}, other...), ", ")
		sourcetype, standard = "–", "–"
	}
	return fmt.Sprintf("| `%s` | %s | %s | %s | %s |\n", name, origin, sourcetype, standard, sc4s)
}

// profileOf is the profile that all conditions name, or empty.
func profileOf(list []pack.Condition) string {
	if len(list) == 0 || slices.ContainsFunc(list, func(c pack.Condition) bool { return c.Profile != list[0].Profile }) {
		return ""
	}
	return list[0].Profile
}

// recognised says in words how messages of a pack are found.
func recognised(p *pack.Pack) string {
	conditions := p.Match
	begin := "Recognised by:"
	if p.Family != "" {
		begin = fmt.Sprintf("Adds classes to the built-in family `%s`. Recognised by:", p.Family)
		for i := range p.Classes {
			conditions = append(conditions, p.Classes[i].When...)
		}
	}
	if len(conditions) == 0 {
		return "Recognised by its [sender or port](packs.md#pins) only.\n"
	}
	var b strings.Builder
	b.WriteString(begin + "\n\n")
	for _, profile := range []string{"", "default", "sc4s"} {
		for i := range conditions {
			c := &conditions[i]
			if c.Profile != profile {
				continue
			}
			b.WriteString("- ")
			if profile != "" {
				fmt.Fprintf(&b, "profile %s: ", profile)
			}
			b.WriteString(inWords(c) + "\n")
		}
	}
	for profile, other := range map[string]string{"default": "sc4s", "sc4s": "default"} {
		if !slices.ContainsFunc(conditions, func(c pack.Condition) bool { return c.Profile != profile }) {
			fmt.Fprintf(&b, "- profile %s: its [sender or port](packs.md#pins) only\n", other)
		}
	}
	if len(p.Not) != 0 {
		var not []string
		for i := range p.Not {
			not = append(not, inWords(&p.Not[i]))
		}
		b.WriteString("- never: " + strings.Join(not, "; ") + "\n")
	}
	return b.String()
}

// shown is how many words of a list are written out.
const shown = 8

// inWords says what a condition wants.
func inWords(c *pack.Condition) string {
	var all []string
	add := func(what string, words []string) {
		switch {
		case len(words) == 0:
		case len(words) == 1 && words[0] == "*":
			all = append(all, what+" of any value")
		default:
			all = append(all, what+" "+oneOf(words))
		}
	}
	device := func(what string, d *pack.Device) {
		if d == nil {
			return
		}
		var parts []string
		for _, part := range []struct {
			name  string
			words []string
		}{{"vendor", d.Vendor}, {"product", d.Product}, {"event", d.ID}} {
			if len(part.words) != 0 && !slices.Contains(part.words, "*") {
				parts = append(parts, part.name+" "+oneOf(part.words))
			}
		}
		all = append(all, what+" "+cmp.Or(strings.Join(parts, ", "), "of any vendor"))
	}
	add("program", c.Program)
	add("structured data", c.SD)
	device("CEF", c.CEF)
	device("LEEF", c.LEEF)
	add("Cisco identifier", c.MessageID)
	add("header of the form", c.Header)
	add("text that begins with", c.Text)
	if len(c.Contains) != 0 {
		add(fmt.Sprintf("in its first %d bytes", c.Within), c.Contains)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Keys)) {
		add("key "+code(name), c.Keys[name])
	}
	for _, name := range slices.Sorted(maps.Keys(c.JSON)) {
		add("JSON key "+code(name), c.JSON[name])
	}
	for _, n := range slices.Sorted(maps.Keys(c.Columns)) {
		add(fmt.Sprintf("column %d", n), c.Columns[n])
	}
	for _, n := range slices.Sorted(maps.Keys(c.Words)) {
		add(fmt.Sprintf("word %d", n), c.Words[n])
	}
	add("host", c.Host)
	add("level", c.Level)
	add("facility", c.Facility)
	add("class", c.Class)
	add("role", c.Role)
	for _, n := range c.Sender {
		all = append(all, "sender in "+n.String())
	}
	if c.Regex != "" {
		all = append(all, "text that matches "+code(c.Regex))
	}
	if len(c.Any) != 0 {
		all = append(all, "one of ("+joined(c.Any, "; ")+")")
	}
	if len(c.Not) != 0 {
		all = append(all, "not ("+joined(c.Not, "; ")+")")
	}
	text := strings.Join(all, ", ")
	if c.IgnoreCase {
		text += ", in upper or lower case"
	}
	return text
}

func joined(list []pack.Condition, by string) string {
	var all []string
	for i := range list {
		all = append(all, inWords(&list[i]))
	}
	return strings.Join(all, by)
}

// oneOf writes a list of words, of which one is enough.
func oneOf(words []string) string {
	var all []string
	for i, w := range words {
		if i == shown && len(words) > shown+1 {
			return strings.Join(all, ", ") + fmt.Sprintf(" or one of %d more", len(words)-shown)
		}
		all = append(all, code(w))
	}
	if last := len(all) - 1; last > 0 {
		return strings.Join(all[:last], ", ") + " or " + all[last]
	}
	return all[0]
}

// code writes text as code of Markdown, also in a table.
func code(text string) string {
	text = strings.ReplaceAll(text, "\t", "⇥")
	if strings.Contains(text, "|") && !strings.Contains(text, "{") {
		text = strings.ReplaceAll(text, "|", `\|`)
	}
	text = strings.ReplaceAll(text, "|lower}", `\|lower}`)
	if strings.HasPrefix(text, " ") || strings.HasSuffix(text, " ") {
		return "`" + strings.ReplaceAll(text, " ", "␣") + "`"
	}
	return "`" + text + "`"
}

const productsHead = `# Products

The products that the gateway recognises without any configuration, and what becomes of their messages. This file is generated from
the packs in ` + "`internal/pack/catalog`" + `. ` + "`gateway pack list`" + ` and ` + "`gateway pack show NAME`" + ` show the same on your machine, with
the packs of your own ([packs.md](packs.md)).

How to read a section:

- **Recognised by**: one of the points must hold. In a point everything must hold; of the words of a list one is enough. ` + "`*`" + ` stands
  for any text, ` + "`␣`" + ` for a blank. Many words are cut short here; ` + "`gateway pack show NAME`" + ` has them all.
- **class** is the value of the field ` + "`class`" + ` and the name for ` + "`metadata.overrides`, `drop` and `sample`" + `.
- **vendor, product** are joined to the field ` + "`vendor_product`" + ` in profile default. In profile sc4s they are ` + "`sc4s_vendor` and `sc4s_product`" + `.
- **role** is the role of the index. In profile default ` + "`metadata.indexes`" + ` gives it an index; without that the port's index is used.
  In profile sc4s the role is the index.
- **in profile sc4s** says what is different there. *class* is ` + "`sc4s_class`" + `. The ` + "`source`" + ` of the event is ` + "`sc4s`" + ` where nothing else is
  said; in profile default it is ` + "`syslog:<port>`" + `.

## Built-in families

These are understood in depth: several classes each, host and time in all forms that the devices write. Their names are in
[metadata.md](metadata.md).

| family | products | page |
|---|---|---|
| ` + "`unifi`" + ` | Ubiquiti UniFi: gateways, switches, access points, consoles | [unifi.md](devices/unifi.md) |
| ` + "`palo_alto`" + ` | Palo Alto Networks PAN-OS, Panorama, Cortex | [palo_alto.md](devices/palo_alto.md) |
| ` + "`cisco_asa`" + ` | Cisco ASA, Firepower (FTD), PIX, FWSM, IOS and relatives | [cisco_asa.md](devices/cisco_asa.md) |
| ` + "`linux`" + ` | Linux and other Unix hosts | [linux.md](devices/linux.md) |
| ` + "`windows`" + ` | Windows events by Snare, NXLog, CEF or XML | [windows.md](devices/windows.md) |

## Packs

The ten most used have a page of their own: [devices](devices/README.md).

| vendor | packs |
|---|---|
`
