package pve

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"strings"
)

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
