package guest

import (
	"strings"

	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/plan/live"
)

// Guard returns why a live guest and its disks may not be removed, "" when they may. Only a
// literal "protection": false lifts a protection: the default depends on the declared
// disks, and a disk with data may no longer be declared.
func Guard(g *declaration.Guest, lv *live.Guest) string {
	switch {
	case g.ProtectionDeclared && !g.Protection:
		return ""
	case g.Protection:
		return "it is protected"
	case lv.Protected():
		return "it is protected in Proxmox VE"
	case len(lv.DataDisks()) > 0:
		return "it has data (" + strings.Join(lv.DataDisks(), ", ") + ")"
	}
	return ""
}

// Unguard returns how to lift what Guard found.
func Unguard(g *declaration.Guest) string {
	if g.Key == declaration.SplunkKey {
		return "the Splunk VM always is: if it and its data may go, take it out of the declaration, take its protection off in Proxmox VE, " +
			"remove it there, and run `provision state forget " + g.Key + "`"
	}
	return "declare \"protection\": false first, if it and its data may go"
}
