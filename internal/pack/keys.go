package pack

import (
	"net/netip"
	"time"

	"go.yaml.in/yaml/v3"
)

// draft is a document while it is read. What a pack with one class says of that class
// stands at the top level, and so does the condition of a row.
type draft struct {
	Pack
	only      Class
	condition Condition
	test, not *yaml.Node
}

// tables are the tables of keys, one for each kind of mapping.
type tables struct {
	condition []key[Condition]
	device    []key[Device]
	names     []key[Names]
	class     []key[Class]
	test      []key[Test]
	host      []key[HostRule]
	time      []key[TimeRule]
	pack      []key[draft]
	row       []key[draft]
	table     []key[struct{}]
	rule      []key[Rule]
	suppress  []key[Suppress]
	mask      []key[Mask]
	trim      []key[Trim]
	lookup    []key[Lookup]

	only []string // keys at the top level of a pack with one class
}

// newTables returns the tables, some of which read others in turn.
func newTables() *tables {
	t := &tables{}
	t.device = []key[Device]{
		wordsKey("vendor", "vendor in the header", 1, func(d *Device) *[]string { return &d.Vendor }),
		wordsKey("product", "product in the header", 1, func(d *Device) *[]string { return &d.Product }),
		wordsKey("id", "event class of CEF, event ID of LEEF", 1, func(d *Device) *[]string { return &d.ID }),
	}
	t.condition = []key[Condition]{
		wordsKey("program", "the tag, without [pid] and path", shortest, func(c *Condition) *[]string { return &c.Program }),
		beginsKey("text", "the text behind header and program begins with", func(c *Condition) *[]string { return &c.Text }),
		beginsKey("contains", "the first bytes of the text contain; only beside another word", func(c *Condition) *[]string { return &c.Contains }),
		numberKey("within", "how many bytes contains searches", maxWithin, func(c *Condition) *int { return &c.Within }),
		wordsKey("message_id", "identifier of a Cisco message without its %", shortest, func(c *Condition) *[]string { return &c.MessageID }),
		textsKey("header", "form of the header", one("a form of header", headers), func(c *Condition) *[]string { return &c.Header }),
		deviceKey("cef", "origin of a CEF message", func(c *Condition) **Device { return &c.CEF }),
		deviceKey("leef", "origin of a LEEF message", func(c *Condition) **Device { return &c.LEEF }),
		wordsKey("sd", "SD-ID of RFC 5424", shortest, func(c *Condition) *[]string { return &c.SD }),
		byNameKey("keys", "values of keys", func(c *Condition) *map[string][]string { return &c.Keys }),
		byPlaceKey("columns", "values of columns, from 1", func(c *Condition) *map[int][]string { return &c.Columns }),
		byPlaceKey("words", "words of the text, from 1", func(c *Condition) *map[int][]string { return &c.Words }),
		byNameKey("json", "values of a JSON object; keys with dots", func(c *Condition) *map[string][]string { return &c.JSON }),
		wordsKey("host", "host", 1, func(c *Condition) *[]string { return &c.Host }),
		{"sender", "networks of the sender", func(d *decoder, n *yaml.Node, c *Condition) { c.Sender = listOf(d, n, d.prefix) }},
		textsKey("level", "severity", one("a severity", levels), func(c *Condition) *[]string { return &c.Level }),
		textsKey("facility", "facility", one("a facility", facilities), func(c *Condition) *[]string { return &c.Facility }),
		textsKey("role", "role of the index", one("a role", roles), func(c *Condition) *[]string { return &c.Role }),
		textsKey("class", "class of the message", packName, func(c *Condition) *[]string { return &c.Class }),
		{"regex", "expression of RE2; slow", func(d *decoder, n *yaml.Node, c *Condition) { c.Regex = d.regex(n) }},
		conditionsKey("any", "one of these holds", func(c *Condition) *[]Condition { return &c.Any }),
		conditionsKey("not", "none of these holds", func(c *Condition) *[]Condition { return &c.Not }),
		textKey("profile", "holds in this profile only", one("a profile", profiles), func(c *Condition) *string { return &c.Profile }),
		boolKey("ignore_case", "program, text, contains, host and values in any case", func(c *Condition) *bool { return &c.IgnoreCase }),
	}
	t.names = []key[Names]{
		textKey("sourcetype", "sourcetype; placeholders are allowed", sourcetypeTemplate, func(n *Names) *string { return &n.Sourcetype }),
		textKey("source", "Splunk's source; placeholders are allowed", sourceTemplate, func(n *Names) *string { return &n.Source }),
		textKey("role", "role of the index", one("a role", roles), func(n *Names) *string { return &n.Role }),
		textKey("index", "index of the profile default, in place of the role's", indexName, func(n *Names) *string { return &n.Index }),
		textKey("vendor", "field sc4s_vendor", fixed, func(n *Names) *string { return &n.Vendor }),
		textKey("product", "field sc4s_product", fixed, func(n *Names) *string { return &n.Product }),
		textKey("class", "field sc4s_class", fixed, func(n *Names) *string { return &n.Class }),
	}
	event := func(name string) key[Form] {
		return key[Form]{name, "form of the event", func(d *decoder, n *yaml.Node, to *Form) {
			*to = Form(d.checked(n, one("a form of event", forms)))
		}}
	}
	t.class = append([]key[Class]{
		textKey("name", "name of the class", packName, func(c *Class) *string { return &c.Name }),
		conditionsKey("when", "condition; the last class has none", func(c *Class) *[]Condition { return &c.When }),
		{"fields", "indexed fields with their values", func(d *decoder, n *yaml.Node, c *Class) { c.Fields = d.fields(n) }},
		{"fields_from", "cef: vendor, product and class are those in the header of CEF or LEEF", func(d *decoder, n *yaml.Node, c *Class) {
			c.FieldsFromCEF = d.checked(n, one("a header", []string{"cef"})) != ""
		}},
		{"sc4s", "what is different in the profile sc4s", func(d *decoder, n *yaml.Node, c *Class) {
			mapping(d, n, but(t.names, "index"), &c.SC4S)
		}},
	}, lift(t.names, func(c *Class) *Names { return &c.Names })...)
	onlyKeys := renamed(lift(but(t.class, "name", "when", "vendor", "product"), func(d *draft) *Class { return &d.only }), "source", "event_source")
	t.only = names(onlyKeys)
	t.class = append(t.class, lift([]key[Form]{event("event")}, func(c *Class) *Form { return &c.Event })...)

	address := func(d *decoder, n *yaml.Node, t *Test) {
		a, err := netip.ParseAddr(d.text(n))
		if err != nil || a.Zone() != "" {
			d.fail(n, "%s is not an IP address", quoted(n.Value))
		}
		t.Sender = a
	}
	rfc3339 := func(text string) string {
		if _, err := time.Parse(time.RFC3339Nano, text); err != nil {
			return quoted(text) + " is not a time of RFC 3339 such as 2026-03-14T14:28:52Z"
		}
		return ""
	}
	t.test = []key[Test]{
		textKey("line", "the message", notEmpty, func(t *Test) *string { return &t.Line }),
		{"sender", "address of the sender", address},
		textKey("vendor", "family of the port", one("a family", append([]string{"auto"}, families...)), func(t *Test) *string { return &t.Vendor }),
		boolKey("pinned", "the port is pinned to this pack", func(t *Test) *bool { return &t.Pinned }),
		textKey("profile", "in this profile only", one("a profile", profiles), func(t *Test) *string { return &t.Profile }),
		textKey("pack", "the pack that takes the line, or none; this pack if it is left out", packName, func(t *Test) *string { return &t.Pack }),
		textKey("class", "class, without the name of the pack", packName, func(t *Test) *string { return &t.Class }),
		textKey("sourcetype", "sourcetype", sourcetype, func(t *Test) *string { return &t.Sourcetype }),
		textKey("index", "index", indexName, func(t *Test) *string { return &t.Index }),
		textKey("source", "Splunk's source", printable(longest), func(t *Test) *string { return &t.Source }),
		textKey("host", "host", printable(maxValue), func(t *Test) *string { return &t.Host }),
		textKey("time", "time of RFC 3339", rfc3339, func(t *Test) *string { return &t.Time }),
		{"fields", "indexed fields with their values", func(d *decoder, n *yaml.Node, t *Test) { t.Fields = d.fields(n) }},
		textKey("event", "text of the event", anything, func(t *Test) *string { return &t.Event }),
		textKey("event_begins", "the event begins with", notEmpty, func(t *Test) *string { return &t.EventBegins }),
		textsKey("event_has_not", "the event does not contain", notEmpty, func(t *Test) *[]string { return &t.EventHasNot }),
	}

	valueKeys := []key[Value]{
		textKey("key", "value of a key", keyName, func(v *Value) *string { return &v.Key }),
		numberKey("column", "column, from 1", maxPlace, func(v *Value) *int { return &v.Column }),
		numberKey("word", "word of the text, from 1", maxPlace, func(v *Value) *int { return &v.Word }),
		textKey("json", "value of a JSON object; key with dots", keyName, func(v *Value) *string { return &v.JSON }),
		textKey("cef", "key of CEF's extension", keyName, func(v *Value) *string { return &v.CEF }),
		textKey("leef", "attribute of LEEF", keyName, func(v *Value) *string { return &v.LEEF }),
		textKey("sd", "parameter of the structured data", keyName, func(v *Value) *string { return &v.SD }),
		markKey("program", "the program", func(v *Value) *bool { return &v.Program }),
		markKey("header", "the host of the header", func(v *Value) *bool { return &v.Header }),
		markKey("sender", "the address of the sender", func(v *Value) *bool { return &v.Sender }),
		textKey("text", "this text", printable(maxValue), func(v *Value) *string { return &v.Text }),
		textKey("after", "cut up to and with the first such text", notEmpty, func(v *Value) *string { return &v.After }),
		textKey("before", "cut from the first such text on", notEmpty, func(v *Value) *string { return &v.Before }),
	}
	t.host = lift(valueKeys, func(h *HostRule) *Value { return &h.Value })
	t.time = append([]key[TimeRule]{
		textKey("as", "iso, bsd, unix or a format of strftime", timeForm, func(t *TimeRule) *string { return &t.As }),
		valuesKey("keys", "values of several keys", func(d *decoder, n *yaml.Node) Value { return Value{Key: d.checked(n, keyName)} }),
		valuesKey("columns", "several columns, from 1", func(d *decoder, n *yaml.Node) Value { return Value{Column: d.number(n, maxPlace)} }),
		valuesKey("words", "several words, from 1", func(d *decoder, n *yaml.Node) Value { return Value{Word: d.number(n, maxPlace)} }),
	}, lift(but(valueKeys, "program", "header", "sender", "text"), func(t *TimeRule) *Value {
		if len(t.Values) == 0 {
			t.Values = make([]Value, 1)
		}
		return &t.Values[0]
	})...)

	format := textKey("format", "1", anything, func(d *draft) *string { return new(string) })
	t.pack = append([]key[draft]{
		format,
		textKey("pack", "name of the pack", packName, func(d *draft) *string { return &d.Name }),
		textKey("about", "a line for people", printable(maxValue), func(d *draft) *string { return &d.About }),
		textKey("source", "where the form of the lines is documented", printable(2*maxValue), func(d *draft) *string { return &d.Documented }),
		textKey("vendor", "field sc4s_vendor", fixed, func(d *draft) *string { return &d.Vendor }),
		textKey("product", "field sc4s_product", fixed, func(d *draft) *string { return &d.Product }),
		conditionsKey("match", "which messages are the product's; one condition must hold", func(d *draft) *[]Condition { return &d.Match }),
		conditionsKey("not", "what the pack never takes", func(d *draft) *[]Condition { return &d.Not }),
		{"headers", "repairs of headers", func(d *decoder, n *yaml.Node, to *draft) {
			to.Headers = listOf(d, n, func(e *yaml.Node) Repair { return Repair(d.checked(e, one("a repair of headers", repairs))) })
		}},
		textKey("family", "built-in family whose classes the pack extends", one("a family", families), func(d *draft) *string { return &d.Family }),
		textsKey("replaces", "embedded packs that are overruled on purpose", packName, func(d *draft) *[]string { return &d.Replaces }),
		{"read", "how the text is divided", func(d *decoder, n *yaml.Node, to *draft) {
			to.Read = Reader(d.checked(n, one("a reader", readers)))
		}},
		{"separator", "what ends the values of read: kv; default a blank", func(d *decoder, n *yaml.Node, to *draft) {
			if text := d.text(n); len(text) != 1 {
				d.fail(n, "%s is not one byte", quoted(text))
			} else {
				to.Separator = text[0]
			}
		}},
		numberKey("within", "bytes of the text that are searched for keys; default 256", maxWithinKeys, func(d *draft) *int { return &d.Within }),
		{"host", "where the host is; default the header's", func(d *decoder, n *yaml.Node, to *draft) { to.Host = listOf(d, n, d.hostRule) }},
		{"time", "where the time is; default the header's", func(d *decoder, n *yaml.Node, to *draft) { to.Time = listOf(d, n, d.timeRule) }},
		textKey("timezone", "zone of the times without one; default the source's", zone, func(d *draft) *string { return &d.Timezone }),
		boolKey("linux_server", "the program also runs on Linux servers", func(d *draft) *bool { return &d.LinuxServer }),
		{"classes", "kinds of messages, in order", func(d *decoder, n *yaml.Node, to *draft) { to.Classes = listOf(d, n, d.class) }},
		{"tests", "lines and what becomes of them", func(d *decoder, n *yaml.Node, to *draft) { to.Tests = listOf(d, n, d.test) }},
	}, onlyKeys...)
	t.pack = append(t.pack, lift([]key[Form]{event("event")}, func(d *draft) *Form { return &d.Event })...)

	t.row = append([]key[draft]{
		textKey("product", "name of the pack", packName, func(d *draft) *string { return &d.Name }),
		textKey("documented", "where the form of the lines is documented", printable(2*maxValue), func(d *draft) *string { return &d.Documented }),
		textKey("name", "field sc4s_product; default what is behind the first _ of product", fixed, func(d *draft) *string { return &d.Product }),
		{"test", "a line of the product", func(d *decoder, n *yaml.Node, to *draft) { d.checked(n, notEmpty); to.test = n }},
		{"not", "a line of another product", func(d *decoder, n *yaml.Node, to *draft) { d.checked(n, notEmpty); to.not = n }},
	}, only(t.pack, "about", "vendor", "headers", "read", "host", "timezone", "event", "linux_server", "replaces")...)
	t.row = append(t.row, onlyKeys...)
	t.row = append(t.row, lift(but(t.condition, names(t.row)...), func(d *draft) *Condition { return &d.condition })...)

	t.table = []key[struct{}]{
		{"format", "1", func(d *decoder, n *yaml.Node, _ *struct{}) { d.text(n) }},
		{"products", "rows, one for each product", func(d *decoder, n *yaml.Node, _ *struct{}) {
			key := d.key
			for _, row := range d.list(n) {
				if d.full() {
					return
				}
				d.key = key
				d.row(row)
			}
		}},
	}
	t.addRules()
	return t
}

// renamed gives a key another name.
func renamed[T any](keys []key[T], from, to string) []key[T] {
	for i := range keys {
		if keys[i].name == from {
			keys[i].name = to
		}
	}
	return keys
}

// valuesKey reads several values of a time.
func valuesKey(name, about string, read func(*decoder, *yaml.Node) Value) key[TimeRule] {
	return key[TimeRule]{name, about, func(d *decoder, n *yaml.Node, to *TimeRule) {
		values := listOf(d, n, func(e *yaml.Node) Value { return read(d, e) })
		if len(to.Values) != 0 && len(values) != 0 { // after and before of a rule with several values
			values[0].After, values[0].Before = to.Values[0].After, to.Values[0].Before
		}
		to.Values = values
	}}
}

func notEmpty(text string) string {
	if text == "" {
		return "is empty"
	}
	return ""
}
