package declaration

import (
	"fmt"
	"slices"
	"strings"

	"syslog-gateway/internal/infra/declaration/reader"
	"syslog-gateway/internal/redact"
)

// accounts reads who may log in to guests.
type accounts struct {
	report     *reader.Report
	deployment string // file in which a password is open to everybody
	key        string // the operator's SSH public key
}

// minPassword is Proxmox VE's limit for the root password of a container.
const minPassword = 5

func (b accounts) password(a *reader.Object) redact.Secret {
	p := redact.Secret(a.Secret("password"))
	v := a.Place("password")
	if p == "" {
		return ""
	}
	if len(p) < minPassword {
		b.report.Problem(v, fmt.Sprintf("has fewer than %d characters", minPassword), "Proxmox VE refuses it")
	}
	if v.File == b.deployment {
		b.report.AddNote(v, "a password is in clear text in the declaration", "log in by key and leave it out")
	}
	return p
}

// keys are those of the declaration and the operator's.
func (b accounts) keys(declared []string) []string {
	var all []string
	for _, k := range append(slices.Clone(declared), b.key) {
		if k = strings.TrimSpace(k); k != "" && !slices.Contains(all, k) {
			all = append(all, k)
		}
	}
	return all
}
