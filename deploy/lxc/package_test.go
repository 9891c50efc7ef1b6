//go:build lxc

package lxc

import (
	"bytes"
	"os"
	"path/filepath"
)

// deb builds the package of the present sources under a version and puts it into the
// container.
func (c *container) deb(version string) (path string) {
	c.t.Helper()
	out := filepath.Join(c.dir, "packages-"+version)
	c.host("go", "run", "../packaging", "--root", "../..", "--nfpm", "../../bin/tools/nfpm", "--out", out,
		"--version", "v"+version, "--commit", "test", "--package", "syslog-gateway", "--arch", "amd64", "--format", "deb")
	files, err := filepath.Glob(filepath.Join(out, "*.deb"))
	c.must(err)
	if len(files) != 1 {
		c.t.Fatalf("packages: %v", files)
	}
	data, err := os.ReadFile(files[0])
	c.must(err)
	path = "/root/" + filepath.Base(files[0])
	c.feed("cat > "+path, data)
	return path
}

// feed gives a command inside its standard input.
func (c *container) feed(command string, data []byte) {
	c.t.Helper()
	cmd := c.attach(command)
	cmd.Stdin = bytes.NewReader(data)
	if out, err := cmd.CombinedOutput(); err != nil {
		c.t.Fatalf("%s: %v\n%s", command, err, out)
	}
}
