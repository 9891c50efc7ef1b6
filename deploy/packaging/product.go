package main

import "fmt"

// product is a program and the package that has it. The folder of the same name has the rest:
// nfpm.yaml, the scripts of the packages, and what lintian may find.
type product struct {
	Package string // its name
	Source  string // of the program, for go build
	Binary  string // its name in /usr/bin
	// Copied are the files of the repository that go into the package as they are.
	Copied map[string]string
}

// program is the program's path in the tree.
func (p product) program() string { return "usr/bin/" + p.Binary }

// docs is the folder of documents in the tree.
func (p product) docs() string { return "usr/share/doc/" + p.Package }

// products are all packages.
func products() []product {
	gateway := product{Package: "syslog-gateway", Source: "./cmd/gateway", Binary: "gateway"}
	docs := gateway.docs()
	gateway.Copied = map[string]string{
		"deploy/examples/gateway.yaml":           "etc/syslog-gateway/gateway.yaml",
		"deploy/examples/packs/README":           "etc/syslog-gateway/packs/README",
		"deploy/examples/minimal.yaml":           docs + "/examples/minimal.yaml",
		"deploy/examples/auto-one-port.yaml":     docs + "/examples/auto-one-port.yaml",
		"deploy/examples/cluster.yaml":           docs + "/examples/cluster.yaml",
		"deploy/nftables/syslog-gateway.nft":     docs + "/examples/syslog-gateway.nft",
		"deploy/sysctl.d/60-syslog-gateway.conf": "usr/lib/sysctl.d/60-syslog-gateway.conf",
		"docs/cluster.md":                        docs + "/cluster.md",
		"docs/configuration.md":                  docs + "/configuration.md",
		"docs/operations.md":                     docs + "/operations.md",
		"docs/install.md":                        docs + "/install.md",
		"docs/sizing.md":                         docs + "/sizing.md",
		"docs/high-availability.md":              docs + "/high-availability.md",
		"docs/guarantees.md":                     docs + "/guarantees.md",
		"docs/metadata.md":                       docs + "/metadata.md",
		"docs/packs.md":                          docs + "/packs.md",
		"docs/migrate/README.md":                 docs + "/migrate/README.md",
		"docs/migrate/sc4s.md":                   docs + "/migrate/sc4s.md",
		"docs/migrate/cribl.md":                  docs + "/migrate/cribl.md",
		"docs/migrate/haproxy.md":                docs + "/migrate/haproxy.md",
		"docs/migrate/rsyslog.md":                docs + "/migrate/rsyslog.md",
		"docs/migrate/syslog-ng.md":              docs + "/migrate/syslog-ng.md",
		"docs/products.md":                       docs + "/products.md",
		"deploy/keepalived/keepalived.conf":      docs + "/examples/keepalived.conf",
		"deploy/systemd/notify-reload.conf":      docs + "/examples/notify-reload.conf",
		"docs/upgrade.md":                        docs + "/upgrade.md",
		"README.md":                              docs + "/README.md",
	}
	queue := product{Package: "syslog-gateway-queue", Source: "./cmd/queue-server", Binary: "syslog-gateway-queue"}
	queue.Copied = map[string]string{"docs/cluster.md": queue.docs() + "/cluster.md"}
	all := []product{gateway, queue}
	for _, p := range all {
		p.Copied[fmt.Sprintf("deploy/systemd/%s.service", p.Package)] = fmt.Sprintf("usr/lib/systemd/system/%s.service", p.Package)
		p.Copied[fmt.Sprintf("deploy/systemd/%s.sysusers.conf", p.Package)] = fmt.Sprintf("usr/lib/sysusers.d/%s.conf", p.Package)
		p.Copied[fmt.Sprintf("deploy/packaging/%s/lintian-overrides", p.Package)] = "usr/share/lintian/overrides/" + p.Package
		p.Copied["deploy/packaging/copyright"] = p.docs() + "/copyright"
	}
	return all
}
