package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/pve"
	"syslog-gateway/internal/redact"
)

// errNoKey says that nothing can be put on the node by us.
var errNoKey = errors.New("no SSH key to the node: set PROXMOX_SSH_PRIVATE_KEY or PROXMOX_SSH_KEY_PATH")

// uploader puts snippets on a node, which the API can't (Proxmox VE, upload: only iso,
// vztmpl and import). The node must be in ~/.ssh/known_hosts.
type uploader struct {
	key    redact.Secret
	user   string
	client *pve.Client
	hosts  string // file of known host keys
	port   string
}

func newUploader(e *declaration.Estate, client *pve.Client) *uploader {
	home, err := os.UserHomeDir()
	if err != nil {
		home = "" // the file will not be found, and the error says which
	}
	return &uploader{key: e.SSH.PrivateKey, user: e.SSH.User, client: client,
		hosts: filepath.Join(home, ".ssh", "known_hosts"), port: "22"}
}

// usable says whether there is a key at all.
func (u *uploader) usable() bool { return u.key != "" }

// address is where a node is reached: PROXMOX_VE_HOSTNAME, else the API's host where
// that is the node, else the node's name.
func (u *uploader) address(node string) string {
	host := os.Getenv("PROXMOX_VE_HOSTNAME")
	if host == "" && node == u.client.Node() {
		if endpoint, err := url.Parse(os.Getenv("PROXMOX_VE_ENDPOINT")); err == nil {
			host = endpoint.Hostname()
		}
	}
	if host == "" {
		host = node
	}
	return net.JoinHostPort(host, u.port)
}

// dial opens a connection that ends with ctx.
func (u *uploader) dial(ctx context.Context, node string) (*ssh.Client, error) {
	if !u.usable() {
		return nil, errNoKey
	}
	signer, err := ssh.ParsePrivateKey([]byte(u.key.Reveal()))
	if err != nil { // its text never holds the key
		return nil, fmt.Errorf("the SSH key to the node can't be used: %w", err)
	}
	known, err := knownhosts.New(u.hosts)
	if err != nil {
		return nil, fmt.Errorf("known host keys: %w; `ssh-keyscan HOST >> %s` after comparing the fingerprint", err, u.hosts)
	}
	address := u.address(node)
	conn, err := (&net.Dialer{Timeout: 10 * time.Second}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("SSH to node %s: %w", node, err)
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	secure, channels, requests, err := ssh.NewClientConn(conn, address, &ssh.ClientConfig{
		User: u.user, Auth: []ssh.AuthMethod{ssh.PublicKeys(signer)}, HostKeyCallback: known, Timeout: 10 * time.Second,
	})
	if err != nil {
		stop()
		conn.Close()
		return nil, fmt.Errorf("SSH to %s@%s: %w", u.user, address, err)
	}
	return ssh.NewClient(secure, channels, requests), nil
}

// probe logs in and out again.
func (u *uploader) probe(ctx context.Context, node string) error {
	c, err := u.dial(ctx, node)
	if err != nil {
		return err
	}
	return c.Close()
}

// safePath is what goes into a command unquoted.
var safePath = regexp.MustCompile(`^/[A-Za-z0-9._/-]+$`)

// Upload writes a snippet, such as local:snippets/x.yml, whole or not at all.
func (u *uploader) Upload(ctx context.Context, node, volume string, content []byte) error {
	target, err := u.place(ctx, volume)
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

// place is the file of a volume: snippets are in a folder of their storage.
func (u *uploader) place(ctx context.Context, volume string) (string, error) {
	store, name, ok := strings.Cut(volume, ":")
	if !ok || !strings.HasPrefix(name, "snippets/") {
		return "", fmt.Errorf("%q is not a snippet, such as local:snippets/x.yml", volume)
	}
	var config struct {
		Path string `json:"path"`
	}
	if err := u.client.Get(ctx, pve.Path("storage", store), nil, &config); err != nil {
		return "", fmt.Errorf("where storage %s has its files: %w", store, err)
	}
	target := path.Join(config.Path, name)
	if config.Path == "" || !safePath.MatchString(target) {
		return "", fmt.Errorf("storage %s has no folder that %s can be written to: enable snippets on a directory storage", store, name)
	}
	return target, nil
}
