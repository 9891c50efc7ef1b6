//go:build lxc

package lxc

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// The least of a Debian package that installs and upgrades the service.
const (
	control = `Package: syslog-gateway
Version: %s
Architecture: amd64
Maintainer: syslog-gateway maintainers
Description: syslog to Splunk HEC
`
	conffiles = "/etc/syslog-gateway/gateway.yaml\n"
	postinst  = `#!/bin/sh
set -e
systemd-sysusers syslog-gateway.conf
systemctl daemon-reload
[ -z "$2" ] || systemctl try-restart syslog-gateway
`
)

// deb builds a package of the present sources and puts it into the container.
func (c *container) deb(version string) (path string) {
	c.t.Helper()
	stage := filepath.Join(c.dir, "deb-"+version)
	files := map[string]string{
		"usr/lib/systemd/system/syslog-gateway.service": "../systemd/syslog-gateway.service",
		"usr/lib/sysusers.d/syslog-gateway.conf":        "../systemd/syslog-gateway.sysusers.conf",
		"usr/lib/sysctl.d/60-syslog-gateway.conf":       "../sysctl.d/60-syslog-gateway.conf",
		"etc/syslog-gateway/gateway.yaml":               "../examples/minimal.yaml",
	}
	for to, from := range files {
		data, err := os.ReadFile(from)
		c.must(err)
		c.put(filepath.Join(stage, to), string(data), 0o644)
	}
	c.put(filepath.Join(stage, "DEBIAN/control"), fmt.Sprintf(control, version), 0o644)
	c.put(filepath.Join(stage, "DEBIAN/conffiles"), conffiles, 0o644)
	c.put(filepath.Join(stage, "DEBIAN/postinst"), postinst, 0o755)
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w -X main.version="+version,
		"-o", filepath.Join(stage, "usr/bin/gateway"), "syslog-gateway/cmd/gateway")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		c.t.Fatalf("build: %v\n%s", err, out)
	}
	file := filepath.Join(c.dir, "syslog-gateway_"+version+"_amd64.deb")
	c.host("dpkg-deb", "--root-owner-group", "--build", stage, file)
	data, err := os.ReadFile(file)
	c.must(err)
	path = "/root/" + filepath.Base(file)
	cmd := c.attach("cat > " + path)
	cmd.Stdin = strings.NewReader(string(data))
	if out, err := cmd.CombinedOutput(); err != nil {
		c.t.Fatalf("copy the package: %v\n%s", err, out)
	}
	return path
}

func (c *container) put(path, content string, mode os.FileMode) {
	c.must(os.MkdirAll(filepath.Dir(path), 0o755))
	c.must(os.WriteFile(path, []byte(content), mode))
	c.must(os.Chmod(path, mode))
}
