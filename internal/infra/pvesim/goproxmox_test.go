package pvesim

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"syslog-gateway/internal/infra/pvesim/schema"
	"syslog-gateway/internal/testkit"

	proxmox "github.com/luthermonson/go-proxmox"
)

// finished waits for a task of go-proxmox.
func finished(t *testing.T, task *proxmox.Task, err error) {
	t.Helper()
	testkit.Must(t, err)
	testkit.Must(t, task.Wait(t.Context(), time.Millisecond, 10*time.Second))
	if task.IsFailed {
		t.Fatalf("%s: %s", task.Type, task.ExitStatus)
	}
}

// goClient is a foreign client, with a token or a password.
func goClient(t *testing.T, sim *Sim, opts ...proxmox.Option) *proxmox.Client {
	srv := httptest.NewServer(sim.Handler())
	transport := &http.Transport{}
	t.Cleanup(func() { transport.CloseIdleConnections(); srv.Close() })
	opts = append(opts, proxmox.WithHTTPClient(&http.Client{Transport: transport, Timeout: 10 * time.Second}))
	return proxmox.NewClient(srv.URL+"/api2/json", opts...)
}

// TestGoProxmox: go-proxmox's typed calls work against the simulator, which they were not made for.
func TestGoProxmox(t *testing.T) {
	official := testkit.Try(schema.FromEnv())(t)
	sim := testkit.Try(New(Options{Schema: official}))(t)
	testkit.Must(t, sim.AddTemplateFile("local:vztmpl/debian.tar.zst", 1<<20, 1<<20))
	testkit.Must(t, sim.AddTemplateVM(TemplateVM{VMID: 9000, Disks: map[string]string{"scsi0": "4G"}}))
	id, secret, _ := strings.Cut(DefaultToken, "=")
	c, ctx := goClient(t, sim, proxmox.WithAPIToken(id, secret)), t.Context()
	if v := testkit.Try(c.Version(ctx))(t); v.Release != "9.2" {
		t.Errorf("version %+v", v)
	}
	testkit.Must(t, c.NewPool(ctx, "prod", "production"))
	node := testkit.Try(c.Node(ctx, "pve1"))(t)

	task, err := node.NewContainer(ctx, 300, proxmox.ContainerOption{Name: "ostemplate", Value: "local:vztmpl/debian.tar.zst"},
		proxmox.ContainerOption{Name: "rootfs", Value: "local-zfs:2"}, proxmox.ContainerOption{Name: "unprivileged", Value: true},
		proxmox.ContainerOption{Name: "net0", Value: "name=eth0,bridge=vmbr0,ip=dhcp"}, proxmox.ContainerOption{Name: "pool", Value: "prod"}, proxmox.ContainerOption{Name: "tags", Value: "b;a"})
	finished(t, task, err)
	ct := testkit.Try(node.Container(ctx, 300))(t)
	task, err = ct.Start(ctx)
	finished(t, task, err)
	task, err = ct.Resize(ctx, "rootfs", "3G")
	finished(t, task, err)
	if ct = testkit.Try(node.Container(ctx, 300))(t); ct.Status != "running" || ct.ContainerConfig.RootFS != "local-zfs:subvol-300-disk-0,size=3G" || ct.ContainerConfig.Tags != "a;b" {
		t.Errorf("container %s %+v", ct.Status, ct.ContainerConfig)
	}
	goVM(t, node)
	goCluster(t, c, node)
	testkit.Must(t, sim.Mismatches())
}

// goVM clones a VM, and sets, starts, asks, stops and deletes the clone.
func goVM(t *testing.T, node *proxmox.Node) {
	ctx := t.Context()
	template := testkit.Try(node.VirtualMachine(ctx, 9000))(t)
	_, task, err := template.Clone(ctx, &proxmox.VirtualMachineCloneOptions{NewID: 250, Name: "docker", Full: true, Pool: "prod"})
	finished(t, task, err)
	vm := testkit.Try(node.VirtualMachine(ctx, 250))(t)
	task, err = vm.Config(ctx, proxmox.VirtualMachineOption{Name: "cores", Value: 4}, proxmox.VirtualMachineOption{Name: "ipconfig0", Value: "ip=10.0.0.6/24,gw=10.0.0.1"})
	finished(t, task, err)
	task, err = vm.Start(ctx)
	finished(t, task, err)
	ifaces := testkit.Try(vm.AgentGetNetworkIFaces(ctx))(t)
	if len(ifaces) != 1 || ifaces[0].IPAddresses[0].IPAddress != "10.0.0.6" {
		t.Errorf("agent %+v", ifaces)
	}
	task, err = vm.Stop(ctx)
	finished(t, task, err)
	task, err = vm.Delete(ctx, nil)
	finished(t, task, err)
}

func goCluster(t *testing.T, c *proxmox.Client, node *proxmox.Node) {
	ctx := t.Context()
	cluster := testkit.Try(c.Cluster(ctx))(t)
	if got := testkit.Try(cluster.Resources(ctx, "vm"))(t); len(got) != 2 || got[0].Pool != "prod" {
		t.Errorf("resources %+v", got)
	}
	testkit.Equal(t, "next ID", testkit.Try(cluster.NextID(ctx))(t), 100)
	testkit.Must(t, cluster.NewFWGroup(ctx, &proxmox.FirewallSecurityGroup{Group: "web", Comment: "c"}))
	if got := testkit.Try(cluster.FWGroups(ctx))(t); len(got) != 1 || got[0].Group != "web" {
		t.Errorf("groups %+v", got)
	}
	if got := testkit.Try(node.Storages(ctx))(t); len(got) != 2 {
		t.Errorf("storages %+v", got)
	}
	if pool := testkit.Try(c.Pool(ctx, "prod"))(t); len(pool.Members) != 1 {
		t.Errorf("pool %+v", pool)
	}
}

// TestGoProxmoxPassword: a session with ticket and CSRF token.
func TestGoProxmoxPassword(t *testing.T) {
	sim := testkit.Try(New(Options{}))(t)
	c := goClient(t, sim, proxmox.WithCredentials(&proxmox.Credentials{Username: DefaultUser, Password: DefaultPassword}))
	testkit.Must(t, c.NewPool(t.Context(), "prod", ""))
	if w := sim.Writes(); len(w) == 0 || w[len(w)-1].User != DefaultUser || w[len(w)-1].Status != 200 || !w[len(w)-1].Done {
		t.Errorf("writes %v", w)
	}
}
