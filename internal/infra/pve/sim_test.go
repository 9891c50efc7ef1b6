package pve

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"syslog-gateway/internal/infra/pvesim"
	"syslog-gateway/internal/infra/pvesim/schema"
	"syslog-gateway/internal/testkit"
)

// simulate gives a client of a simulated cluster that waits shortly.
func simulate(t *testing.T, o pvesim.Options, set func(*Options)) (*pvesim.Sim, *Client) {
	t.Helper()
	official := testkit.Try(schema.FromEnv())(t)
	o.Schema = official
	sim := testkit.Try(pvesim.New(o))(t)
	testkit.Must(t, sim.AddTemplateFile(ctTemplate, 100<<20, 400<<20))
	s := httptest.NewServer(sim.Handler())
	t.Cleanup(s.Close)
	t.Cleanup(func() {
		testkit.Must(t, sim.Mismatches())
	})
	opts := Options{Endpoint: s.URL, Token: pvesim.DefaultToken, Timeout: 10 * time.Second, LockWait: 2 * time.Second, Sleep: briefly}
	if set != nil {
		set(&opts)
	}
	c := testkit.Try(New(opts))(t)
	t.Cleanup(c.Close)
	return sim, c
}

// briefly waits a hundredth of what is asked, so that time goes on for the simulator.
func briefly(ctx context.Context, d time.Duration) error { return Sleep(ctx, d/100) }

const ctTemplate = "local:vztmpl/debian-13-standard_13.1-2_amd64.tar.zst"

func rootByPassword(o *Options) {
	o.Token, o.Username, o.Password = "", pvesim.DefaultUser, pvesim.DefaultPassword
}

func newCT(id string) Request {
	return Request{Method: http.MethodPost, Path: "/nodes/pve1/lxc", Params: form(
		"vmid", id, "ostemplate", ctTemplate, "hostname", "ct"+id, "rootfs", "local-zfs:8", "memory", "1024", "swap", "512",
		"net0", "name=eth0,bridge=vmbr0,firewall=1,ip=192.168.0."+id+"/24,gw=192.168.0.1", "tags", "b;a", "description", "a=b; c+d & ü",
		"unprivileged", "1", "password", "s3cr3t-word")}
}

func TestSimulatedContainer(t *testing.T) {
	for name, set := range map[string]func(*Options){"token": nil, "ticket": rootByPassword} {
		t.Run(name, func(t *testing.T) {
			sim, c := simulate(t, pvesim.Options{Seed: 1, TaskDelay: 3 * time.Millisecond}, set)
			ctx := context.Background()
			var task string
			testkit.Must(t, c.Run(ctx, newCT("101"), func(u string) error { task = u; return nil }, nil))
			if u, err := ParseUPID(task); err != nil || u.Type != "vzcreate" || u.ID != "101" || u.Node != "pve1" {
				t.Errorf("%s: %+v, %v", task, u, err)
			}
			conf := testkit.Try(c.Config(ctx, "pve1", "lxc", 101))(t)
			net := ParseProps(conf["net0"], "")
			if conf["memory"] != "1024" || strings.TrimSpace(conf["description"]) != "a=b; c+d & ü" || net.Get("ip") != "192.168.0.101/24" || !net.Has("hwaddr") || len(conf.Digest()) != 40 {
				t.Errorf("%v", conf)
			}
			if root := ParseProps(conf["rootfs"], "volume"); root.Get("size") != "8G" || !strings.HasPrefix(root.Default(), "local-zfs:") {
				t.Errorf("root %v", root.Map())
			}
			path := Path("nodes", "pve1", "lxc", "101", "config")
			testkit.Try(c.Write(ctx, http.MethodPut, path, form("memory", "2048", "digest", conf.Digest())))(t)
			_, err := c.Write(ctx, http.MethodPut, path, form("memory", "4096", "digest", conf.Digest()))
			if !IsStale(err) {
				t.Errorf("an old digest: %v", err)
			}
			list, err := c.Resources(ctx)
			if err != nil || len(list) == 0 {
				t.Fatal(err)
			}
			found := false
			for _, r := range list {
				found = found || r.VMID == 101 && r.Type == "lxc" && r.Node == "pve1" && r.Name == "ct101" && r.Tags == "a;b"
			}
			if !found {
				t.Errorf("not in %+v", list)
			}
			del := Request{Method: http.MethodDelete, Path: Path("nodes", "pve1", "lxc", "101"), Params: form("purge", "1", "destroy-unreferenced-disks", "1")}
			testkit.Must(t, c.Run(ctx, del, nil, nil))
			if _, err := c.Config(ctx, "pve1", "lxc", 101); !IsNotFound(err) {
				t.Errorf("after its end: %v", err)
			}
			if got, want := c.Requests().Writes, uint64(len(sim.Writes())); got != want && name == "token" {
				t.Errorf("counted %d writes of %d", got, want)
			}
		})
	}
}

func TestSimulatedRefusals(t *testing.T) {
	_, c := simulate(t, pvesim.Options{Seed: 1}, nil)
	ctx := context.Background()
	testkit.Must(t, c.Run(ctx, newCT("101"), nil, nil))
	err := c.Run(ctx, newCT("101"), nil, nil)
	if !IsExists(err) {
		t.Errorf("a second create: %v", err)
	}
	bad := newCT("102")
	bad.Params.Set("net0", "name=eth0,bridge=vmbr0,tag=5000")
	bad.Params.Set("onboot", "true")
	bad.Params.Set("nosuch", "1")
	e, ok := errors.AsType[*Error](c.Run(ctx, bad, nil, nil))
	if !ok || e.Status != 400 || len(e.Params) != 3 {
		t.Fatalf("got %+v", e)
	}
	testkit.Fails(t, e, "net0.tag", "nosuch: property is not defined in schema", "onboot: type check ('boolean') failed")
	missing := newCT("102")
	missing.Params.Set("ostemplate", "local:vztmpl/nope.tar.zst")
	if err := c.Run(ctx, missing, nil, nil); err == nil || !IsNotFound(err) || IsUnknownOutcome(err) {
		t.Errorf("without its template: %v", err)
	}
	keyctl := newCT("103")
	keyctl.Params.Set("features", "keyctl=1,nesting=1")
	if err := c.Run(ctx, keyctl, nil, nil); !IsRootOnly(err) || !IsForbidden(err) {
		t.Errorf("a feature that only root@pam may set: %v", err)
	}
	if err := c.Get(ctx, "/nope", nil, nil); status(err) != 501 {
		t.Errorf("got %v", err)
	}
}

func TestSimulatedRootMaySetFeatures(t *testing.T) {
	_, c := simulate(t, pvesim.Options{Seed: 1}, rootByPassword)
	keyctl := newCT("103")
	keyctl.Params.Set("features", "keyctl=1,nesting=1")
	if err := c.Run(context.Background(), keyctl, nil, nil); err != nil || !c.IsRoot() {
		t.Error(err)
	}
}

func TestSimulatedUnknownOutcome(t *testing.T) {
	for _, f := range []pvesim.Failure{{Status: 596, After: true}, {Status: 595}, {Status: 599, After: true}, {Drop: true, After: true}, {Drop: true}} {
		sim, c := simulate(t, pvesim.Options{Seed: 1}, nil)
		f.Method, f.Path = http.MethodPost, "/pools"
		sim.Fail(f)
		_, err := c.Write(context.Background(), http.MethodPost, "/pools", form("poolid", "infra"))
		if !IsUnknownOutcome(err) || len(sim.Writes()) != 1 {
			t.Errorf("%+v: %d writes, %v", f, len(sim.Writes()), err)
		}
		_, err = c.Write(context.Background(), http.MethodPost, "/pools", form("poolid", "infra"))
		if f.After != IsExists(err) || !f.After && err != nil {
			t.Errorf("%+v: then %v", f, err)
		}
	}
}

func TestSimulatedReadsSurviveTheWay(t *testing.T) {
	sim, c := simulate(t, pvesim.Options{Seed: 1}, nil)
	sim.Fail(pvesim.Failure{Method: http.MethodGet, Path: "/cluster/resources", Times: 2, Status: 596})
	if _, err := c.Resources(context.Background()); err != nil || c.Requests().Repeats != 2 {
		t.Errorf("%+v, %v", c.Requests(), err)
	}
}

func TestSimulatedTasks(t *testing.T) {
	ctx := context.Background()
	for _, tc := range []struct {
		f       pvesim.Failure
		fails   bool
		unknown bool
		say     string
	}{
		{pvesim.Failure{TaskWarnings: 2}, false, false, ""},
		{pvesim.Failure{TaskError: "no space left"}, true, false, "no space left"},
		{pvesim.Failure{TaskDies: true}, true, true, "check what it left"},
	} {
		sim, c := simulate(t, pvesim.Options{Seed: 1, TaskDelay: time.Millisecond}, nil)
		tc.f.Method, tc.f.Path = http.MethodPost, "/nodes/*/lxc"
		sim.Fail(tc.f)
		ends := 0
		err := c.Run(ctx, newCT("101"), nil, func(s TaskStatus) {
			if !s.Running {
				ends++
			}
		})
		if (err != nil) != tc.fails || IsUnknownOutcome(err) != tc.unknown || ends != 1 {
			t.Errorf("%+v: %v, %d ends", tc.f, err, ends)
		}
		if err != nil {
			testkit.Fails(t, err, tc.say, "vzcreate 101 on pve1")
		}
	}
}

func TestSimulatedLocks(t *testing.T) {
	sim, c := simulate(t, pvesim.Options{Seed: 1}, nil)
	ctx := context.Background()
	testkit.Must(t, c.Run(ctx, newCT("101"), nil, nil))
	put := func() error {
		_, err := c.Write(ctx, http.MethodPut, "/nodes/pve1/lxc/101/config", form("memory", "2048"))
		return err
	}
	testkit.Must(t, sim.SetLock(101, "backup"))
	sim.ResetJournal()
	if err := put(); ConfigLock(err) != "backup" || len(sim.Writes()) != 3 { // at once, and after each of 2 s
		t.Errorf("%d writes, %v", len(sim.Writes()), err)
	}
	testkit.Must(t, sim.SetLock(101, ""))
	testkit.Must(t, sim.HoldLock(101, true))
	sim.ResetJournal()
	if err := put(); !isLocked(err) || ConfigLock(err) != "" || len(sim.Writes()) != lockTries {
		t.Errorf("%d writes, %v", len(sim.Writes()), err)
	}
	testkit.Must(t, sim.HoldLock(101, false))
	testkit.Must(t, put())
}

func TestSimulatedParallelClones(t *testing.T) {
	sim, c := simulate(t, pvesim.Options{Seed: 1, MaxClones: 1, TaskDelay: 5 * time.Millisecond, LockTimeout: time.Millisecond}, nil)
	testkit.Must(t, sim.AddTemplateVM(pvesim.TemplateVM{VMID: 9000, Name: "debian"}))
	done := make(chan error)
	ids := []string{"101", "102", "103"}
	for _, id := range ids {
		go func() {
			done <- c.Run(context.Background(), Request{Method: http.MethodPost, Path: "/nodes/pve1/qemu/9000/clone", Params: form("newid", id, "full", "1")}, nil, nil)
		}()
	}
	for range ids {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func TestSimulatedWrongToken(t *testing.T) {
	sim, c := simulate(t, pvesim.Options{Seed: 1}, func(o *Options) { o.Token = "root@pam!sim=00000000-0000-0000-0000-000000000000" })
	_, err := c.Write(context.Background(), http.MethodPost, "/pools", form("poolid", "x"))
	if !isUnauthorized(err) || IsUnknownOutcome(err) || len(sim.Journal()) != 1 {
		t.Errorf("%d requests, %v", len(sim.Journal()), err)
	}
}

func TestSimulatedTypedReads(t *testing.T) {
	_, c := simulate(t, pvesim.Options{Seed: 1}, nil)
	ctx := context.Background()
	if v, err := c.Version(ctx); err != nil || v.Version == "" {
		t.Error(v, err)
	}
	if p, err := c.Permissions(ctx); err != nil || len(p) == 0 {
		t.Error(p, err)
	}
	if n, err := c.Typed().Node(ctx, "pve1"); err != nil || n.Name != "pve1" {
		t.Error(n, err)
	}
}
