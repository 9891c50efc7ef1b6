// Package namespace runs a test in a network of its own, where all ports are free and
// nothing of the machine is changed.
package namespace

import (
	"bytes"
	"os"
	"os/exec"
	"testing"
)

// inside is set in the copy of a test that runs in its own namespace.
const inside = "TEST_IN_NAMESPACE"

// Network reports whether the test runs in its own network namespace, where it is root
// and the loopback interface is down. Outside it runs the test again inside, with more
// variables of the environment, and reports false when that has passed.
func Network(t *testing.T, env ...string) bool {
	t.Helper()
	if os.Getenv(inside) == t.Name() {
		return true
	}
	Tools(t, map[string]string{"unshare": "util-linux"})
	cmd := exec.Command("unshare", "--map-root-user", "--net", os.Args[0], "-test.run", "^"+t.Name()+"$", "-test.v")
	cmd.Env = append(append(os.Environ(), env...), inside+"="+t.Name())
	out, err := cmd.CombinedOutput()
	if err == nil {
		return false
	}
	if bytes.Contains(out, []byte("unshare failed")) || bytes.Contains(out, []byte("uid_map")) {
		t.Fatalf("this test needs a user and network namespace, and the kernel gives none (in a container: run it with CAP_SYS_ADMIN, "+
			"on the host: sysctl kernel.unprivileged_userns_clone=1): %v\n%s", err, out)
	}
	t.Fatalf("%v\n%s", err, out)
	return false
}

// Tools fails the test when a program is missing, and names the Debian package that has
// it. packages has the package of each program.
func Tools(t testing.TB, packages map[string]string) {
	t.Helper()
	for name, from := range packages {
		if _, err := exec.LookPath(name); err != nil {
			t.Fatalf("%s is missing: apt-get install --no-install-recommends %s (make test-tools does that)", name, from)
		}
	}
}
