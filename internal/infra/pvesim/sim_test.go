package pvesim

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"syslog-gateway/internal/infra/pvesim/schema"
	"syslog-gateway/internal/infra/pvesim/task"
	"syslog-gateway/internal/testkit"
)

// clock is a time that only changes when a test sets it.
type clock struct{ t time.Time }

func (c *clock) now() time.Time          { return c.t }
func (c *clock) advance(d time.Duration) { c.t = c.t.Add(d) }

// rig is a simulator behind a real server, and a client that asserts nothing itself.
type rig struct {
	*testing.T
	sim   *Sim
	url   string
	clock *clock
	token string
}

// reply is an answer taken apart.
type reply struct {
	Status  int    `json:"-"`
	Reason  string `json:"-"`
	Data    json.RawMessage
	Message string
	Errors  map[string]string
	Total   *int
	Raw     string `json:"-"`
}

func newRig(t *testing.T, opt Options) *rig {
	t.Helper()
	official := testkit.Try(schema.FromEnv())(t)
	if opt.Schema == nil {
		opt.Schema = official
	}
	c := &clock{time.Unix(1795370268, 0)}
	if opt.Now == nil {
		opt.Now = c.now
	}
	sim := testkit.Try(New(opt))(t)
	srv := httptest.NewServer(sim.Handler())
	t.Cleanup(srv.Close)
	t.Cleanup(func() {
		testkit.Must(t, sim.Mismatches())
	})
	testkit.Must(t, sim.AddTemplateFile("local:vztmpl/debian.tar.zst", 100<<20, 500<<20))
	return &rig{T: t, sim: sim, url: srv.URL, clock: c, token: DefaultToken}
}

// do sends a request with form parameters as name, value, name, value…
func (r *rig) do(method, path string, kv ...string) reply {
	r.Helper()
	values := url.Values{}
	for i := 0; i+1 < len(kv); i += 2 {
		values.Add(kv[i], kv[i+1])
	}
	if method == "POST" || method == "PUT" {
		return r.raw(method, "/api2/json"+path, form, values.Encode())
	}
	if len(values) > 0 {
		path += "?" + values.Encode()
	}
	return r.raw(method, "/api2/json"+path, "", "")
}

const form = "application/x-www-form-urlencoded"

// raw sends a body as it is.
func (r *rig) raw(method, path, contentType, body string) reply {
	r.Helper()
	req := testkit.Try(http.NewRequest(method, r.url+path, strings.NewReader(body)))(r)
	req.Header.Set("Content-Type", contentType)
	if r.token != "" {
		req.Header.Set("Authorization", "PVEAPIToken="+r.token)
	}
	return r.send(req)
}

// record is the answer to a request that no connection carries.
func record(sim *Sim, method, target string) *httptest.ResponseRecorder {
	req := httptest.NewRequest(method, target, nil)
	req.Header.Set("Authorization", "PVEAPIToken="+DefaultToken)
	rec := httptest.NewRecorder()
	sim.Handler().ServeHTTP(rec, req)
	return rec
}

func (r *rig) send(req *http.Request) reply {
	r.Helper()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return reply{Reason: err.Error()}
	}
	defer resp.Body.Close()
	raw := testkit.Try(io.ReadAll(resp.Body))(r)
	out := reply{Status: resp.StatusCode, Raw: string(raw)}
	_, out.Reason, _ = strings.Cut(resp.Status, " ")
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &out); err != nil {
			r.Fatalf("%s: %v", raw, err)
		}
	}
	return out
}

// ok wants 200 and returns the data as text, a string without quotes.
func (r *rig) ok(method, path string, kv ...string) string {
	r.Helper()
	a := r.do(method, path, kv...)
	if a.Status != 200 {
		r.Fatalf("%s %s %v: %d %s %v", method, path, kv, a.Status, a.Reason, a.Errors)
	}
	var text string
	if json.Unmarshal(a.Data, &text) == nil {
		return text
	}
	return string(a.Data)
}

// get reads what a path answers with.
func get[T any](r *rig, path string, kv ...string) (out T) {
	r.Helper()
	testkit.Must(r, json.Unmarshal([]byte(r.ok("GET", path, kv...)), &out))
	return out
}

func (r *rig) object(path string, kv ...string) map[string]any {
	return get[map[string]any](r, path, kv...)
}

func (r *rig) list(path string, kv ...string) []map[string]any {
	return get[[]map[string]any](r, path, kv...)
}

// task runs a request that answers with a UPID, and returns the exit status.
func (r *rig) task(method, path string, kv ...string) string {
	r.Helper()
	upid := r.ok(method, path, kv...)
	if !task.IsUPID(upid) {
		r.Fatalf("%s %s: %q is no UPID", method, path, upid)
	}
	r.sim.Settle()
	return fmt.Sprint(r.object("/nodes/" + strings.Split(upid, ":")[1] + "/tasks/" + upid + "/status")["exitstatus"])
}

// refused wants a status and reason.
func (r *rig) refused(status int, reason string, a reply) {
	r.Helper()
	if a.Status != status || a.Reason != reason {
		r.Errorf("answer %d %q %v, want %d %q", a.Status, a.Reason, a.Errors, status, reason)
	}
}

// wrong wants an error text of one parameter.
func (r *rig) wrong(param, text string, a reply) {
	r.Helper()
	if a.Errors[param] != text {
		r.Errorf("answer %d %q %v, want %s: %q", a.Status, a.Reason, a.Errors, param, text)
	}
}

// ends is task, and wants the exit status.
func (r *rig) ends(want, method, path string, kv ...string) {
	r.Helper()
	if got := r.task(method, path, kv...); got != want {
		r.Fatalf("%s %s %v ends with %q, want %q", method, path, kv, got, want)
	}
}

// container are the parameters of a small one.
func container(vmid string, kv ...string) []string {
	return append([]string{"vmid", vmid, "ostemplate", "local:vztmpl/debian.tar.zst", "rootfs", "local-zfs:4", "unprivileged", "1",
		"net0", "name=eth0,bridge=vmbr0,ip=10.0.0.5/24,gw=10.0.0.1,firewall=1"}, kv...)
}

func (r *rig) createCT(vmid string, kv ...string) {
	r.Helper()
	r.ends("OK", "POST", "/nodes/pve1/lxc", container(vmid, kv...)...)
}

func TestContainerLife(t *testing.T) {
	r := newRig(t, Options{Seed: 1})
	r.ok("POST", "/pools", "poolid", "prod", "comment", "x")
	r.createCT("300", "hostname", "web", "pool", "prod", "tags", "b;A;a", "mp0", "local-zfs:8,mp=/data", "start", "1", "description", "x")
	conf := r.object("/nodes/pve1/lxc/300/config")
	want := map[string]any{
		"rootfs": "local-zfs:subvol-300-disk-0,size=4G", "mp0": "local-zfs:subvol-300-disk-1,mp=/data,size=8G", "tags": "a;b", "swap": 512.0, "arch": "amd64",
		"ostype": "debian", "description": "x\n", "net0": "name=eth0,bridge=vmbr0,firewall=1,gw=10.0.0.1,hwaddr=" + mac(conf["net0"], "hwaddr=") + ",ip=10.0.0.5/24,type=veth",
	}
	for k, v := range want {
		if conf[k] != v {
			t.Errorf("%s is %q, want %q", k, conf[k], v)
		}
	}
	res := r.list("/cluster/resources", "type", "vm")
	if len(res) != 1 || res[0]["pool"] != "prod" || res[0]["status"] != "running" || res[0]["name"] != "web" {
		t.Errorf("resources %v", res)
	}
	r.refused(500, "detected modified configuration - file changed by other user? Try again.", r.do("PUT", "/nodes/pve1/lxc/300/config", "memory", "1024", "digest", strings.Repeat("0", 40)))
	r.ok("PUT", "/nodes/pve1/lxc/300/config", "memory", "1024", "digest", conf["digest"].(string))
	r.refused(500, "CT 300 already running", r.do("POST", "/nodes/pve1/lxc/300/status/start"))
	r.ends("OK", "PUT", "/nodes/pve1/lxc/300/resize", "disk", "rootfs", "size", "6G")
	r.refused(500, "unable to destroy CT 300 - container is running", r.do("DELETE", "/nodes/pve1/lxc/300"))
	r.ends("OK", "POST", "/nodes/pve1/lxc/300/status/stop")
	r.ends("OK", "DELETE", "/nodes/pve1/lxc/300", "purge", "1")
	if v := r.list("/nodes/pve1/storage/local-zfs/content"); len(v) != 0 {
		t.Errorf("volumes left: %v", v)
	}
}

// mac is the address after prefix.
func mac(v any, prefix string) string {
	_, rest, _ := strings.Cut(fmt.Sprint(v), prefix)
	return rest[:min(17, len(rest))]
}

func TestCloneLife(t *testing.T) {
	r := newRig(t, Options{Seed: 2})
	testkit.Must(t, r.sim.AddTemplateVM(TemplateVM{VMID: 9000, Disks: map[string]string{"scsi0": "10G"}}))
	r.ends("OK", "POST", "/nodes/pve1/qemu/9000/clone", "newid", "250", "name", "docker", "full", "1")
	r.ok("PUT", "/nodes/pve1/qemu/250/config", "cores", "4", "memory", "4096", "net0", "virtio,bridge=vmbr0,firewall=1", "sshkeys", "ssh-ed25519%20AAAAC3NzaC1lZDI1NTE5AAAAIEiU%20x",
		"ciuser", "debian", "cipassword", "hidden", "ipconfig0", "ip=10.0.0.6/24,gw=10.0.0.1", "agent", "enabled=1")
	r.ends("OK", "PUT", "/nodes/pve1/qemu/250/resize", "disk", "scsi0", "size", "20G")
	conf := r.object("/nodes/pve1/qemu/250/config")
	for k, v := range map[string]any{"scsi0": "local-zfs:vm-250-disk-0,size=20G", "memory": "4096", "cores": 4.0, "cipassword": "**********", "ide2": "local-zfs:vm-250-cloudinit,media=cdrom", "template": nil} {
		if conf[k] != v {
			t.Errorf("%s is %v, want %v", k, conf[k], v)
		}
	}
	r.ends("shrinking disks is not supported", "PUT", "/nodes/pve1/qemu/250/resize", "disk", "scsi0", "size", "1G")
	r.ends("OK", "POST", "/nodes/pve1/qemu/250/status/start")
	r.ends("you can't start a vm if it's a template", "POST", "/nodes/pve1/qemu/9000/status/start")
	r.ok("PUT", "/nodes/pve1/qemu/250/config", "cores", "8")
	testkit.Equal(t, "cores of the running VM", r.object("/nodes/pve1/qemu/250/config", "current", "1")["cores"], 4.0)
	r.ends("OK", "POST", "/nodes/pve1/qemu/250/status/reboot")
	testkit.Equal(t, "cores after the reboot", r.object("/nodes/pve1/qemu/250/config", "current", "1")["cores"], 8.0)
}

// BenchmarkNew is what every test that uses the simulator pays.
func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		testkit.Try(New(Options{}))(b)
	}
}

// BenchmarkResources reads cluster/resources of 80 guests, without the network.
func BenchmarkResources(b *testing.B) {
	sim := testkit.Try(New(Options{}))(b)
	for i := range 80 {
		testkit.Must(b, sim.AddGuest("lxc", 100+i, "", map[string]string{"hostname": "c" + strconv.Itoa(i), "rootfs": "local-zfs:8"}))
	}
	for b.Loop() {
		if rec := record(sim, "GET", "/api2/json/cluster/resources"); rec.Code != 200 {
			b.Fatal(rec.Body)
		}
	}
}
