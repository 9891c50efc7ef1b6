// Package upload puts snippets on a node over SSH, since the API cannot: it takes only
// iso, vztmpl and import (Proxmox VE API, upload). What is in a snippet and when it is
// needed are its callers' matter.
package upload

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"path"
	"regexp"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"syslog-gateway/internal/infra/pve"
	"syslog-gateway/internal/redact"
)

// ErrNoKey says that there is no SSH key, so nothing can be uploaded.
var ErrNoKey = errors.New("no SSH key to the node: set PROXMOX_SSH_PRIVATE_KEY or PROXMOX_SSH_KEY_PATH")

// API are the calls to Proxmox VE; *pve.Client has it.
type API interface {
	Get(ctx context.Context, path string, query url.Values, out any) error
	Node() string // the default node
}

// Uploader logs in to nodes.
type Uploader struct {
	Key        redact.Secret // private key; "": nothing can be uploaded
	User       string
	API        API    // says in which folder a storage has its files
	KnownHosts string // file of host keys (sshd(8)); the node must be in it
	Host       string // address of the node; "": that of Endpoint for the default node, else the node's name
	Endpoint   string // URL of the API
	Port       string // "": 22
}

// Usable says whether there is a key at all.
func (u *Uploader) Usable() bool { return u.Key != "" }

// Address is the host and port that a node is reached at.
func (u *Uploader) Address(node string) string {
	host := u.Host
	if host == "" && node == u.API.Node() {
		if endpoint, err := url.Parse(u.Endpoint); err == nil {
			host = endpoint.Hostname()
		}
	}
	return net.JoinHostPort(cmp.Or(host, node), cmp.Or(u.Port, "22"))
}

// dial opens a connection that is closed when ctx ends.
func (u *Uploader) dial(ctx context.Context, node string) (*ssh.Client, error) {
	if !u.Usable() {
		return nil, ErrNoKey
	}
	signer, err := ssh.ParsePrivateKey([]byte(u.Key))
	if err != nil { // its text never holds the key
		return nil, fmt.Errorf("the SSH key to the node cannot be used: %w", err)
	}
	known, err := knownhosts.New(u.KnownHosts)
	if err != nil {
		return nil, fmt.Errorf("known host keys: %w; `ssh-keyscan HOST >> %s` after comparing the fingerprint", err, u.KnownHosts)
	}
	address := u.Address(node)
	conn, err := (&net.Dialer{Timeout: 10 * time.Second}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("SSH to node %s: %w", node, err)
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	secured, channels, requests, err := ssh.NewClientConn(conn, address, &ssh.ClientConfig{
		User: u.User, Auth: []ssh.AuthMethod{ssh.PublicKeys(signer)}, HostKeyCallback: known, Timeout: 10 * time.Second,
	})
	if err != nil {
		stop()
		conn.Close()
		return nil, fmt.Errorf("SSH to %s@%s: %w", u.User, address, err)
	}
	return ssh.NewClient(secured, channels, requests), nil
}

// Probe logs in and out again.
func (u *Uploader) Probe(ctx context.Context, node string) error {
	c, err := u.dial(ctx, node)
	if err != nil {
		return err
	}
	return c.Close()
}

// safePath matches paths that need no quotes in a shell command.
var safePath = regexp.MustCompile(`^/[A-Za-z0-9._/-]+$`)

// Upload writes a snippet, such as local:snippets/x.yml, whole or not at all: it is
// written beside its place and renamed.
func (u *Uploader) Upload(ctx context.Context, node, volume string, content []byte) error {
	target, err := u.file(ctx, volume)
	if err != nil {
		return err
	}
	c, err := u.dial(ctx, node)
	if err != nil {
		return err
	}
	defer c.Close()
	session, err := c.NewSession()
	if err != nil {
		return fmt.Errorf("SSH to node %s: %w", node, err)
	}
	defer session.Close()
	session.Stdin = bytes.NewReader(content)
	var complaint bytes.Buffer
	session.Stderr = &complaint
	temp := target + ".provision-tmp"
	if err := session.Run("umask 022 && cat > " + temp + " && sync " + temp + " && mv -f " + temp + " " + target); err != nil {
		return fmt.Errorf("write %s on node %s over SSH: %w: %s", target, node, err, strings.TrimSpace(complaint.String()))
	}
	return nil
}

// file gives the path on the node of a volume: snippets are in a folder of their storage.
func (u *Uploader) file(ctx context.Context, volume string) (string, error) {
	store, name, ok := strings.Cut(volume, ":")
	if !ok || !strings.HasPrefix(name, "snippets/") {
		return "", fmt.Errorf("%q is not a snippet, such as local:snippets/x.yml", volume)
	}
	var config struct {
		Path string `json:"path"`
	}
	if err := u.API.Get(ctx, pve.Path("storage", store), nil, &config); err != nil {
		return "", fmt.Errorf("where storage %s has its files: %w", store, err)
	}
	target := path.Join(config.Path, name)
	if config.Path == "" || !safePath.MatchString(target) {
		return "", fmt.Errorf("storage %s has no folder that %s can be written to: enable snippets on a directory storage", store, name)
	}
	return target, nil
}
