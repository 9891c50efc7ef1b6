package testkit

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
)

// inside is set in the copy of a test that runs in its own namespace.
const inside = "TEST_IN_NAMESPACE"

// Network reports whether the test runs in its own network namespace, where all ports are
// free, it is root and the loopback interface is down. Outside it runs the test again
// inside, with more variables of the environment, and reports false when that has passed.
func Network(t named, env ...string) bool {
	t.Helper()
	return unshared(t, "--net", env)
}

// Mounts is Network for mounts of the test's own.
func Mounts(t named) bool {
	t.Helper()
	return unshared(t, "--mount", nil)
}

type named interface {
	test
	Name() string
}

// unshared runs the test again in a namespace of that kind.
func unshared(t named, kind string, env []string) bool {
	t.Helper()
	if os.Getenv(inside) == t.Name() {
		return true
	}
	cmd := exec.Command(Tool(t, "unshare", "util-linux"), "--map-root-user", kind, os.Args[0], "-test.run", "^"+t.Name()+"$", "-test.v")
	cmd.Env = append(append(os.Environ(), env...), inside+"="+t.Name())
	out, err := cmd.CombinedOutput()
	if err == nil {
		return false
	}
	if bytes.Contains(out, []byte("unshare failed")) || bytes.Contains(out, []byte("uid_map")) {
		err = fmt.Errorf("this test needs a namespace of users and one of its own, and the kernel gives none (in a container: run it with CAP_SYS_ADMIN, "+
			"on the host: sysctl kernel.unprivileged_userns_clone=1): %w", err)
	}
	t.Fatal(fmt.Sprintf("%v\n%s", err, out))
	return false
}

// Tool is the path of a program. Where it is missing the test fails and names the Debian
// package that has it.
func Tool(t test, name, from string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatal(fmt.Sprintf("%s is missing: apt-get install --no-install-recommends %s (make test-tools does that)", name, from))
	}
	return path
}
