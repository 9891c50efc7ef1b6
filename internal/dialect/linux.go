package dialect

import (
	"bytes"
	"time"

	"syslog-gateway/internal/body"
	"syslog-gateway/internal/syslog"
)

// ownLinux reads lines without a marker on the Linux port: all that have a header, or a
// program tag behind a PRI, or that are one JSON object.
func ownLinux(l *line, r *Result) bool {
	switch {
	case readLinux(l, r):
	case l.headed, isProgram(l.app) && l.prioritised:
		r.setClass(LinuxSyslog, ByPort)
		if string(l.app) == "kernel" || string(l.app) == "audit" { // no audit daemon runs
			setEpoch(l.text, kernelAudit, r)
		}
	case body.IsObject(l.text):
		readJSON(l.text, r)
	default:
		return false
	}
	l.setProgram(r)
	return true
}

// ownAuto takes a line with a time and a plain program tag for Linux: on a port for all
// families a header alone is not enough. CEF and LEEF come from appliances; if the vendor
// is none of the families, nothing is known of them.
func ownAuto(l *line, r *Result) bool {
	switch {
	case readLinux(l, r):
	case hasPrefix(l.text, "CEF:"), hasPrefix(l.text, "LEEF:"):
		return false
	case (l.headed || l.prioritised && (len(l.procID) != 0 || string(l.app) == "kernel")) && isProgram(l.app):
		r.setClass(LinuxSyslog, ByTag)
	default:
		return false
	}
	l.setProgram(r)
	return true
}

// readLinux reads lines of the audit daemon and of programs that people log in with.
// Their tags count on the ports of all families.
func readLinux(l *line, r *Result) bool {
	switch {
	case isAudit(l):
		r.setClass(LinuxAudit, ByTag)
		setAudit(l.text, r)
	case len(l.app) != 0 && isAuth(l.app, l.text) && (l.headed || l.prioritised):
		r.setClass(LinuxSecure, ByTag)
	default:
		return false
	}
	l.setProgram(r)
	return true
}

// isProgram reports whether a tag is the plain name of a program: it has letters, and is
// neither a date nor an address nor a level.
func isProgram(tag []byte) bool {
	letters := false
	for _, c := range tag {
		switch {
		case syslog.IsLetter(c):
			letters = true
		case syslog.IsDigit(c), c == '.', c == '-', c == '_', c == '/', c == '(', c == ')', c == '@', c == '+', c == '#':
		default:
			return false
		}
	}
	return letters && !syslog.IsLevel(tag)
}

// isAuth reports whether a program writes about logins (facilities auth and authpriv).
// The facility of the message does not matter.
func isAuth(app, text []byte) bool {
	app = app[bytes.LastIndexByte(app, '/')+1:]
	if i := bytes.IndexByte(app, '('); i > 0 { // "sshd(pam_unix)"
		app = app[:i]
	}
	switch string(app) {
	case "sshd", "sshd-session", "sshd-auth", "sudo", "su", "login", "systemd-logind", "passwd", "chpasswd",
		"useradd", "userdel", "usermod", "groupadd", "groupdel", "groupmod", "gpasswd", "chage", "chsh", "chfn",
		"newusers", "vipw", "polkitd", "polkit-agent-helper-1", "pkexec", "dropbear", "vsftpd", "gdm-password]",
		"gdm-password", "lightdm", "sssd", "runuser", "doas", "pam_tally2", "pam_faillock", "unix_chkpwd", "saslauthd":
		return true
	}
	return hasPrefix(text, "pam_unix(") || hasPrefix(text, "pam_sss(")
}

var (
	auditMarker = []byte(" msg=audit(")
	kernelAudit = []byte(" audit(")
	nodeKey     = []byte("node=")
)

// isAudit reports whether a line is a record of the audit daemon: "type=SYSCALL
// msg=audit(1700000000.123:4567): …", maybe behind the node= of its dispatcher.
func isAudit(l *line) bool {
	switch string(l.app) {
	case "audispd", "audisp-syslog", "auditd", "audisp-remote":
		return true
	case "", "audit", "auditctl", "augenrules":
	default:
		return false
	}
	p := l.text
	return (hasPrefix(p, "type=") || hasPrefix(p, "node=")) && bytes.Contains(head(p, 320), auditMarker)
}

// setAudit sets the time and the node of an audit record. The node differs from the
// header's host if one machine sends the records of others.
func setAudit(text []byte, r *Result) {
	setEpoch(text, auditMarker, r)
	if bytes.HasPrefix(text, nodeKey) {
		node, _ := syslog.Word(text[len(nodeKey):])
		if !isSameHost(node, r.Host) {
			r.setHost(node, ByKey)
		}
	}
}

// setEpoch sets the time behind a marker such as "audit(". It needs no zone
// and is more exact than the header's. If the header's time has a zone and is more
// than a day away, the record is not from today's log, and the header's time stays.
func setEpoch(text, marker []byte, r *Result) {
	i := bytes.Index(head(text, 320), marker)
	if i < 0 {
		return
	}
	s, _ := syslog.ParseUnix(text[i+len(marker):])
	if h := &r.Stamp; h.Kind == syslog.Fixed {
		year := int(h.Year)
		if year == 0 {
			year = time.Unix(s.Secs, 0).UTC().Year()
		}
		at := time.Date(year, time.Month(h.Month), int(h.Day), int(h.Hour), int(h.Minute), 0, 0, time.UTC).Unix() - int64(h.Offset)
		if off := s.Secs - at; off < -86400 || off > 86400 {
			return
		}
	}
	r.setTime(s, ByKey)
}

// isSameHost reports whether two names differ only in case or in the domain.
func isSameHost(a, b []byte) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	return len(a) != 0 && bytes.EqualFold(a, b[:len(a)]) && (len(a) == len(b) || b[len(a)] == '.')
}

var (
	jsonAtTimestamp = []byte(`"@timestamp"`)
	jsonTimestamp   = []byte(`"timestamp"`)
	jsonTime        = []byte(`"time"`)
	jsonTS          = []byte(`"ts"`)
	jsonHostLower   = []byte(`"hostname"`)
	jsonHost        = []byte(`"host"`)
)

// readJSON reads a JSON object without a header by the keys that most loggers use.
func readJSON(text []byte, r *Result) {
	r.setClass(LinuxSyslog, ByShape)
	if r.TimeBy == ByNothing {
		for _, key := range [...][]byte{jsonAtTimestamp, jsonTimestamp, jsonTime, jsonTS} {
			if r.setTime(syslog.ParseAny(body.JSONValue(text, key)), ByKey) {
				break
			}
		}
	}
	if len(r.Host) == 0 && !r.setHost(body.JSONValue(text, jsonHostLower), ByKey) {
		r.setHost(body.JSONValue(text, jsonHost), ByKey)
	}
}
