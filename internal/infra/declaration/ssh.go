package declaration

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"

	gossh "golang.org/x/crypto/ssh"

	"syslog-gateway/internal/infra/declaration/reader"
	"syslog-gateway/internal/redact"
)

var (
	keyPath    = regexp.MustCompile(`^(~/|/)`)
	pubKeyPath = regexp.MustCompile(`^(~/|/).*\.pub$`)
	keyTypes   = regexp.MustCompile(`^(ssh-rsa|ssh-ed25519|ecdsa-sha2-\S+) `)
)

// ssh reads how the node is reached and what guests let in.
type ssh struct {
	report *reader.Report
	o      Options
}

func (b ssh) read(r *reader.Object) SSH {
	var s SSH
	// Decision: root, as Terragrunt always set it; the variable's own default of
	// root@pam is the name of an API user, not of a login.
	s.User = r.Text("proxmox_ssh_username", "root", pattern(wordText, "is not a login name", "such as root; root@pam is a user of the API"))
	s.PrivateKey = b.privateKey(r)
	s.GuestKeyPath = b.o.expand(r.Text("vm_ssh_private_key_path", "~/.ssh/id_rsa_vm", pattern(keyPath, "is not a path", "begin it with / or ~/")))
	s.GuestPublicKey = b.publicKey(r, &s)
	return s
}

// privateKey takes the key itself or the path of its file. Only the default may be
// absent: what a plan needs SSH for, it says itself.
func (b ssh) privateKey(r *reader.Object) redact.Secret {
	v := r.Typed("proxmox_ssh_private_key", reader.KindText)
	text := "~/.ssh/id_rsa"
	if v != nil {
		v.Hidden = true // it may be the key
		text = strings.TrimSpace(v.Text)
	}
	r.Set("proxmox_ssh_private_key", v, text)
	switch {
	case strings.HasPrefix(text, "-----BEGIN"):
		if v.File == b.o.Deployment {
			b.report.AddNote(v, "a private key is in clear text in the declaration", "move it to the SOPS file or to PROXMOX_SSH_PRIVATE_KEY, and change it")
		}
		return redact.Secret(text + "\n")
	case !keyPath.MatchString(text):
		b.report.Problem(v, "is neither a private key (-----BEGIN …) nor a path", "begin a path with / or ~/")
		return ""
	}
	data, err := os.ReadFile(b.o.expand(text))
	switch {
	case v == nil && errors.Is(err, fs.ErrNotExist):
		return ""
	case err != nil:
		place := r.Place("proxmox_ssh_private_key")
		// What needs the key says so: most verbs do not.
		b.report.AddNote(place, "the private key cannot be read: "+reason(err), "set PROXMOX_SSH_PRIVATE_KEY to the key or PROXMOX_SSH_KEY_PATH to the path of a readable file")
		return ""
	case !strings.HasPrefix(strings.TrimSpace(string(data)), "-----BEGIN"):
		b.report.Problem(r.Place("proxmox_ssh_private_key"), "the file does not hold a private key", "it begins with -----BEGIN; the one that ends in .pub is the public half")
		return ""
	}
	return redact.Secret(data)
}

// reason is an error without the path, which may have come encrypted.
func reason(err error) string {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err.Error()
	}
	return err.Error()
}

// publicKey takes the key itself, or that of the file. Guests made without one cannot be
// entered by SSH: while a file that was named is not there, none is made.
func (b ssh) publicKey(r *reader.Object, s *SSH) string {
	path := r.Text("vm_ssh_public_key_path", "~/.ssh/id_rsa_vm.pub", pattern(pubKeyPath, "is not the path of a public key", "begin it with / or ~/ and end it with .pub"))
	if v := r.Typed("ssh_public_key", reader.KindText); v != nil && v.Text != "" {
		r.Set("ssh_public_key", v, v.Text)
		b.report.Check(v, []reader.Rule{publicKeyRule})
		return strings.TrimSpace(v.Text)
	}
	place := r.Place("vm_ssh_public_key_path")
	if !pubKeyPath.MatchString(path) {
		return ""
	}
	data, err := os.ReadFile(b.o.expand(path))
	if err != nil {
		what, fix := "the public key for the guests cannot be read: "+reason(err), "make one (ssh-keygen -t ed25519), or set ssh_public_key to the key, or vm_ssh_public_key_path to its file"
		if !place.Hidden {
			what += " (" + path + ")"
		}
		if place.Kind == reader.KindNull && errors.Is(err, fs.ErrNotExist) {
			b.report.AddNote(place, what, fix+"; guests made without one cannot be entered by SSH")
		} else {
			b.report.AddNote(place, what, fix+"; no guest is made without it")
			s.GuestKeyFault = what + ": " + fix
		}
		return ""
	}
	key := strings.TrimSpace(string(data))
	if what, fix := publicKeyRule(key); what != "" {
		b.report.Problem(place, fmt.Sprintf("what the file holds %s", what), fix)
	}
	return key
}

// publicKeyRule checks what Proxmox VE parses when a guest is made.
func publicKeyRule(s string) (string, string) {
	const fix = "give one line as in a .pub file: ssh-ed25519 AAAA… name"
	s = strings.TrimSpace(s)
	if !keyTypes.MatchString(s) || strings.Contains(s, "\n") {
		return "is not an SSH public key", fix
	}
	if _, _, _, _, err := gossh.ParseAuthorizedKey([]byte(s)); err != nil {
		return "is not a whole SSH public key", fix
	}
	return "", ""
}

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
