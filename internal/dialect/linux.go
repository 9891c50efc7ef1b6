package dialect

import (
	"bytes"
	"time"

	"syslog-gateway/internal/syslog"
)

// ownLinux reads what came to the Linux port without another family's mark:
// everything with a header, with a program tag behind a PRI, or that is one JSON
// object.
func ownLinux(l *line, r *Result) bool {
	switch {
	case linuxMarked(l, r):
	case l.headed, isProgram(l.app) && l.prioritised:
		r.setClass(LinuxSyslog, ByPort)
		if string(l.app) == "kernel" || string(l.app) == "audit" { // no audit daemon runs
			l.epochBehind(kernelAudit, r)
		}
	case isObject(l.text):
		l.jsonLine(r)
	default:
		return false
	}
	l.setProgram(r)
	return true
}

// ownAuto takes for Linux what has a time and a plain program tag; on a port for
// everyone a header alone says too little. CEF and LEEF are what appliances speak: of
// those of another vendor nothing is known.
func ownAuto(l *line, r *Result) bool {
	switch {
	case linuxMarked(l, r):
	case hasPrefix(l.text, "CEF:"), hasPrefix(l.text, "LEEF:"):
		return false
	case l.headed && isProgram(l.app):
		r.setClass(LinuxSyslog, ByTag)
	default:
		return false
	}
	l.setProgram(r)
	return true
}

// linuxMarked reads lines of the audit daemon and of the programs that people log
// in by.
func linuxMarked(l *line, r *Result) bool {
	switch {
	case isAudit(l):
		r.setClass(LinuxAudit, ByTag)
		l.auditTime(r)
	case len(l.app) != 0 && isAuth(l.app, l.text) && (l.headed || l.prioritised):
		r.setClass(LinuxSecure, ByTag)
	default:
		return false
	}
	l.setProgram(r)
	return true
}

// setProgram keeps the base name of the program. A tag without colon is text to
// the header scanner; its first word is the program all the same.
func (l *line) setProgram(r *Result) {
	program := l.app
	if len(program) == 0 && l.headed && len(r.Host) != 0 {
		program, _ = syslog.Word(l.text)
		if len(program) > 48 || !isProgram(program) {
			program = nil
		}
	}
	r.Source = program[bytes.LastIndexByte(program, '/')+1:]
}

// isProgram reports whether a tag is a plain program name: letters first or
// within, no date and no address.
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

// isAuth reports whether a program is one that writes to the log of logins
// (auth, authpriv), whatever facility it was sent with.
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
	auditMark   = []byte(" msg=audit(")
	kernelAudit = []byte(" audit(")
	nodeKey     = []byte("node=")
)

// isAudit reports whether a line is a record of the audit daemon: "type=SYSCALL
// msg=audit(1700000000.123:4567): …", which its dispatcher may prefix by a node.
func isAudit(l *line) bool {
	switch string(l.app) {
	case "audispd", "audisp-syslog", "auditd", "audisp-remote":
		return true
	case "", "audit", "auditctl", "augenrules":
	default:
		return false
	}
	p := l.text
	return (hasPrefix(p, "type=") || hasPrefix(p, "node=")) && bytes.Contains(head(p, 320), auditMark)
}

// auditTime takes the record's own time and its node, which is not the header's host
// where one machine sends the records of others.
func (l *line) auditTime(r *Result) {
	l.epochBehind(auditMark, r)
	if bytes.HasPrefix(l.text, nodeKey) {
		node, _ := syslog.Word(l.text[len(nodeKey):])
		if !isSameHost(node, r.Host) {
			r.setHost(node, ByKey)
		}
	}
}

// epochBehind takes the time behind a mark such as "audit(", which needs no zone and is
// more exact than a header's. A header with a zone that is more than a day off says that
// the record came from somewhere else than the log of today.
func (l *line) epochBehind(mark []byte, r *Result) {
	i := bytes.Index(head(l.text, 320), mark)
	if i < 0 {
		return
	}
	s, _ := syslog.ParseUnix(l.text[i+len(mark):])
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

// isSameHost reports whether two names differ in case or in their domain only.
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

// jsonLine reads a JSON object without a header by the keys that most loggers use.
func (l *line) jsonLine(r *Result) {
	r.setClass(LinuxSyslog, ByShape)
	if r.TimeBy == ByNothing {
		for _, key := range [...][]byte{jsonAtTimestamp, jsonTimestamp, jsonTime, jsonTS} {
			if r.setTime(anyTime(jsonValue(l.text, key)), ByKey) {
				break
			}
		}
	}
	if len(r.Host) == 0 && !r.setHost(jsonValue(l.text, jsonHostLower), ByKey) {
		r.setHost(jsonValue(l.text, jsonHost), ByKey)
	}
}
