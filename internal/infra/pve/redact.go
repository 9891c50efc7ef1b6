package pve

import (
	"maps"
	"net/url"
	"slices"
	"strings"
)

const hidden = "<secret>"

// secretParam reports whether a parameter's value must not be shown. Public keys may be.
func secretParam(name string) bool {
	switch name {
	case "sshkeys", "ssh-public-keys":
		return false
	case "data", "ticket", "otp": // data: credentials of an ACME plugin
		return true
	}
	n := strings.ToLower(name)
	return slices.ContainsFunc([]string{"pass", "secret", "token", "key", "tfa"}, func(p string) bool { return strings.Contains(n, p) })
}

// shown gives params as text for the log.
func shown(params url.Values) string {
	var b strings.Builder
	for _, n := range slices.Sorted(maps.Keys(params)) {
		for _, v := range params[n] {
			if secretParam(n) {
				v = hidden
			}
			if b.Len() > 0 {
				b.WriteByte(' ')
			}
			b.WriteString(n + "=" + v)
		}
	}
	return b.String()
}

// scrub removes the secrets among params from the node's texts: a text on a wrong
// value may contain the value.
func scrub(e *Error, params url.Values) {
	for name, values := range params {
		if !secretParam(name) {
			continue
		}
		for _, v := range values {
			if len(v) < 4 { // would hit common words; the shortest password allowed has 5
				continue
			}
			e.Reason = strings.ReplaceAll(e.Reason, v, hidden)
			for p, s := range e.Params {
				e.Params[p] = strings.ReplaceAll(s, v, hidden)
			}
		}
	}
}
