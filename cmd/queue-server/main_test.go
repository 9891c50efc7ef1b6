package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"syslog-gateway/internal/certificate"
	"syslog-gateway/internal/cli"
	"syslog-gateway/internal/event"
	"syslog-gateway/internal/jetstream"
	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/testkit"
)

// underTest makes the test binary be the server.
const underTest = "QUEUE_SERVER_UNDER_TEST"

func TestMain(m *testing.M) {
	if os.Getenv(underTest) != "" {
		os.Exit(run(context.Background(), os.Args[1:], cli.Std()))
	}
	os.Exit(m.Run())
}

func initCluster(t *testing.T, dir string, nodes, gateways []string) {
	t.Helper()
	args := []string{"init", dir, "--max-file-store", "100MB", "--store-dir", "store"}
	for _, n := range nodes {
		args = append(args, "--node", n)
	}
	for _, g := range gateways {
		args = append(args, "--gateway", g)
	}
	var out bytes.Buffer
	if code := run(t.Context(), args, cli.Streams{Out: &out, Err: &out}); code != 0 {
		t.Fatalf("%v: code %d: %s", args, code, out.String())
	}
}

// node starts a node as a process.
func node(t *testing.T, dir string) *exec.Cmd {
	t.Helper()
	log := testkit.Try(os.Create(filepath.Join(dir, "log")))(t)
	defer log.Close()
	cmd := exec.Command(testkit.Try(os.Executable())(t), "-c", filepath.Join(dir, "queue.conf"))
	cmd.Env = append(os.Environ(), underTest+"=1")
	cmd.Stdout, cmd.Stderr = log, log
	testkit.Must(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			text, _ := os.ReadFile(log.Name())
			t.Logf("log of %s:\n%s", dir, text)
		}
	})
	return cmd
}

// member returns the options of a gateway with the files that init has made for it.
func member(t *testing.T, dir, gateway string, nodes []string) jetstream.Options {
	t.Helper()
	var servers []string
	for _, n := range nodes {
		servers = append(servers, "tls://"+n+":4222")
	}
	from := filepath.Join(dir, "gateway-"+gateway)
	files := certificate.Files{Client: true, CAFile: filepath.Join(from, "ca.pem"), Pairs: []certificate.Pair{{CertFile: filepath.Join(from, "client.pem"), KeyFile: filepath.Join(from, "client.key")}}}
	mine, roots, err := certificate.New(slog.New(slog.DiscardHandler)).Client("queue", files)
	testkit.Must(t, err)
	return jetstream.Options{
		Servers: servers, Gateway: gateway, Streams: 1, Replicas: 3, MaxSize: 32 << 20, DuplicateWindow: time.Minute, AckWait: 10 * time.Second,
		TLS: &jetstream.TLS{Certificate: mine, Roots: roots}, Memory: filepath.Join(t.TempDir(), "streams.json"), Ledger: ledger.New(),
	}
}

// connect connects as a gateway with the files that init has made for it.
func connect(t *testing.T, dir, gateway string, nodes []string) *jetstream.Cluster {
	t.Helper()
	c := testkit.Try(jetstream.New(member(t, dir, gateway, nodes)))(t)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = c.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		running.Wait()
		c.Close()
	})
	return c
}

// store stores a record over a connection of its own.
func store(t *testing.T, o jetstream.Options) error {
	t.Helper()
	c := testkit.Try(jetstream.New(o))(t)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = c.Run(ctx) })
	defer c.Close()
	defer running.Wait()
	defer cancel()
	testkit.Eventually(t, "the stream answers", c.AnyUp)
	_, err := c.Streams()[0].Publish(t.Context(), 0, &event.Record{Seq: 3, Source: "linux", Events: 1, Received: time.Unix(1, 0), Body: []byte("{}")}, "")
	return err
}

// TestThreeNodes: the files of init make a cluster of three processes that two gateways use by
// TLS with certificates, that survives a kill -9, and that refuses a stranger.
func TestThreeNodes(t *testing.T) {
	dir := t.TempDir()
	var nodes []string
	net := rand.IntN(250) + 1
	for i := range 3 {
		nodes = append(nodes, fmt.Sprintf("127.71.%d.%d", net, i+1))
	}
	initCluster(t, dir, nodes, []string{"gw1", "gw2"})
	var running []*exec.Cmd
	for _, n := range nodes {
		running = append(running, node(t, filepath.Join(dir, "node-"+n)))
	}
	one, two := connect(t, dir, "gw1", nodes), connect(t, dir, "gw2", nodes)
	publish := func(seq uint64) {
		testkit.Eventually(t, "the record is stored", func() bool {
			_, err := one.Streams()[0].Publish(t.Context(), 0, &event.Record{Seq: seq, Source: "linux", Events: 1, Received: time.Unix(1, 0), Body: []byte("{}")}, "")
			return err == nil
		})
	}
	publish(1)
	check := func(o jetstream.Options) string {
		f := jetstream.Check(t.Context(), o, 1<<20)
		return strings.Join(append(f.Refused, f.Warnings...), "\n")
	}
	testkit.Eventually(t, "nothing is wrong with the cluster that init has made", func() bool { return check(member(t, dir, "gw1", nodes)) == "" })
	testkit.Must(t, running[0].Process.Signal(syscall.SIGKILL))
	publish(2)
	for range 2 {
		var r event.Record
		testkit.Eventually(t, "there is a record", func() (ok bool) {
			var err error
			r, err = two.Streams()[0].Source().Next(t.Context(), nil)
			return err == nil
		})
		two.Streams()[0].Source().Ack(r.Seq)
	}
	testkit.Eventually(t, "each gateway knows what both have stored", func() bool {
		sum := two.Sum()
		return sum != nil && sum.Total.RecordsSecured == 2 && len(sum.Members) == 2
	})
	forger := member(t, dir, "gw1", nodes)
	forger.Gateway = "gw2"
	testkit.Fails(t, store(t, forger), "deadline exceeded")
	testkit.Eventually(t, "a node that lives is healthy", func() bool {
		response, err := http.Get("http://" + nodes[1] + ":8222/healthz")
		return err == nil && response.Body.Close() == nil && response.StatusCode == http.StatusOK
	})

	other := t.TempDir()
	initCluster(t, other, nodes, []string{"gw3"})
	stranger := connect(t, other, "gw3", nodes)
	if _, err := stranger.Streams()[0].Publish(t.Context(), 0, &event.Record{Seq: 1, Source: "linux", Events: 1}, ""); err == nil {
		t.Error("a gateway with a certificate of another CA can store records")
	}
	testkit.Holds(t, "check of a stranger", check(member(t, other, "gw3", nodes)), nodes[1]+":4222: its certificate is not signed by the CA in queue.jetstream.tls.ca_file")
	mixed := member(t, dir, "gw1", nodes)
	mixed.TLS.Certificate = member(t, other, "gw3", nodes).TLS.Certificate
	testkit.Holds(t, "check with another's certificate", check(mixed), "does not accept the certificate in queue.jetstream.tls.cert_file")
	unknown := t.TempDir()
	testkit.Must(t, os.CopyFS(unknown, os.DirFS(dir)))
	initCluster(t, unknown, nodes, []string{"gw1", "gw2", "gw9"}) // the nodes have not read it
	testkit.Holds(t, "check of one that the nodes do not know", check(member(t, unknown, "gw9", nodes)), `does not let gateway "gw9" in`)
}

// TestInitAgain: init adds gateways and keeps the keys that are there.
func TestInitAgain(t *testing.T) {
	dir := t.TempDir()
	nodes := []string{"q1.example.com", "q2.example.com", "q3.example.com"}
	initCluster(t, dir, nodes, []string{"gw1"})
	read := func(name string) string { return string(testkit.Try(os.ReadFile(filepath.Join(dir, name)))(t)) }
	key := read("node-q1.example.com/node.key")
	initCluster(t, dir, nodes, []string{"gw1", "gw2"})
	testkit.Equal(t, "key", read("node-q1.example.com/node.key"), key)
	testkit.Holds(t, "queue.conf", read("node-q2.example.com/queue.conf"), `user: "gw1"`, `user: "gw2"`, `"syslog.*.*.gw2"`, "sync_interval: always", "tls://q3.example.com:6222")
	testkit.Holds(t, "queue.yaml", read("gateway-gw2/queue.yaml"), "gateway_id: gw2", "replicas: 3", "tls://q1.example.com:4222")
}

func TestWrongUsage(t *testing.T) {
	for _, c := range []struct{ args, says string }{
		{"init x --node a --node b --gateway g", "3 or 5"},
		{"init x --node a --node b --node c", "--gateway"},
		{"init x --node a --node b --node a --gateway g", "name of its own"},
		{"init x --node a --node b --node c --gateway a", "name of its own"},
		{"init x --node a/b --gateway g", "neither"},
	} {
		var out bytes.Buffer
		code := run(t.Context(), strings.Fields(c.args), cli.Streams{Out: &out, Err: &out})
		if code != cli.Usage || !strings.Contains(out.String(), c.says) {
			t.Errorf("%s: code %d: %s", c.args, code, out.String())
		}
	}
	var out bytes.Buffer
	if code := run(t.Context(), []string{"-c", filepath.Join(t.TempDir(), "none.conf")}, cli.Streams{Out: &out, Err: &out}); code != cli.Failed {
		t.Errorf("code %d: %s", code, out.String())
	}
}
