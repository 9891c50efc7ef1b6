package main

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/pvesim"
	"syslog-gateway/internal/infra/pvesim/schema"
	"syslog-gateway/internal/infra/workflow/example"
	"syslog-gateway/internal/testkit"
)

// underTest makes the test binary be provision.
const underTest = "PROVISION_UNDER_TEST"

func TestMain(m *testing.M) {
	if os.Getenv(underTest) != "" {
		main()
	}
	os.Exit(m.Run())
}

const publicKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICZUzpX4Slhk8yygcPvyLScXJ4ZloIvSNbIxGixHH4fC test"

// smallEstate is one of everything: two containers with the firewall's classes, one of
// them with data, a VM and Splunk.
const smallEstate = `{
  "domain": "lab.example", "network_prefix": "10.20.30", "ssh_public_key": "` + publicKey + `",
  "pools": {"logging": {"comment": "Logging"}},
  "containers": {
    "dns": {"vm_id": 103, "hostname": "dns", "tags": ["terraform", "container", "dns"], "memory_dedicated": 512, "unprivileged": true, "root_disk": {"size": 8}},
    "gateway": {"vm_id": 175, "hostname": "gateway", "tags": ["terraform", "container", "syslog-gateway"], "pool_id": "logging", "unprivileged": true,
      "mount_points": [{"volume": "local-zfs", "size": "110G", "path": "/var/lib/syslog-gateway"}]}
  },
  "vms": {
    "docker-host": {"vm_id": 250, "name": "docker-host", "tags": ["terraform", "docker"], "clone_template": {"template_id": 9000},
      "boot_disk": {"datastore_id": "local-zfs", "size": 50}}
  },
  "splunk_vm_id": 200, "splunk_vm_name": "splunk-aio", "template_id": 9200, "splunk_vm_pool_id": "logging"
}`

// world is a simulated cluster, a declaration, and whoever runs provision there.
type world struct {
	t      *testing.T
	dir    string
	sim    *pvesim.Sim
	server *httptest.Server
	env    []string

	mu     sync.Mutex
	conns  int                 // that clients have open
	before func(*http.Request) // called with each request before it is answered
	after  func(*http.Request)
}

// newWorld seeds a simulator with what the declaration needs. change may alter what is
// declared first.
func newWorld(t *testing.T, deployment string, options pvesim.Options) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir()}
	w.write("deployment.json", deployment)
	w.server = httptest.NewUnstartedServer(http.HandlerFunc(w.serve))
	w.server.Config.ConnState = w.connected
	w.server.Start()
	t.Cleanup(w.server.Close)
	w.env = []string{underTest + "=1", "HOME=" + w.dir, "PATH=" + os.Getenv("PATH"), "NO_COLOR=1",
		"GORACE=atexit_sleep_ms=0", // a binary with the race detector lingers for a second otherwise

		"PROXMOX_VE_ENDPOINT=" + w.server.URL, "PROXMOX_VE_API_TOKEN=" + pvesim.DefaultToken}
	w.reset(options)
	return w
}

// reset puts a fresh cluster behind the same address.
func (w *world) reset(options pvesim.Options) {
	w.t.Helper()
	var err error
	if options.Schema, err = schema.FromEnv(); err != nil {
		w.t.Fatal(err)
	}
	e := testkit.Try(declaration.Load(w.t.Context(), declaration.Options{Deployment: filepath.Join(w.dir, "deployment.json")}))(w.t)
	sim := testkit.Try(example.Cluster(e, options))(w.t)
	w.mu.Lock()
	w.sim = sim
	w.mu.Unlock()
	w.t.Cleanup(func() {
		testkit.Must(w.t, sim.Mismatches())
	})
}

func (w *world) serve(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	before, after, sim := w.before, w.after, w.sim
	w.mu.Unlock()
	if before != nil {
		before(r)
	}
	sim.Handler().ServeHTTP(rw, r)
	if after != nil {
		after(r)
	}
}

func (w *world) connected(_ net.Conn, state http.ConnState) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch state {
	case http.StateNew:
		w.conns++
	case http.StateClosed, http.StateHijacked:
		w.conns--
	case http.StateActive, http.StateIdle: // counted since StateNew
	}
}

// quiet says whether everything that clients have sent was answered.
func (w *world) quiet() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.conns == 0
}

// hooks are called with every request; nil for none.
func (w *world) hooks(before, after func(*http.Request)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.before, w.after = before, after
}

func (w *world) path(name string) string { return filepath.Join(w.dir, name) }

func (w *world) write(name, text string) {
	w.t.Helper()
	testkit.Must(w.t, os.WriteFile(w.path(name), []byte(text), 0o600))
}

// edit replaces a text of the declaration.
func (w *world) edit(old, new string) {
	w.t.Helper()
	text := testkit.Try(os.ReadFile(w.path("deployment.json")))(w.t)
	if !strings.Contains(string(text), old) {
		w.t.Fatalf("the declaration has no %s", old)
	}
	w.write("deployment.json", strings.Replace(string(text), old, new, 1))
}

func (w *world) command(args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Dir, cmd.Env = w.dir, w.env
	return cmd
}

// answer is how a run ended.
type answer struct {
	out, errs string
	code      int
}

// provision runs a verb to its end.
func (w *world) provision(args ...string) answer {
	w.t.Helper()
	cmd := w.command(args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if e := new(exec.ExitError); err != nil && !errors.As(err, &e) {
		w.t.Fatal(err)
	}
	return answer{out.String(), errs.String(), cmd.ProcessState.ExitCode()}
}

// expect runs a verb and wants an exit code, and texts in what it prints.
func (w *world) expect(code int, want []string, args ...string) answer {
	w.t.Helper()
	a := w.provision(args...)
	if a.code != code {
		w.t.Fatalf("provision %s: exit code %d, want %d\n%s%s", strings.Join(args, " "), a.code, code, a.out, a.errs)
	}
	for _, text := range want {
		if !strings.Contains(a.out+a.errs, text) {
			w.t.Errorf("provision %s: %q is not in\n%s%s", strings.Join(args, " "), text, a.out, a.errs)
		}
	}
	return a
}

// config is the file of a live guest; "" where there is none.
func (w *world) config(vmid string) string {
	for path, text := range w.sim.Dump() {
		if strings.HasSuffix(path, "/"+vmid+".conf") {
			return text
		}
	}
	return ""
}

func (w *world) exists(name string) bool {
	_, err := os.Stat(w.path(name))
	return err == nil
}

func (w *world) read(name string) string {
	w.t.Helper()
	return string(testkit.Try(os.ReadFile(w.path(name)))(w.t))
}

func (w *world) mkdir(name string) string {
	w.t.Helper()
	testkit.Must(w.t, os.MkdirAll(w.path(name), 0o755))
	return w.path(name)
}

// The round that the demo shows.
func TestFromNothingToDeclaredAndOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, smallEstate, pvesim.Options{Seed: 1})
	w.mkdir("repo/inventory")
	w.expect(0, []string{"fine: 2 containers, 2 VMs, 1 pool"}, "validate")
	w.expect(0, nil, "check")
	w.expect(2, []string{"to create"}, "plan")
	w.expect(0, []string{"written for the first time"}, "apply", "--yes", "--sync", "repo")
	w.expect(0, []string{"Nothing to do: 4 guests"}, "plan")

	w.sim.ResetJournal()
	w.expect(0, []string{"unchanged"}, "apply", "--yes", "--sync", "repo")
	if writes := w.sim.Writes(); len(writes) > 0 {
		t.Errorf("the second apply wrote: %v", writes)
	}

	w.edit(`"memory_dedicated": 512`, `"memory_dedicated": 1024`)
	w.edit(`"container", "dns"`, `"container", "dns", "internal"`)
	w.expect(2, []string{"memory  512 -> 1024", "0 to create, 1 to change"}, "plan")
	w.expect(0, []string{"1 done"}, "apply", "--yes")
	if config := w.config("103"); !strings.Contains(config, "1024") || !strings.Contains(config, "internal") {
		t.Errorf("live:\n%s", config)
	}
	for _, r := range w.sim.Writes() {
		if strings.Contains(r.Path, "/status/") {
			t.Errorf("in place, but %s", r)
		}
	}

	before := w.read("repo/inventory/terraform_inventory.json")
	w.edit(w.block("dns"), "")
	w.sim.ResetJournal()
	w.expect(2, []string{"--allow-destroy dns"}, "plan")
	w.expect(1, []string{"--allow-destroy dns"}, "apply", "--yes", "--sync", "repo")
	if writes := w.sim.Writes(); len(writes) > 0 || w.read("repo/inventory/terraform_inventory.json") != before {
		t.Errorf("refused, but written: %v", writes)
	}
	w.expect(0, []string{"1 done", "- containers.dns"}, "apply", "--yes", "--sync", "repo", "--allow-destroy", "dns")
	w.expect(0, []string{"Nothing to do: 3 guests"}, "plan")
	w.expect(1, []string{"protected"}, "destroy", "splunk", "--yes")
	w.expect(0, []string{"none: every live guest"}, "orphans")
}

// block is a container's text in the declaration, which stands on one line.
func (w *world) block(key string) string {
	w.t.Helper()
	for line := range strings.Lines(w.read("deployment.json")) {
		if strings.HasPrefix(strings.TrimSpace(line), `"`+key+`":`) {
			return line
		}
	}
	w.t.Fatalf("no line of %s", key)
	return ""
}

func TestPartOfTheEstateIsNeverPublished(t *testing.T) {
	t.Parallel()
	w := newWorld(t, smallEstate, pvesim.Options{})
	w.mkdir("repo/inventory")
	w.expect(0, []string{"not published"}, "apply", "--yes", "--only", "dns", "--sync", "repo")
	if w.exists("repo/inventory/terraform_inventory.json") {
		t.Error("an apply of one guest was published")
	}
	w.expect(0, nil, "plan", "--only", "dns")
	w.expect(2, nil, "plan", "--only", "dns", "gateway")
	w.sim.Fail(pvesim.Failure{Method: "POST", Path: "/nodes/*/qemu/9000/clone", Status: 500, Reason: "no space left"})
	w.expect(1, []string{"no space left", "not begun"}, "apply", "--yes", "--sync", "repo")
	if w.exists("repo/inventory/terraform_inventory.json") {
		t.Error("an apply that failed in part was published")
	}
	w.expect(1, []string{"SKIPPED", "1 of 2 inventory targets skipped"}, "apply", "--yes", "--sync", "repo,nowhere/else/")
	if !w.exists("repo/inventory/terraform_inventory.json") {
		t.Error("the target that is there was not written")
	}
}

func TestApplyAsksFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t, smallEstate, pvesim.Options{})
	w.expect(1, []string{"Type yes", "nothing was done"}, "apply")
	if writes := w.sim.Writes(); len(writes) > 0 {
		t.Errorf("written without a yes: %v", writes)
	}
	cmd := w.command("apply")
	cmd.Stdin = strings.NewReader("yes\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestAnotherRunIsWaitedForOrNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, smallEstate, pvesim.Options{})
	holding, proceed := make(chan struct{}), make(chan struct{})
	var once sync.Once
	w.hooks(func(r *http.Request) {
		if r.Method != http.MethodGet {
			once.Do(func() { close(holding); <-proceed })
		}
	}, nil)
	first := w.command("apply", "--yes")
	testkit.Must(t, first.Start())
	<-holding
	w.expect(1, []string{"is held by process", "provision apply"}, "apply", "--yes", "--lock-timeout", "0")
	w.expect(1, []string{"still runs"}, "state", "unlock")
	close(proceed)
	second := w.provision("apply", "--yes")
	testkit.Must(t, first.Wait())
	if second.code != 0 || !strings.Contains(second.out, "Nothing to do") {
		t.Errorf("the run that waited: %+v", second)
	}
}

// eventually polls until done, or fails after 20 s.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("after 20 s still false: %s", what)
		}
	}
}
