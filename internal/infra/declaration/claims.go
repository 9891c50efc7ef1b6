package declaration

import (
	"fmt"
	"strconv"
	"strings"

	"syslog-gateway/internal/infra/declaration/reader"
)

// claims are what must be used once over all guests: VMIDs, names, keys, addresses. It
// also checks that no guest is cloned from another one.
type claims struct {
	report *reader.Report
	first  map[string]*reader.Value // where something was used first
	clones []clone
}

// clone is a template's VMID, and where it is named.
type clone struct {
	id    int
	place *reader.Value
}

func newClaims(report *reader.Report) *claims {
	return &claims{report: report, first: make(map[string]*reader.Value)}
}

// vmid claims the identity of a guest; 0 is one that could not be read.
func (c *claims) vmid(id int, owner *reader.Value) {
	if id != 0 {
		c.unique("VMID", strconv.Itoa(id), owner)
	}
}

// owner is where something was used first, or nil.
func (c *claims) owner(what, id string) *reader.Value {
	return c.first[what+"\x00"+strings.ToLower(id)]
}

// unique claims something and reports the second claim.
func (c *claims) unique(what, id string, owner *reader.Value) {
	first := c.owner(what, id)
	if first == nil {
		c.first[what+"\x00"+strings.ToLower(id)] = owner
		return
	}
	where := first.Path
	switch {
	case first.File != owner.File:
		where += fmt.Sprintf(" (%s)", first.From())
	case first.Line > 0:
		where += fmt.Sprintf(" (line %d)", first.Line)
	}
	if owner.Hidden || first.Hidden {
		id = "(not shown)"
	}
	c.report.Problem(owner, fmt.Sprintf("%s %s is already that of %s", what, id, where), "every guest needs its own")
}

// template remembers the VMID of a template for [claims.checkTemplates].
func (c *claims) template(id int, place *reader.Value) { c.clones = append(c.clones, clone{id, place}) }

// checkTemplates reports templates that are guests. All guests must be known.
func (c *claims) checkTemplates() {
	for _, t := range c.clones {
		owner := c.owner("VMID", strconv.Itoa(t.id))
		if owner == nil {
			continue
		}
		shown := ""
		if !t.place.Hidden {
			shown = " " + strconv.Itoa(t.id)
		}
		c.report.Problem(t.place, fmt.Sprintf("the template%s is the guest %s as well", shown, strings.TrimSuffix(owner.Path, ".vm_id")),
			"a template is not a guest that runs: give the guest another VMID or name the right template")
	}
}
