package declaration

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"strings"

	"syslog-gateway/internal/redact"

	"golang.org/x/crypto/ssh"
)

var (
	keyPath    = regexp.MustCompile(`^(~/|/)`)
	pubKeyPath = regexp.MustCompile(`^(~/|/).*\.pub$`)
	keyTypes   = regexp.MustCompile(`^(ssh-rsa|ssh-ed25519|ecdsa-sha2-\S+) `)
)

// ssh reads how the node is reached and what guests let in.
func (b *builder) ssh(r *object) {
	s := &b.e.SSH
	// Decision: root, as Terragrunt always set it; the variable's own default of
	// root@pam is the name of an API user, not of a login.
	s.User = r.text("proxmox_ssh_username", "root", pattern(wordText, "is not a login name", "such as root; root@pam is a user of the API"))
	s.PrivateKey = b.privateKey(r)
	s.GuestKeyPath = b.o.expand(r.text("vm_ssh_private_key_path", "~/.ssh/id_rsa_vm", pattern(keyPath, "is not a path", "begin it with / or ~/")))
	s.GuestPublicKey = b.publicKey(r)
}

// privateKey takes the key itself or the path of its file. Only the default may be
// absent: what a plan needs SSH for, it says itself.
func (b *builder) privateKey(r *object) redact.Secret {
	v := r.typed("proxmox_ssh_private_key", isText)
	text := "~/.ssh/id_rsa"
	if v != nil {
		v.hidden = true // it may be the key
		text = strings.TrimSpace(v.text)
	}
	r.set("proxmox_ssh_private_key", v, text)
	switch {
	case strings.HasPrefix(text, "-----BEGIN"):
		if v.file == b.o.Deployment {
			b.note(v, "a private key lies open in the declaration", "move it to the SOPS file or to PROXMOX_SSH_PRIVATE_KEY, and change it")
		}
		return redact.Secret(text + "\n")
	case !keyPath.MatchString(text):
		b.problem(v, "is neither a private key (-----BEGIN …) nor a path", "begin a path with / or ~/")
		return ""
	}
	data, err := os.ReadFile(b.o.expand(text))
	switch {
	case v == nil && errors.Is(err, fs.ErrNotExist):
		return ""
	case err != nil:
		place := r.place("proxmox_ssh_private_key")
		b.problem(place, "the private key can't be read: "+reason(err), "set PROXMOX_SSH_PRIVATE_KEY to the key or PROXMOX_SSH_KEY_PATH to the path of a readable file")
		return ""
	case !strings.HasPrefix(strings.TrimSpace(string(data)), "-----BEGIN"):
		b.problem(r.place("proxmox_ssh_private_key"), "the file does not hold a private key", "it begins with -----BEGIN; the one that ends in .pub is the public half")
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

// publicKey takes the key itself, or that of the file. A file that was named has to be
// there; without the default one guests are made that let nobody in by SSH.
func (b *builder) publicKey(r *object) string {
	path := r.text("vm_ssh_public_key_path", "~/.ssh/id_rsa_vm.pub", pattern(pubKeyPath, "is not the path of a public key", "begin it with / or ~/ and end it with .pub"))
	if v := r.typed("ssh_public_key", isText); v != nil && v.text != "" {
		r.set("ssh_public_key", v, v.text)
		b.check(v, []rule{publicKeyRule})
		return strings.TrimSpace(v.text)
	}
	place := r.place("vm_ssh_public_key_path")
	if !pubKeyPath.MatchString(path) {
		return ""
	}
	data, err := os.ReadFile(b.o.expand(path))
	if err != nil {
		what, fix := "the public key for the guests can't be read: "+reason(err), "set ssh_public_key to the key, or vm_ssh_public_key_path to its file"
		if place.kind == isNull && errors.Is(err, fs.ErrNotExist) {
			b.note(place, what, fix+"; guests made without one let nobody in by SSH")
		} else {
			b.problem(place, what, fix)
		}
		return ""
	}
	key := strings.TrimSpace(string(data))
	if what, fix := publicKeyRule(key); what != "" {
		b.problem(place, fmt.Sprintf("what the file holds %s", what), fix)
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
	if _, _, _, _, err := ssh.ParseAuthorizedKey([]byte(s)); err != nil {
		return "is not a whole SSH public key", fix
	}
	return "", ""
}
