package pack

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"syslog-gateway/internal/strftime"
	"syslog-gateway/internal/syslog"
)

// The words that the format knows.
var (
	roles = []string{
		"netfw", "netops", "netids", "netauth", "netdns", "netipam", "netproxy", "netwaf", "netdlp", "netlb", "infraops",
		"osnix", "oswin", "oswinsec", "email", "epav", "epintel", "print", "gitops", "main", "fireeye",
	}
	families = []string{"unifi", "palo_alto", "cisco_asa", "linux", "windows"}
	profiles = []string{"default", "sc4s"}
	readers  = []Reader{KV, CSV, Tab, JSON, Words}
	repairs  = []Repair{RepairEpoch, RepairNoTimeZ, RepairNetScaler, RepairHostColon, RepairNoPRI}
	forms    = []Form{Raw, Message, ProgramMessage, RFC5424, AsJSON}
	stamps   = []string{"iso", "bsd", "unix"}

	headers, levels, facilities = shapes(), codes(8, syslog.SeverityName), codes(24, syslog.FacilityName)
)

// Roles returns the roles of indexes.
func Roles() []string { return slices.Clone(roles) }

// The bytes that are searched if nothing is said, and the most that can be.
const (
	defaultWithin = 256
	maxWithin     = 512  // of contains
	maxWithinKeys = 1024 // of a pack
)

// The lengths of the longest names and of other texts.
const (
	maxName  = 64
	maxValue = 256
)

func shapes() []string {
	var all []string
	for s := syslog.Bare; s <= syslog.CiscoSequence; s++ {
		all = append(all, s.String())
	}
	return all
}

func codes(n int, name func(int) string) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = name(i)
	}
	return all
}

// one allows the words of a list.
func one[S ~string](what string, known []S) check {
	plain := make([]string, len(known))
	for i, k := range known {
		plain[i] = string(k)
	}
	return func(text string) string {
		if slices.Contains(plain, text) {
			return ""
		}
		return fmt.Sprintf("%s is not %s: %s", quoted(text), what, didYouMean(text, plain))
	}
}

const (
	lower  = "abcdefghijklmnopqrstuvwxyz"
	digits = "0123456789"
	upper  = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
)

// spelt allows names of these bytes that begin with a letter or digit.
func spelt(what, bytes string) check {
	return func(text string) string {
		switch {
		case text == "":
			return "is empty; it is " + what
		case len(text) > maxName:
			return fmt.Sprintf("%s has %d bytes, at most %d are allowed", quoted(text), len(text), maxName)
		case strings.ContainsFunc(text, func(r rune) bool { return !strings.ContainsRune(bytes, r) }), strings.Contains("_-.:", text[:1]):
			return fmt.Sprintf("%s is not %s", quoted(text), what)
		}
		return ""
	}
}

var (
	packName   = spelt("a name: a-z, 0-9 and _, beginning with a letter or digit", lower+digits+"_")
	indexName  = spelt("a Splunk index: a-z, 0-9, _ and -, beginning with a letter or digit", lower+digits+"_-")
	fieldName  = spelt("the name of a field: letters, digits, _ . and -, beginning with a letter or digit", lower+upper+digits+"_.-")
	sourcetype = spelt("a sourcetype: letters, digits and : . _ -, beginning with a letter or digit", lower+upper+digits+":._-")
)

// printable allows one line of text up to a length.
func printable(most int) check {
	return func(text string) string {
		switch {
		case text == "":
			return "is empty"
		case len(text) > most:
			return fmt.Sprintf("has %d bytes, at most %d are allowed", len(text), most)
		case strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\uFFFD' }):
			return "has a control character or is not UTF-8"
		}
		return ""
	}
}

// fixed allows a name without placeholders.
func fixed(text string) string {
	if strings.ContainsAny(text, "{}") {
		return quoted(text) + ": placeholders are for sourcetype and source only"
	}
	return printable(maxName)(text)
}

// sourcetypeTemplate allows a sourcetype with placeholders.
func sourcetypeTemplate(text string) string {
	t, err := ParseTemplate(text)
	if err != nil {
		return err.Error()
	}
	var example strings.Builder // with a letter for each placeholder
	for _, p := range t {
		if p.From == "" {
			example.WriteString(p.Text)
		} else {
			example.WriteByte('x')
		}
	}
	if wrong := sourcetype(example.String()); wrong != "" {
		return quoted(text) + strings.TrimPrefix(wrong, quoted(example.String()))
	}
	return ""
}

// sourceTemplate allows a source with placeholders.
func sourceTemplate(text string) string {
	if _, err := ParseTemplate(text); err != nil {
		return err.Error()
	}
	return printable(longest)(text)
}

// keyName allows the name of a key of a message.
func keyName(text string) string {
	if text == "" || len(text) > maxName || strings.ContainsAny(text, "*=") {
		return fmt.Sprintf("%s is not the name of a key: 1 to %d bytes without * and =", quoted(text), maxName)
	}
	return printable(maxName)(text)
}

// zone allows a time zone of the IANA database. Empty is the source's zone.
func zone(text string) string {
	if text == "" {
		return ""
	}
	if _, err := time.LoadLocation(text); err != nil || text == "Local" {
		return quoted(text) + " is not a time zone such as UTC or Europe/Berlin"
	}
	return ""
}

// timeForm allows what a rule of the time can have as as.
func timeForm(text string) string {
	if slices.Contains(stamps, text) {
		return ""
	}
	if !strings.Contains(text, "%") {
		return fmt.Sprintf("%s is neither a form of time nor a format of strftime such as \"%%Y-%%m-%%d %%H:%%M:%%S\": %s", quoted(text), didYouMean(text, stamps))
	}
	if _, err := strftime.Compile(text); err != nil {
		return quoted(text) + ": " + err.Error()
	}
	return ""
}

func anything(string) string { return "" }
