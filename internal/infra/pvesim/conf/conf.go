// Package conf is a configuration file of Proxmox VE: keys and values, the text that
// /etc/pve holds, and the digest of that text. What the keys mean is not decided here.
package conf

import (
	"crypto/sha1" //nolint:gosec // the digest of Proxmox VE
	"encoding/hex"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// File is a configuration file: every value as its text.
type File map[string]string

// Write appends the keys in their order, without the description.
func (f File) Write(b *strings.Builder) {
	for _, k := range slices.Sorted(maps.Keys(f)) {
		if k != "description" {
			b.WriteString(k + ": " + f[k] + "\n")
		}
	}
}

// Shown is the file as the API shows it: a number at each key that holds one.
func (f File) Shown(number func(key string) bool) map[string]any {
	out := map[string]any{}
	for k, v := range f {
		out[k] = v
		if number(k) {
			out[k] = Int(v)
		}
	}
	return out
}

// WriteDescription appends a description as the comment lines that it is kept in.
func WriteDescription(b *strings.Builder, text string) {
	encode := strings.NewReplacer("%", "%25", "\r", "%0D", "\x00", "%00") // PVE::Tools::encode_text
	for line := range strings.SplitSeq(text, "\n") {
		b.WriteString("#" + encode.Replace(line) + "\n")
	}
}

// Digest is the SHA-1 of a file's text, which Proxmox VE calls its digest.
func Digest(text string) string {
	sum := sha1.Sum([]byte(text))
	return hex.EncodeToString(sum[:])
}

// Int is a value as a number; 0 when it is none.
func Int(s string) int { n, _ := strconv.Atoi(s); return n }

// DigestOf is the digest of a file with a section for each object.
func DigestOf(objects map[string]File) string {
	var b strings.Builder
	for _, id := range slices.Sorted(maps.Keys(objects)) {
		b.WriteString(id + "\n")
		objects[id].Write(&b)
	}
	return Digest(b.String())
}
