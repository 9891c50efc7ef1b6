package firewall

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"syslog-gateway/internal/infra/pvesim/conf"
	"syslog-gateway/internal/infra/pvesim/refusal"
)

// File is one firewall file.
type File struct {
	Options conf.File
	Rules   Rules
	Groups  Groups // of the cluster only
	Sets    Sets
	Aliases Aliases
}

// New is an empty file.
func New() *File {
	return &File{Options: conf.File{}, Groups: Groups{}, Sets: Sets{}, Aliases: Aliases{}}
}

// Entry is an object as the API shows it.
type Entry map[string]any

// Digest is Firewall.pm copy_list_with_digest: SHA-1 over key:value lines of all
// entries, keys sorted.
func Digest(entries ...Entry) string {
	var b strings.Builder
	for _, e := range entries {
		for _, k := range slices.Sorted(maps.Keys(e)) {
			fmt.Fprintf(&b, "%s:%v\n", k, e[k])
		}
	}
	return conf.Digest(b.String())
}

// WithDigest adds the common digest to a copy of every entry.
func WithDigest(entries []Entry) []Entry {
	d := Digest(entries...)
	out := []Entry{}
	for _, e := range entries {
		shown := Entry{"digest": d}
		maps.Copy(shown, e)
		out = append(out, shown)
	}
	return out
}

// CheckDigest refuses a write that was made from an older read. "" is no digest.
func CheckDigest(digest string, entries []Entry) error {
	if digest != "" && digest != Digest(entries...) {
		return refusal.Modified()
	}
	return nil
}

// ipVersion is 4 or 6, or 0 for an alias, a set or nothing.
func ipVersion(addr string) int {
	first, _, _ := strings.Cut(strings.Split(addr, ",")[0], "-")
	a, err := netip.ParseAddr(first)
	if p, perr := netip.ParsePrefix(first); perr == nil {
		a, err = p.Addr(), nil
	}
	switch {
	case err != nil:
		return 0
	case a.Is4():
		return 4
	}
	return 6
}

// Text is the file as it lies below /etc/pve; "" when there is nothing in it.
func (f *File) Text() string {
	var b strings.Builder
	if len(f.Options) > 0 {
		b.WriteString("[OPTIONS]\n\n")
		f.Options.Write(&b)
		b.WriteString("\n")
	}
	if len(f.Aliases) > 0 {
		b.WriteString("[ALIASES]\n\n")
		for _, name := range slices.Sorted(maps.Keys(f.Aliases)) {
			b.WriteString(name + " " + f.Aliases[name].CIDR + comment(f.Aliases[name].Comment) + "\n")
		}
		b.WriteString("\n")
	}
	for _, name := range slices.Sorted(maps.Keys(f.Sets)) {
		b.WriteString("[IPSET " + name + "]" + comment(f.Sets[name].comment) + "\n\n")
		for _, e := range f.Sets[name].entries {
			b.WriteString(strings.Repeat("!", conf.Int(e["nomatch"])) + e["cidr"] + comment(e["comment"]) + "\n")
		}
		b.WriteString("\n")
	}
	if f.Rules.Len() > 0 {
		b.WriteString("[RULES]\n\n" + f.Rules.text() + "\n")
	}
	for _, name := range slices.Sorted(maps.Keys(f.Groups)) {
		b.WriteString("[group " + name + "]" + comment(f.Groups[name].comment) + "\n\n" + f.Groups[name].Rules.text() + "\n")
	}
	return b.String()
}

func comment(text string) string {
	if text == "" {
		return ""
	}
	return " # " + text
}
