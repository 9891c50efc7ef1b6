package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"syslog-gateway/internal/infra/pve"
	"syslog-gateway/internal/infra/pvesim"
	"syslog-gateway/internal/redact"
)

// node is an SSH server that lets one key in and runs commands in a shell.
type node struct {
	listener net.Listener
	config   *ssh.ServerConfig
	host     ssh.PublicKey
}

func newKey(t *testing.T) (ssh.Signer, redact.Secret) {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	signer, err := ssh.NewSignerFromKey(key)
	must(t, err)
	block, err := ssh.MarshalPrivateKey(key, "")
	must(t, err)
	return signer, redact.Secret(pem.EncodeToMemory(block))
}

func startNode(t *testing.T, friend ssh.PublicKey) *node {
	t.Helper()
	host, _ := newKey(t)
	n := &node{host: host.PublicKey(), config: &ssh.ServerConfig{
		PublicKeyCallback: func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
			if string(key.Marshal()) != string(friend.Marshal()) {
				return nil, os.ErrPermission
			}
			return nil, nil
		},
	}}
	n.config.AddHostKey(host)
	var err error
	n.listener, err = net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			conn, err := n.listener.Accept()
			if err != nil {
				return
			}
			n.serve(conn)
		}
	}()
	t.Cleanup(func() { n.listener.Close(); <-ended })
	return n
}

// serve answers one connection until its end.
func (n *node) serve(conn net.Conn) {
	defer conn.Close()
	_, channels, requests, err := ssh.NewServerConn(conn, n.config)
	if err != nil {
		return
	}
	go ssh.DiscardRequests(requests) // ends with the connection
	for offered := range channels {
		channel, asked, err := offered.Accept()
		if err != nil {
			return
		}
		for r := range asked {
			if r.Type != "exec" {
				_ = r.Reply(false, nil)
				continue
			}
			_ = r.Reply(true, nil)
			var command struct{ Text string }
			_ = ssh.Unmarshal(r.Payload, &command)
			cmd := exec.Command("sh", "-c", command.Text)
			cmd.Stdin, cmd.Stderr = channel, channel.Stderr()
			status := struct{ Code uint32 }{}
			if cmd.Run() != nil {
				status.Code = 1
			}
			_, _ = channel.SendRequest("exit-status", false, ssh.Marshal(status))
			channel.Close()
		}
	}
}

// uploadTo is an uploader whose storage "snip" is a folder here.
func uploadTo(t *testing.T, n *node, key redact.Secret, folder string) *uploader {
	t.Helper()
	w := newWorld(t, smallEstate, pvesim.Options{})
	w.sim.AddStorage(pvesim.Storage{ID: "snip", Type: "dir", Content: []string{"snippets"}, Path: folder})
	client, err := pve.New(pve.Options{Endpoint: w.server.URL, Token: pvesim.DefaultToken, Node: "pve"})
	must(t, err)
	t.Cleanup(client.Close)
	t.Setenv("PROXMOX_VE_HOSTNAME", "127.0.0.1")
	known := filepath.Join(t.TempDir(), "known_hosts")
	must(t, os.WriteFile(known, []byte(knownhosts.Line([]string{n.listener.Addr().String()}, n.host)+"\n"), 0o600))
	_, port, err := net.SplitHostPort(n.listener.Addr().String())
	must(t, err)
	return &uploader{key: key, user: "root", client: client, hosts: known, port: port}
}

func TestSnippetGoesOverSSH(t *testing.T) {
	friend, key := newKey(t)
	folder := t.TempDir()
	must(t, os.Mkdir(filepath.Join(folder, "snippets"), 0o755))
	up := uploadTo(t, startNode(t, friend.PublicKey()), key, folder)
	must(t, up.probe(t.Context(), "pve"))
	for _, content := range []string{"#cloud-config\nhostname: splunk\n", strings.Repeat("y", 300_000)} {
		must(t, up.Upload(t.Context(), "pve", "snip:snippets/x.yml", []byte(content)))
		got, err := os.ReadFile(filepath.Join(folder, "snippets", "x.yml"))
		if err != nil || string(got) != content {
			t.Errorf("%d of %d bytes arrived, %v", len(got), len(content), err)
		}
	}
	if entries, err := os.ReadDir(filepath.Join(folder, "snippets")); err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v %v", entries, err)
	}
	for volume, says := range map[string]string{
		"snip:iso/x.iso": "not a snippet", "snip:snippets/../../etc/passwd; true": "no folder", "nowhere:snippets/x.yml": "nowhere",
	} {
		if err := up.Upload(t.Context(), "pve", volume, nil); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", volume, err)
		}
	}
	must(t, os.RemoveAll(filepath.Join(folder, "snippets")))
	if err := up.Upload(t.Context(), "pve", "snip:snippets/x.yml", nil); err == nil || !strings.Contains(err.Error(), "x.yml on node pve") {
		t.Errorf("a folder that is missing: %v", err)
	}
}

func TestSSHTrustsOnlyWhatIsKnown(t *testing.T) {
	friend, key := newKey(t)
	n := startNode(t, friend.PublicKey())
	up := uploadTo(t, n, key, t.TempDir())
	stranger, strangersKey := newKey(t)
	for name, change := range map[string]func(u *uploader){
		"knownhosts": func(u *uploader) {
			u.hosts = filepath.Join(t.TempDir(), "known_hosts")
			must(t, os.WriteFile(u.hosts, []byte(knownhosts.Line([]string{n.listener.Addr().String()}, stranger.PublicKey())+"\n"), 0o600))
		},
		"known host keys": func(u *uploader) { u.hosts += ".missing" },
		"authenticate":    func(u *uploader) { u.key = strangersKey },
		"can't be used":   func(u *uploader) { u.key = "-----BEGIN NOTHING-----\nsecret\n" },
		"no SSH key":      func(u *uploader) { u.key = "" },
	} {
		other := *up
		change(&other)
		err := other.probe(t.Context(), "pve")
		if err == nil || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
