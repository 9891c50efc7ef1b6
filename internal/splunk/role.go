package splunk

import "syslog-gateway/internal/dialect"

// Role returns the role of the index of a class, such as netfw.
func Role(c dialect.Class) string {
	if c.Pack != nil {
		return c.Pack.Names.Role
	}
	return table[c.ID].sc4s.index
}
