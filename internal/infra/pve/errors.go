package pve

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Error is a request that failed: its answer has a status of 300 or more, is invalid, or
// never came.
type Error struct {
	Method string
	Path   string // below /api2/json, without query
	Status int    // 0: there was no answer
	Reason string // the node's own words, without line end
	Params map[string]string
	// Unknown is true for a write that may have been carried out nevertheless.
	Unknown bool
	Err     error // what broke, where there was no usable answer
}

// Error implements error: what was tried, the reason, each parameter, what to do.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "pve: %s %s: ", e.Method, e.Path)
	if e.Status != 0 {
		fmt.Fprintf(&b, "%d ", e.Status)
	}
	b.WriteString(e.Reason)
	for i, name := range slices.Sorted(maps.Keys(e.Params)) {
		sep := "; "
		if i == 0 {
			sep = ": "
			if strings.HasSuffix(e.Reason, ".") {
				sep = " "
			}
		}
		b.WriteString(sep + name + ": " + strings.TrimSpace(strings.ReplaceAll(e.Params[name], "\n", " ")))
	}
	if hint := e.hint(); hint != "" {
		b.WriteString(" (" + hint + ")")
	}
	return b.String()
}

// Unwrap gives what broke below HTTP.
func (e *Error) Unwrap() error { return e.Err }

// statuses that a way between us and the node gives, and not the API itself: 595 to
// 599 are the pseudo codes of the proxying daemon's HTTP client.
func fromTheWay(status int) bool {
	switch status {
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return status >= 595 && status <= 599
}

// reasonOf is the reason for a status that came without one.
func reasonOf(status int) string {
	switch status {
	case 595:
		return "the node could not be reached"
	case 596:
		return "the connection to the node broke or timed out"
	case 597, 598, 599:
		return "the answer of the node was lost"
	}
	if s := http.StatusText(status); s != "" {
		return s
	}
	return "no reason given"
}

// refused gives the answer that refused a request. What went wrong in following a
// task says nothing about the request that began it.
func refused(err error) *Error {
	if _, ok := errors.AsType[*TaskError](err); ok {
		return nil
	}
	e, _ := errors.AsType[*Error](err)
	return e
}

// text is what the node said about err, for both a refused request and a failed task.
func text(err error) (string, bool) {
	if e := refused(err); e != nil {
		return e.Reason, e.Status != 0
	}
	if e, ok := errors.AsType[*TaskError](err); ok {
		return e.Exit, e.Err == nil
	}
	return "", false
}

func hasReason(err error, texts ...string) bool {
	s, ok := text(err)
	return ok && slices.ContainsFunc(texts, func(t string) bool { return strings.Contains(s, t) })
}

func status(err error) int {
	if e := refused(err); e != nil {
		return e.Status
	}
	return 0
}

// IsUnknownOutcome reports whether a write may have been done although it failed: its
// answer was lost, or its task died or cannot be followed. Check before you repeat it.
func IsUnknownOutcome(err error) bool {
	if e, ok := errors.AsType[*Error](err); ok && e.Unknown {
		return true
	}
	e, ok := errors.AsType[*TaskError](err)
	return ok && e.Unknown
}

// IsNotFound reports whether the object does not exist. The API answers 500 or 400 with
// a text, never 404.
func IsNotFound(err error) bool {
	switch status(err) {
	case http.StatusNotFound:
		return true
	case http.StatusForbidden:
		return false // "pool 'x' does not exist" is also how a missing right reads
	}
	return hasReason(err, "does not exist", "no such ", "no rule at position")
}

// IsExists reports whether the object to be made exists already.
func IsExists(err error) bool {
	if hasReason(err, "already exists", "already defined") {
		return true
	}
	e := refused(err)
	if e == nil {
		return false
	}
	for _, p := range e.Params {
		if strings.Contains(p, "already exists") {
			return true
		}
	}
	return false
}

// IsStale reports whether the object was changed since it was read: the digest of the
// write is not its digest any more.
func IsStale(err error) bool {
	return hasReason(err, "checksum mismatch (file change by other user?)", "detected modified configuration")
}

// IsForbidden reports whether the user or token lacks a privilege; the reason names it.
func IsForbidden(err error) bool { return status(err) == http.StatusForbidden }

// IsRootOnly reports whether only root@pam itself, logged in by password, may do this. No
// token can, not even one of root@pam.
func IsRootOnly(err error) bool {
	return hasReason(err, "only allowed for root@pam", "user != root@pam", "only root can ")
}

// UnknownOutcome is Unknown, for those who must not import this package.
func (e *Error) UnknownOutcome() bool { return e.Unknown }

// UnknownOutcome is Unknown, for those who must not import this package.
func (e *TaskError) UnknownOutcome() bool { return e.Unknown }

// hint returns what to do about e, in a few words; "" when the reason is enough.
func (e *Error) hint() string {
	switch {
	case e.Unknown:
		return "it may have been carried out nevertheless: check before you repeat it"
	case e.Status == 0:
		return hintBroken(e.Err)
	case e.Status == http.StatusUnauthorized:
		return "check the token or password: PROXMOX_VE_API_TOKEN is user@realm!name=secret"
	case IsRootOnly(e):
		return "no token may do this: log in as root@pam by PROXMOX_VE_USERNAME and PROXMOX_VE_PASSWORD"
	case e.Status == http.StatusForbidden:
		return "give the user, and its token when it has separate privileges, a role with that right"
	case e.Status == 595:
		return "is the node online?"
	case hasReason(e, "hostname lookup '"):
		return "the cluster has no such node: check PROXMOX_VE_NODE and the guest's node"
	case e.Status == http.StatusNotImplemented:
		return "this version of Proxmox VE does not have that call"
	case IsStale(e):
		return "somebody else changed it meanwhile: plan again"
	}
	return hintLock(e, e.Path)
}

func hintLock(err error, path string) string {
	word := ConfigLock(err)
	switch {
	case word != "":
		tool := "qm"
		if strings.Contains(path, "/lxc") || hasReason(err, "CT is locked") {
			tool = "pct"
		}
		return "wait until its " + word + " task ends; when none runs any more, `" + tool + " unlock VMID` on the node frees it"
	case isFileLock(err):
		return "another task works on it for longer than we wait: see which in the task list, then run again"
	}
	return ""
}

func hintBroken(err error) string {
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return "copy /etc/pve/pve-root-ca.pem from a node and name it in PROXMOX_VE_CACERT"
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return "use a name that the certificate holds in PROXMOX_VE_ENDPOINT; with PROXMOX_VE_CACERT set, PROXMOX_VE_INSECURE=true leaves out only the check of the name"
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return "no TLS is spoken there: check PROXMOX_VE_ENDPOINT"
	}
	return ""
}

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
			e.hide(v)
		}
	}
}

// unsign removes what a request was signed with from the answer's texts: proxies show headers.
func unsign(e *Error, signed http.Header) {
	for _, values := range signed {
		for _, v := range values {
			_, secret, _ := strings.Cut(v, "=") // PVEAPIToken=ID=SECRET, PVEAuthCookie=TICKET
			if id, of, ok := strings.Cut(secret, "="); ok && strings.Contains(id, "!") {
				secret = of
			}
			e.hide(cmp.Or(secret, v))
		}
	}
}

// hide takes a secret out of the texts.
func (e *Error) hide(secret string) {
	if len(secret) < 4 { // would hit common words; the shortest password allowed has 5
		return
	}
	e.Reason = strings.ReplaceAll(e.Reason, secret, hidden)
	for p, s := range e.Params {
		e.Params[p] = strings.ReplaceAll(s, secret, hidden)
	}
}
