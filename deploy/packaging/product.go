package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// product is a program and what it is shipped with. Those that are packages have a folder of
// their name here, with nfpm.yaml and what lintian may find, and services the scripts, too.
type product struct {
	Package string // its name
	Source  string // of the program, for go build
	Binary  string // its name in /usr/bin
	Formats []string
	Systems []string // of archives, by Go's names
	Image   image
	// Copied are the files of the repository that go into the package, by their place there.
	// Markdown loses the links to what is not among them.
	Copied map[string]string
}

// image is what a container image says of its program.
type image struct {
	Command []string // default arguments
	Ports   []string
	State   string // folder that belongs to the user, a volume
}

// program is the program's path in the tree.
func (p product) program() string { return "usr/bin/" + p.Binary }

// docs is the folder of documents in the tree.
func (p product) docs() string { return "usr/share/doc/" + p.Package }

// The formats of a release.
const (
	formatDeb     = "deb"
	formatRPM     = "rpm"
	formatArchive = "archive"
	formatImage   = "image"
	formatAPT     = "apt" // the folder of all .deb
)

var (
	formats = []string{formatDeb, formatRPM, formatArchive, formatImage}
	systems = []string{"linux", "darwin"}
)

// products are everything that is released.
func products(root string) ([]product, error) {
	gateway := product{
		Package: "syslog-gateway", Source: "./cmd/gateway", Binary: "gateway", Formats: formats, Systems: systems,
		Image: image{
			Command: []string{"run"}, State: "/var/lib/syslog-gateway",
			Ports: []string{"1514-1518/udp", "1514-1518/tcp", "8404/tcp"},
		},
	}
	docs, share := gateway.docs(), "usr/share/syslog-gateway"
	gateway.Copied = map[string]string{
		"deploy/examples/gateway.yaml":           "etc/syslog-gateway/gateway.yaml",
		"deploy/examples/packs/README":           "etc/syslog-gateway/packs/README",
		"deploy/examples/minimal.yaml":           docs + "/examples/minimal.yaml",
		"deploy/examples/auto-one-port.yaml":     docs + "/examples/auto-one-port.yaml",
		"deploy/examples/cluster.yaml":           docs + "/examples/cluster.yaml",
		"deploy/nftables/syslog-gateway.nft":     docs + "/examples/syslog-gateway.nft",
		"deploy/keepalived/keepalived.conf":      docs + "/examples/keepalived.conf",
		"deploy/systemd/notify-reload.conf":      docs + "/examples/notify-reload.conf",
		"deploy/sysctl.d/60-syslog-gateway.conf": "usr/lib/sysctl.d/60-syslog-gateway.conf",
		"README.md":                              docs + "/overview.md",
		"deploy/splunk/README.md":                docs + "/splunk.md",
		"deploy/grafana/dashboard.json":          share + "/grafana/dashboard.json",
		"deploy/prometheus/rules.yml":            share + "/prometheus/rules.yml",
		"deploy/prometheus/alerts.yml":           share + "/prometheus/alerts.yml",
	}
	queue := product{
		Package: "syslog-gateway-queue", Source: "./cmd/queue-server", Binary: "syslog-gateway-queue", Formats: formats, Systems: systems,
		Image: image{
			Command: []string{"-c", "/etc/syslog-gateway-queue/queue.conf"}, State: "/var/lib/syslog-gateway-queue",
			Ports: []string{"4222/tcp", "6222/tcp", "8222/tcp"},
		},
	}
	queue.Copied = map[string]string{"docs/cluster.md": queue.docs() + "/cluster.md"}
	for _, p := range []product{gateway, queue} {
		p.Copied[fmt.Sprintf("deploy/systemd/%s.service", p.Package)] = fmt.Sprintf("usr/lib/systemd/system/%s.service", p.Package)
		p.Copied[fmt.Sprintf("deploy/systemd/%s.sysusers.conf", p.Package)] = fmt.Sprintf("usr/lib/sysusers.d/%s.conf", p.Package)
	}
	provision := product{Package: "provision", Source: "./cmd/provision", Binary: "provision", Formats: formats, Systems: systems}
	provision.Copied = map[string]string{
		"docs/provision.md":                provision.docs() + "/provision.md",
		"docs/simulator.md":                provision.docs() + "/simulator.md",
		"deploy/provision/deployment.json": provision.docs() + "/examples/deployment.json",
	}
	bench := product{
		Package: "syslog-gateway-bench", Source: "./bench", Binary: "bench",
		Formats: []string{formatArchive}, Systems: []string{"linux"},
	}
	bench.Copied = map[string]string{"bench/README.md": bench.docs() + "/README.md", "docs/sizing.md": bench.docs() + "/sizing.md"}
	all := []product{gateway, queue, provision, bench}
	for _, p := range all {
		p.Copied["deploy/packaging/copyright"] = p.docs() + "/copyright"
		if slices.Contains(p.Formats, formatDeb) {
			p.Copied[fmt.Sprintf("deploy/packaging/%s/lintian-overrides", p.Package)] = "usr/share/lintian/overrides/" + p.Package
		}
	}
	for _, folder := range []struct{ from, suffix, to string }{
		{"docs", ".md", docs},
		{"deploy/splunk/apps", "", share + "/splunk/apps"},
		{"deploy/splunk/dashboards", "", share + "/splunk/dashboards"},
	} {
		below, err := filesBelow(root, folder.from, folder.suffix, folder.to)
		if err != nil {
			return nil, err
		}
		maps.Copy(gateway.Copied, below)
	}
	return all, nil
}

// filesBelow are all files of a folder of the repository whose names end so, by their place in
// another folder.
func filesBelow(root, from, suffix, to string) (map[string]string, error) {
	found := make(map[string]string)
	err := filepath.WalkDir(filepath.Join(root, from), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, suffix) {
			return err
		}
		name, err := filepath.Rel(filepath.Join(root, from), path)
		found[from+"/"+filepath.ToSlash(name)] = to + "/" + filepath.ToSlash(name)
		return err
	})
	return found, err
}
