package main

import (
	"bytes"
	"context"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"syslog-gateway/internal/infra/amazon"
	"syslog-gateway/internal/infra/amazon/amazontest"
	"syslog-gateway/internal/infra/pvesim"
	"syslog-gateway/internal/infra/state"
	"syslog-gateway/internal/testkit"
)

// program is the path of a program of bin/tools, or of PATH; without it the test is skipped.
func program(t *testing.T, name, how string) string {
	t.Helper()
	if path, err := filepath.Abs("../../bin/tools/" + name); err == nil {
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not on this machine: %s, or run .ci/tools", name, how)
	}
	return path
}

// service starts a program for the time of a test.
func service(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	said := new(testkit.Log)
	cmd.Stdout, cmd.Stderr = said, said
	testkit.Must(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s said:\n%s", cmd.Path, said)
		}
	})
}

// A S3 and a DynamoDB that others wrote: Terraform and provision on versitygw and dynalite.
func TestTerraformAndProvisionOnVersitygw(t *testing.T) {
	findTerraform(t)
	dir := t.TempDir()
	env := new(amazontest.Amazon).Env(dir)
	buckets := []string{"excluding", "two", "killed0", "killed1"}
	for _, name := range buckets {
		testkit.Must(t, os.MkdirAll(filepath.Join(dir, "s3", name), 0o755))
	}
	gateway := program(t, "versitygw", "make bin/tools/versitygw")
	table := program(t, "dynalite", "make bin/tools/dynalite")
	ports := testkit.Try(testkit.FreePorts(2))(t)
	plain := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir}
	start := func(env []string, name string, args ...string) {
		cmd := exec.Command(name, args...)
		cmd.Dir, cmd.Env = dir, append(slices.Clone(plain), env...)
		service(t, cmd)
	}
	s3, dynamo := "127.0.0.1:"+strconv.Itoa(ports[0]), "127.0.0.1:"+strconv.Itoa(ports[1])
	start([]string{"ROOT_ACCESS_KEY=" + env["AWS_ACCESS_KEY_ID"], "ROOT_SECRET_KEY=" + env["AWS_SECRET_ACCESS_KEY"]},
		gateway, "--quiet", "--port", s3, "--region", env["AWS_REGION"], "posix", filepath.Join(dir, "s3"))
	start(nil, table, "--host", "127.0.0.1", "--port", strconv.Itoa(ports[1]), "--createTableMs", "0")
	env["AWS_ENDPOINT_URL_S3"], env["AWS_ENDPOINT_URL_DYNAMODB"] = "http://"+s3, "http://"+dynamo
	for k, v := range env {
		t.Setenv(k, v)
	}
	testkit.Eventually(t, "there is a table", func() bool { return makeTable(t.Context()) == nil })
	account := testkit.Try(amazon.Open(t.Context(), amazon.Options{}))(t)

	enter := func(t *testing.T, bucket string) (*terraform, *gate) {
		t.Helper()
		t.Parallel()
		g := newGate(t, s3, dynamo)
		return newTerraform(t, newWorld(t, pvesim.Options{}), g.env(env), account, bucket), g
	}
	t.Run("exclude each other", func(t *testing.T) {
		tf, _ := enter(t, "excluding")
		exclude(t, tf)
	})
	t.Run("two folders", func(t *testing.T) {
		tf, g := enter(t, "two")
		twoFolders(t, tf, g)
	})
	seed := killSeed(t)
	for worker := range 2 {
		t.Run("killed "+strconv.Itoa(worker), func(t *testing.T) {
			tf, g := enter(t, "killed"+strconv.Itoa(worker))
			killEither(t, tf, g, rand.New(rand.NewPCG(seed+uint64(worker), 3)))
		})
	}
}

// killSeed is a new seed, or the one of KILL_SEED.
func killSeed(t *testing.T) uint64 {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if fixed := os.Getenv("KILL_SEED"); fixed != "" {
		seed, _ = strconv.ParseUint(fixed, 10, 64)
	}
	t.Logf("KILL_SEED=%d", seed)
	return seed
}

// makeTable makes the table of locks.
func makeTable(ctx context.Context) error {
	conf, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return err
	}
	_, err = dynamodb.NewFromConfig(conf).CreateTable(ctx, &dynamodb.CreateTableInput{
		TableName: aws.String("locks"), BillingMode: types.BillingModePayPerRequest,
		KeySchema:            []types.KeySchemaElement{{AttributeName: aws.String("LockID"), KeyType: types.KeyTypeHash}},
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("LockID"), AttributeType: types.ScalarAttributeTypeS}},
	})
	return err
}

// gate stands in front of S3 and DynamoDB. It hands one request after the other on as it is,
// so that signatures hold, and can lose or refuse one.
type gate struct {
	url        string
	s3, dynamo *httputil.ReverseProxy

	mu      sync.Mutex
	fault   func(name string) amazontest.Fault
	seen    int
	refused chan struct{} // closed when a lock was not given
}

func newGate(t *testing.T, s3, dynamo string) *gate {
	t.Helper()
	to := func(host string) *httputil.ReverseProxy {
		return &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: host})
			r.Out.Host = r.In.Host // it is signed
		}}
	}
	g := &gate{s3: to(s3), dynamo: to(dynamo)}
	g.Fault(nil)
	server := httptest.NewServer(g)
	t.Cleanup(server.Close)
	g.url = server.URL
	return g
}

// env leads through the gate.
func (g *gate) env(env map[string]string) map[string]string {
	own := maps.Clone(env)
	own["AWS_ENDPOINT_URL_S3"], own["AWS_ENDPOINT_URL_DYNAMODB"] = g.url, g.url
	return own
}

// Fault is asked for each request; nil for none. It waits for the request in work, and
// begins to count.
func (g *gate) Fault(f func(name string) amazontest.Fault) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.fault, g.seen, g.refused = f, 0, make(chan struct{})
}

// count is the number of requests since Fault.
func (g *gate) count() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.seen
}

// locked is closed when a lock is refused.
func (g *gate) locked() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.refused
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the client is dead
	}
	answer, lost := g.pass(r, body)
	if lost {
		panic(http.ErrAbortHandler) // closes the connection
	}
	maps.Copy(w.Header(), answer.Header())
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes()) // to a connection that the client may have closed
}

// pass hands a request on, also if its client is dead.
func (g *gate) pass(r *http.Request, body []byte) (answer *httptest.ResponseRecorder, lost bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.seen++
	fault := amazontest.None
	if g.fault != nil {
		fault = g.fault(r.Method + " " + r.URL.Path)
	}
	if fault != amazontest.None && fault != amazontest.Lost {
		return nil, true
	}
	to := g.s3
	if r.Header.Get("X-Amz-Target") != "" {
		to = g.dynamo
	}
	answer = httptest.NewRecorder()
	r = r.Clone(context.WithoutCancel(r.Context()))
	r.Body = io.NopCloser(bytes.NewReader(body))
	to.ServeHTTP(answer, r)
	if r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, ".tflock") && answer.Code == http.StatusPreconditionFailed {
		select {
		case <-g.refused:
		default:
			close(g.refused)
		}
	}
	return answer, fault == amazontest.Lost
}

// twoFolders lets two runs on two folders apply at once, each another declaration of the
// same estate: what they write does not mix. The control: without the section it does.
func twoFolders(t *testing.T, tf *terraform, g *gate) {
	plain := tf.Read("deployment.json")
	for _, c := range []struct {
		name, section string
		mixes         bool
	}{{"shared", tf.section(), false}, {"control", `"domain"`, true}} {
		tf.Reset(pvesim.Options{})
		g.Fault(nil)
		var mu sync.Mutex
		var order []int // of the writes, by run
		wrote := []chan struct{}{make(chan struct{}), make(chan struct{})}
		var runs []*exec.Cmd
		said := make([]bytes.Buffer, 2)
		for run := range wrote {
			refused := g.locked()
			front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method != http.MethodGet {
					mu.Lock()
					first := !slices.Contains(order, run)
					order = append(order, run)
					mu.Unlock()
					if first {
						close(wrote[run])
						select { // the other one wants to write, too
						case <-wrote[1-run]:
						case <-refused:
						case <-time.After(time.Minute):
						}
					}
				}
				tf.Sim.Handler().ServeHTTP(w, r)
			}))
			defer front.Close()
			folder := c.name + strconv.Itoa(run)
			tf.mkdir(folder)
			memory := strings.Replace(plain, `"memory_dedicated": 512`, `"memory_dedicated": `+strconv.Itoa(1024+run), 1)
			tf.Write(folder+"/deployment.json", strings.Replace(memory, `"domain"`, c.section, 1))
			cmd := tf.command("apply", "--yes", "-f", folder+"/deployment.json", "--state-dir", folder+"/.provision", "--lock-timeout", "1m")
			cmd.Env = append(slices.Clone(cmd.Env), "PROXMOX_VE_ENDPOINT="+front.URL)
			cmd.Stdout, cmd.Stderr = &said[run], &said[run]
			testkit.Must(t, cmd.Start())
			runs = append(runs, cmd)
		}
		for run, cmd := range runs {
			if err := cmd.Wait(); err != nil && !c.mixes {
				t.Errorf("run %d: %v\n%s", run, err, &said[run])
			}
		}
		turns := slices.Compact(slices.Clone(order))
		if mixes := len(turns) > 2; mixes != c.mixes || len(turns) < 2 {
			t.Errorf("%s: the order of writes is %v", c.name, order)
		}
		testkit.Equal(t, "places that are locked", tf.locked(), 0)
	}
}

// killEither kills provision and Terraform in turns at random requests to S3 and DynamoDB,
// which are done or not. There is no lock then, or one that says whose it is; it is taken
// over or away, and both go on.
func killEither(t *testing.T, tf *terraform, g *gate, random *rand.Rand) {
	tf.Edit(`"domain"`, tf.section())
	tf.Write("terraform/go", "")
	tf.applied()
	g.Fault(nil)
	tf.applied()
	theirs := g.count()
	g.Fault(nil)
	tf.expect(0, nil, "apply", "--yes")
	mine := g.count()
	t.Logf("an apply of Terraform makes %d requests, one of provision %d", theirs, mine)
	held, digests := 0, 0
	for i := range kills / 2 {
		tf.Reset(pvesim.Options{})
		tf.forgetRecord()
		folder, total := "state"+strconv.Itoa(i), mine
		cmd := tf.command("apply", "--yes", "--state-dir", folder)
		if i%2 == 1 {
			cmd, _ = tf.start("apply", "-auto-approve", "-input=false", "-no-color")
			total = theirs
		}
		point, done := 1+random.IntN(total), random.IntN(2) == 0
		killedAt(t, g, cmd, point, done)
		left := tf.locks()
		held += len(left)
		id := ""
		for place, text := range left {
			l := state.ReadLock(place, []byte(text))
			if id = l.ID; l.ID == "" || !strings.Contains(l.Who, "@") || l.Operation == "" || l.Created.IsZero() {
				t.Errorf("a lock without a name: %s", text)
			}
		}
		if len(left) > 0 {
			tf.expect(1, []string{"is locked by", id}, "apply", "--yes", "--state-dir", "other", "--lock-timeout", "0")
			switch how := random.IntN(3); {
			case how == 0 && i%2 == 0: // the next run on the same folder takes it over
			case how == 1 && len(left) == 2: // with one of the two Terraform takes it away, and complains
				if text, err := tf.call("force-unlock", "-force", id); err != nil {
					t.Errorf("force-unlock: %v\n%s", err, text)
				}
			default:
				tf.expect(0, []string{"taken away", id}, "state", "unlock", id, "--state-dir", "other")
			}
		}
		tf.expect(0, nil, "apply", "--yes", "--state-dir", folder)
		tf.once()
		digests += tf.goesOn()
		if n := tf.locked(); n > 0 || t.Failed() {
			t.Fatalf("kill %d at request %d of %d, done %v: locks in %d places", i, point, total, done, n)
		}
	}
	t.Logf("%d locks were left by %d kills; Terraform's digest was wrong %d times", held, kills/2, digests)
}
