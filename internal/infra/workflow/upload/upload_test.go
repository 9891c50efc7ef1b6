package upload

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"net"
	"net/http/httptest"
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
	"syslog-gateway/internal/testkit"
)

// node is an SSH server that accepts one key and runs commands in a shell.
type node struct {
	listener net.Listener
	config   *ssh.ServerConfig
	host     ssh.PublicKey
}

func newKey(t *testing.T) (ssh.Signer, redact.Secret) {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	testkit.Must(t, err)
	signer := testkit.Try(ssh.NewSignerFromKey(key))(t)
	block := testkit.Try(ssh.MarshalPrivateKey(key, ""))(t)
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
	n.listener = testkit.Try(net.Listen("tcp", "127.0.0.1:0"))(t)
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
func uploadTo(t *testing.T, n *node, key redact.Secret, folder string) *Uploader {
	t.Helper()
	sim := testkit.Try(pvesim.New(pvesim.Options{Nodes: []string{"pve"}}))(t)
	sim.AddStorage(pvesim.Storage{ID: "snip", Type: "dir", Content: []string{"snippets"}, Path: folder})
	server := httptest.NewServer(sim.Handler())
	t.Cleanup(server.Close)
	client := testkit.Try(pve.New(pve.Options{Endpoint: server.URL, Token: pvesim.DefaultToken, Node: "pve"}))(t)
	t.Cleanup(client.Close)
	known := filepath.Join(t.TempDir(), "known_hosts")
	testkit.Must(t, os.WriteFile(known, []byte(knownhosts.Line([]string{n.listener.Addr().String()}, n.host)+"\n"), 0o600))
	_, port, err := net.SplitHostPort(n.listener.Addr().String())
	testkit.Must(t, err)
	return &Uploader{Key: key, User: "root", API: client, KnownHosts: known, Host: "127.0.0.1", Port: port}
}

func TestSnippetGoesOverSSH(t *testing.T) {
	friend, key := newKey(t)
	folder := t.TempDir()
	testkit.Must(t, os.Mkdir(filepath.Join(folder, "snippets"), 0o755))
	up := uploadTo(t, startNode(t, friend.PublicKey()), key, folder)
	testkit.Must(t, up.Probe(t.Context(), "pve"))
	for _, content := range []string{"#cloud-config\nhostname: splunk\n", strings.Repeat("y", 300_000)} {
		testkit.Must(t, up.Upload(t.Context(), "pve", "snip:snippets/x.yml", []byte(content)))
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
		testkit.Fails(t, up.Upload(t.Context(), "pve", volume, nil), says)
	}
	testkit.Must(t, os.RemoveAll(filepath.Join(folder, "snippets")))
	testkit.Fails(t, up.Upload(t.Context(), "pve", "snip:snippets/x.yml", nil), "x.yml on node pve")
}

func TestSSHTrustsOnlyWhatIsKnown(t *testing.T) {
	friend, key := newKey(t)
	n := startNode(t, friend.PublicKey())
	up := uploadTo(t, n, key, t.TempDir())
	stranger, strangersKey := newKey(t)
	for name, change := range map[string]func(u *Uploader){
		"knownhosts": func(u *Uploader) {
			u.KnownHosts = filepath.Join(t.TempDir(), "known_hosts")
			testkit.Must(t, os.WriteFile(u.KnownHosts, []byte(knownhosts.Line([]string{n.listener.Addr().String()}, stranger.PublicKey())+"\n"), 0o600))
		},
		"known host keys": func(u *Uploader) { u.KnownHosts += ".missing" },
		"authenticate":    func(u *Uploader) { u.Key = strangersKey },
		"cannot be used":  func(u *Uploader) { u.Key = "-----BEGIN NOTHING-----\nsecret\n" },
		"no SSH key":      func(u *Uploader) { u.Key = "" },
	} {
		other := *up
		change(&other)
		err := other.Probe(t.Context(), "pve")
		if err == nil || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
