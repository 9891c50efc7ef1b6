package main

import (
	"regexp"
	"strings"
	"time"
)

// described is a release, and how far behind it the commit is.
var described = regexp.MustCompile(`^v?([0-9]+(?:\.[0-9]+)*)(?:-([0-9]+)-g([0-9a-f]+))?(-dirty)?$`)

// packageVersion makes of what `git describe --tags --always --dirty` says a version
// that dpkg and rpm sort in the order of time: v1.2.0 is 1.2.0, three commits later
// is 1.2.0+3.gabc1234, and where there is no tag the time of the commit stands below
// every release: 0.0~20261122225600.abc1234.
func packageVersion(describe string, at time.Time) string {
	if m := described.FindStringSubmatch(describe); m != nil && strings.Contains(m[1], ".") {
		v := m[1]
		if m[2] != "" {
			v += "+" + m[2] + ".g" + m[3]
		}
		if m[4] != "" {
			v += "+dirty"
		}
		return v
	}
	v := "0.0~" + at.Format("20060102150405")
	if describe = clean(describe); describe != "" {
		v += "." + describe
	}
	return v
}

// clean keeps what both dpkg and rpm allow in a version, and what neither splits at.
func clean(s string) string {
	return strings.Trim(regexp.MustCompile(`[^A-Za-z0-9]+`).ReplaceAllString(s, "."), ".")
}
