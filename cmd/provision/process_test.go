package main

import (
	"bytes"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"syslog-gateway/internal/infra/pvesim"
	"syslog-gateway/internal/infra/workflow/workflowtest"
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

// world is the rig of an estate, and whoever runs provision there.
type world struct {
	*workflowtest.Rig
	env []string
}

func newWorld(t *testing.T, options pvesim.Options) *world {
	t.Helper()
	r := workflowtest.New(t, workflowtest.Estate, options)
	return &world{r, []string{underTest + "=1", "HOME=" + r.Dir, "PATH=" + os.Getenv("PATH"), "NO_COLOR=1",
		"GORACE=atexit_sleep_ms=0", // a binary with the race detector lingers for a second otherwise

		"PROXMOX_VE_ENDPOINT=" + r.URL, "PROXMOX_VE_API_TOKEN=" + pvesim.DefaultToken}}
}

// beside is the world of a test that runs beside the others.
func beside(t *testing.T) *world {
	t.Helper()
	t.Parallel()
	return newWorld(t, pvesim.Options{})
}

func (w *world) command(args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Dir, cmd.Env = w.Dir, w.env
	return cmd
}

// answer is how a run ended.
type answer struct {
	out, errs string
	code      int
}

// provision runs a verb to its end.
func (w *world) provision(args ...string) answer {
	w.T.Helper()
	cmd := w.command(args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if e := new(exec.ExitError); err != nil && !errors.As(err, &e) {
		w.T.Fatal(err)
	}
	return answer{out.String(), errs.String(), cmd.ProcessState.ExitCode()}
}

// expect runs a verb and wants an exit code, and texts in what it prints.
func (w *world) expect(code int, want []string, args ...string) answer {
	w.T.Helper()
	a := w.provision(args...)
	if a.code != code {
		w.T.Fatalf("provision %s: exit code %d, want %d\n%s%s", strings.Join(args, " "), a.code, code, a.out, a.errs)
	}
	testkit.Holds(w.T, "provision "+strings.Join(args, " "), a.out+a.errs, want...)
	return a
}

func (w *world) exists(name string) bool {
	_, err := os.Stat(w.Path(name))
	return err == nil
}

func (w *world) mkdir(name string) string {
	w.T.Helper()
	testkit.Must(w.T, os.MkdirAll(w.Path(name), 0o755))
	return w.Path(name)
}

// The round that the demo shows.
func TestFromNothingToDeclaredAndOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pvesim.Options{Seed: 1})
	w.mkdir("repo/inventory")
	w.expect(0, []string{"fine: 2 containers, 2 VMs, 1 pool"}, "validate")
	w.expect(0, nil, "check")
	w.expect(2, []string{"to create"}, "plan")
	w.expect(0, []string{"written for the first time"}, "apply", "--yes", "--sync", "repo")
	w.expect(0, []string{"Nothing to do: 4 guests"}, "plan")

	w.Sim.ResetJournal()
	w.expect(0, []string{"unchanged"}, "apply", "--yes", "--sync", "repo")
	if writes := w.Sim.Writes(); len(writes) > 0 {
		t.Errorf("the second apply wrote: %v", writes)
	}

	w.Edit(`"memory_dedicated": 512`, `"memory_dedicated": 1024`)
	w.Edit(`"container", "dns"`, `"container", "dns", "internal"`)
	w.expect(2, []string{"memory  512 -> 1024", "0 to create, 1 to change"}, "plan")
	w.expect(0, []string{"1 done"}, "apply", "--yes")
	if config := w.Config("103"); !strings.Contains(config, "1024") || !strings.Contains(config, "internal") {
		t.Errorf("live:\n%s", config)
	}
	for _, r := range w.Sim.Writes() {
		testkit.Lacks(t, "in place, but", r.Path, "/status/")
	}

	before := w.Read("repo/inventory/terraform_inventory.json")
	w.Edit(w.block("dns"), "")
	w.Sim.ResetJournal()
	w.expect(2, []string{"--allow-destroy dns"}, "plan")
	w.expect(1, []string{"--allow-destroy dns"}, "apply", "--yes", "--sync", "repo")
	if writes := w.Sim.Writes(); len(writes) > 0 || w.Read("repo/inventory/terraform_inventory.json") != before {
		t.Errorf("refused, but written: %v", writes)
	}
	w.expect(0, []string{"1 done", "- containers.dns"}, "apply", "--yes", "--sync", "repo", "--allow-destroy", "dns")
	w.expect(0, []string{"Nothing to do: 3 guests"}, "plan")
	w.expect(1, []string{"protected"}, "destroy", "splunk", "--yes")
	w.expect(0, []string{"none: every live guest"}, "orphans")
}

// block is a container's text in the declaration, which stands on one line.
func (w *world) block(key string) string {
	w.T.Helper()
	for line := range strings.Lines(w.Read("deployment.json")) {
		if strings.HasPrefix(strings.TrimSpace(line), `"`+key+`":`) {
			return line
		}
	}
	w.T.Fatalf("no line of %s", key)
	return ""
}

func TestPartOfTheEstateIsNeverPublished(t *testing.T) {
	w := beside(t)
	w.mkdir("repo/inventory")
	w.expect(0, []string{"not published"}, "apply", "--yes", "--only", "dns", "--sync", "repo")
	if w.exists("repo/inventory/terraform_inventory.json") {
		t.Error("an apply of one guest was published")
	}
	w.expect(0, nil, "plan", "--only", "dns")
	w.expect(2, nil, "plan", "--only", "dns", "gateway")
	w.Sim.Fail(pvesim.Failure{Method: "POST", Path: "/nodes/*/qemu/9000/clone", Status: 500, Reason: "no space left"})
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
	w := beside(t)
	w.expect(1, []string{"Type yes", "nothing was done"}, "apply")
	if writes := w.Sim.Writes(); len(writes) > 0 {
		t.Errorf("written without a yes: %v", writes)
	}
	cmd := w.command("apply")
	cmd.Stdin = strings.NewReader("yes\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestAnotherRunIsWaitedForOrNamed(t *testing.T) {
	w := beside(t)
	holding, proceed := make(chan struct{}), make(chan struct{})
	var once sync.Once
	w.Hooks(func(r *http.Request) {
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
