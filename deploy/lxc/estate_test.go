//go:build lxc

package lxc

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"syslog-gateway/internal/hec/hectest"
	"syslog-gateway/internal/testkit"
)

const virtual = "10.77.3.10" // the address that keepalived moves

// TestEstateInContainers sets up the insides of three containers by site.yml: all three are a
// node of the queue, two a pair of gateways, the third the cache of packages.
func TestEstateInContainers(t *testing.T) {
	c := newContainer(t)
	var err error
	c.transcript, err = os.Create("transcript-estate.txt")
	c.must(err)
	t.Cleanup(func() { c.transcript.Close() })
	c.host("tar", "-xpf", pythonRootfs(t), "-C", filepath.Join(c.dir, c.name, "rootfs"))
	e := &estate{container: c, second: c.beside("gateway-02", "10.77.3.3"), cache: c.beside("cache", "10.77.3.4")}

	splunk := hectest.New(hectest.Options{Token: token, Check: hectest.Validate, OnEvent: e.got.take})
	t.Cleanup(splunk.Close)
	c.forward(8088, strings.TrimPrefix(splunk.URL(), "http://"))
	c.forward(80, "deb.debian.org:80")
	for _, h := range e.all() {
		etc := filepath.Join(c.dir, h.name, "rootfs/etc")
		c.must(os.WriteFile(filepath.Join(etc, "hosts"), []byte("127.0.0.1 localhost\n"+outside+" deb.debian.org\n"), 0o644))
		suite, _, _ := strings.Cut(filepath.Base(pythonRootfs(t)), "-")
		c.must(os.WriteFile(filepath.Join(etc, "apt/sources.list"), []byte("deb http://deb.debian.org/debian "+suite+" main\n"), 0o644))
		c.must(os.WriteFile(filepath.Join(etc, "apt/apt.conf.d/50test"), []byte("Acquire::Languages \"none\";\n"), 0o644))
		h.start()
	}
	e.prepare()

	if len(e.site("--check")) != 3 {
		t.Error("check mode has not reached all three")
	}
	if out, err := c.try("test -e /usr/bin/gateway || test -e /etc/keepalived || test -e /etc/apt/apt.conf.d/01proxy"); err == nil {
		t.Errorf("check mode has changed the host %s", out)
	}
	for name, changed := range e.site() {
		if changed == "0" {
			t.Errorf("the first run changes nothing on %s", name)
		}
	}
	e.unchanged("the second run")
	for _, chapter := range []struct {
		name string
		play func(t *testing.T)
	}{
		{"the queue is used by both gateways", e.queue},
		{"the address moves to the gateway that is ready", e.failover},
		{"packages come through the cache, and without it", e.packages},
		{"nodes of the queue restart one after the other", e.restarts},
	} {
		t.Run(chapter.name, chapter.play)
	}
}

type estate struct {
	*container
	second, cache *container
	got           events
	inventory     string
	vars          map[string]any
}

func (e *estate) all() []*container { return []*container{e.container, e.second, e.cache} }

// prepare builds the packages, and writes an inventory with the groups of provision's.
func (e *estate) prepare() {
	e.t.Helper()
	packages := filepath.Join(e.dir, "packages")
	e.host("go", "run", "../packaging", "--root", "../..", "--nfpm", "../../bin/tools/nfpm", "--out", packages,
		"--version", "v1.0.0", "--commit", "test", "--arch", "amd64", "--format", "deb")
	queue := filepath.Join(packages, "syslog-gateway-queue_1.0.0-1_amd64.deb")
	e.host("dpkg-deb", "-x", queue, filepath.Join(e.dir, "controller"))
	e.vars = map[string]any{
		"syslog_gateway_package":              filepath.Join(packages, "syslog-gateway_1.0.0-1_amd64.deb"),
		"syslog_gateway_queue_package":        queue,
		"syslog_gateway_queue_program":        filepath.Join(e.dir, "controller/usr/bin/syslog-gateway-queue"),
		"syslog_gateway_queue_max_file_store": "400MB",
		"syslog_gateway_hec_endpoints":        []string{"http://" + outside + ":8088"},
		"syslog_gateway_settings": map[string]any{"queue": map[string]any{
			"min_free": "100MB", "jetstream": map[string]any{"max_size": "200MB"}}},
		"keepalived_address": virtual + "/24",
	}
	group := func(hosts ...*container) map[string]any {
		all := make(map[string]any)
		for _, h := range hosts {
			all[h.name] = h.variables()
		}
		return map[string]any{"hosts": all}
	}
	text, err := json.Marshal(map[string]any{"all": map[string]any{
		"vars": map[string]any{"terraform_data": map[string]any{
			"splunk_vm": map[string]any{"splunk": map[string]any{"ip": outside}},
			"constants": map[string]any{
				"service_ports": map[string]int{"haproxy_stats": 8404, "splunk_hec": 8088, "splunk_mgmt": 8089, "apt_cacher_ng": 3142},
				"syslog_ports":  map[string]int{"unifi": 1514, "palo_alto": 1515, "cisco_asa": 1516, "linux": 1517, "windows": 1518},
			},
		}},
		"children": map[string]any{
			"lxc_containers":             group(e.all()...),
			"syslog_gateway_group":       group(e.container, e.second),
			"syslog_gateway_queue_group": group(e.all()...),
			"keepalived_group":           group(e.container, e.second),
			"apt_cacher_group":           group(e.cache),
		},
	}})
	e.must(err)
	e.inventory = filepath.Join(e.dir, "inventory.yml") // JSON is YAML
	e.must(os.WriteFile(e.inventory, text, 0o644))
}

func (e *estate) site(flags ...string) map[string]string {
	e.t.Helper()
	return e.playAll(e.inventory, "site.yml", e.vars, flags...)
}

func (e *estate) unchanged(when string) {
	e.t.Helper()
	for name, changed := range e.site() {
		if changed != "0" {
			e.t.Errorf("%s: changed=%s on %s, want 0", when, changed, name)
		}
	}
}

// queue sends to one gateway, and has `gateway check` look at the cluster.
func (e *estate) queue(t *testing.T) {
	for _, h := range e.all()[:2] {
		out := h.run("gateway check --connect -c /etc/syslog-gateway/gateway.yaml")
		testkit.Holds(t, "gateway check", out, "cluster: 3 servers")
	}
	e.send("logger", "-n", inside, "-P", "1517", "-T", "mark=cluster-0 end")
	e.eventually("a line is delivered", 60*time.Second, func() bool { return e.got.missing("cluster", 1) == 0 })
	metrics, _ := e.get("/metrics")
	if sum(metrics, "gateway_secured_events_total") < 1 {
		t.Errorf("the line did not go through the queue")
	}
}

// holder is the container that has the virtual address, nil while not exactly one has it.
func (e *estate) holder() *container {
	var found []*container
	for _, h := range e.all()[:2] {
		if out, _ := h.attach("ip -o addr show dev eth0").Output(); strings.Contains(string(out), virtual+"/") {
			found = append(found, h)
		}
	}
	if len(found) != 1 {
		return nil
	}
	return found[0]
}

// failover stops the gateway that has the address, while keepalived there goes on.
func (e *estate) failover(t *testing.T) {
	var first *container
	e.eventually("one has the address", 30*time.Second, func() bool { first = e.holder(); return first != nil })
	e.send("curl", "-fsS", "-m", "5", "http://"+virtual+":8404/readyz")
	first.run("systemctl stop syslog-gateway")
	e.eventually("the other one has the address", 30*time.Second, func() bool {
		now := e.holder()
		return now != nil && now != first
	})
	e.send("logger", "-n", virtual, "-P", "1517", "-T", "mark=moved-0 end")
	e.eventually("a line to the address is delivered", 60*time.Second, func() bool { return e.got.missing("moved", 1) == 0 })
	first.run("systemctl start syslog-gateway")
}

// packages has apt fetch the lists anew, with the cache and without.
func (e *estate) packages(t *testing.T) {
	const update = "rm -rf /var/lib/apt/lists/* && apt-get update -o APT::Update::Error-Mode=any"
	asked := func() int {
		e.cache.run("systemctl kill -s USR1 apt-cacher-ng; sleep 1; true") // it writes its log
		out, _ := e.cache.try("cat /var/log/apt-cacher-ng/apt-cacher.log")
		return strings.Count(out, inside)
	}
	before := asked()
	testkit.Equal(t, "the proxy", e.run("/usr/local/bin/apt-proxy-detect http://deb.debian.org/"), "http://"+e.cache.address+":3142")
	e.run(update)
	with := asked()
	if with <= before {
		t.Errorf("the cache was asked %d times by this host, %d before", with, before)
	}
	e.cache.run("systemctl stop apt-cacher-ng")
	testkit.Equal(t, "the proxy while the cache is away", e.run("/usr/local/bin/apt-proxy-detect http://deb.debian.org/"), "DIRECT")
	e.run(update)
	e.cache.run("systemctl start apt-cacher-ng")
}

var started = regexp.MustCompile(`[0-9]+`)

// restarts changes the configuration of all nodes, and dials them all the while.
func (e *estate) restarts(t *testing.T) {
	pids := func() (all []string) {
		for _, h := range e.all() {
			all = append(all, started.FindString(h.run("systemctl show -P MainPID syslog-gateway-queue")))
		}
		return all
	}
	before := pids()
	stop, done := make(chan struct{}), make(chan struct{})
	var worst, rounds int32 // read when the goroutine has ended
	go func() {
		defer close(done)
		for {
			var away int32
			for _, h := range e.all() {
				conn, err := h.dial("tcp", 4222)
				if err != nil {
					away++
					continue
				}
				conn.Close()
			}
			worst = max(worst, away)
			rounds++
			select {
			case <-stop:
				return
			case <-time.After(50 * time.Millisecond):
			}
		}
	}()
	e.vars["syslog_gateway_queue_max_file_store"] = "500MB"
	e.site()
	close(stop)
	<-done
	for i, pid := range pids() {
		if pid == before[i] {
			t.Errorf("%s still runs as process %s", e.all()[i].name, pid)
		}
	}
	if worst != 1 {
		t.Errorf("in %d rounds up to %d nodes were away at a time, want 1", rounds, worst)
	}
	e.note("in %d rounds of dialling, up to %d of 3 nodes were away at a time", rounds, worst)
	e.unchanged("after it")
	e.send("logger", "-n", virtual, "-P", "1517", "-T", "mark=after-0 end")
	e.eventually("a line is delivered", 60*time.Second, func() bool { return e.got.missing("after", 1) == 0 })
}
