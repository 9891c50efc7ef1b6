package schema

import "strings"

// grammarOfKey is the property string of a guest's key that holds a volume or network.
func grammarOfKey(kind, k string) string {
	base := strings.TrimRight(k, "0123456789")
	switch {
	case base == "net" && kind == "lxc":
		return "ctnet"
	case base == "net":
		return "qemunet"
	case base == "unused" && kind == "lxc":
		return "ctunused"
	}
	return base
}

// Value reads the property string of a guest's key, which was checked before it was
// stored. kind is lxc or qemu.
func (t *Tables) Value(kind, k, v string) map[string]string {
	values, _ := t.ParseProps(grammarOfKey(kind, k), k, v)
	return values
}

// Print is the opposite of [Tables.Value].
func (t *Tables) Print(kind, k string, values map[string]string) string {
	return t.PrintProps(grammarOfKey(kind, k), values)
}

// Has reports whether a group of parameters has one of that name.
func (t *Tables) Has(group, name string) bool { return t.Groups[group].ByName[name] != nil }

// IsNumber reports whether a parameter of a group is an integer or a truth value, which
// answers carry as numbers.
func (t *Tables) IsNumber(group, name string) bool {
	p := t.Groups[group].ByName[name]
	return p != nil && (p.Kind == "int" || p.Kind == "bool")
}

// CheckGroup holds values against the parameters of a group, as [Tables.Check] does.
func (t *Tables) CheckGroup(group string, values map[string]string) map[string]string {
	return t.Check(t.Groups[group], values, "")
}
