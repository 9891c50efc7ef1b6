package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"syslog-gateway/internal/testkit"
)

// imageRuns unpacks an image and runs its program in namespaces of its own, as its user, until
// it is ready; on the signal of the image it ends well.
func imageRuns(t *testing.T, file string) {
	testkit.Tool(t, "unshare", "util-linux")
	testkit.Tool(t, "ip", "iproute2")
	dir := t.TempDir()
	if out, err := exec.Command("tar", "-xf", file, "-C", dir).CombinedOutput(); err != nil {
		t.Fatalf("tar: %v\n%s", err, out)
	}
	index := testkit.Try(layout.ImageIndexFromPath(dir))(t)
	testkit.Must(t, validate.Index(index))
	manifest := testkit.Try(index.IndexManifest())(t)
	if len(manifest.Manifests) != 1 {
		t.Fatalf("the layout has %d images", len(manifest.Manifests))
	}
	img := testkit.Try(index.Image(manifest.Manifests[0].Digest))(t)
	// docker load of any version finds the same image.
	docker := testkit.Try(tarball.ImageFromPath(file, nil))(t)
	want, got := testkit.Try(img.ConfigName())(t), testkit.Try(docker.ConfigName())(t)
	testkit.Equal(t, "the image by manifest.json", got, want)

	root := t.TempDir()
	untar := exec.Command("tar", "-xp", "--same-owner", "-C", root)
	files := mutate.Extract(img)
	defer files.Close()
	untar.Stdin = io.Reader(files)
	if out, err := untar.CombinedOutput(); err != nil {
		t.Fatalf("tar: %v\n%s", err, out)
	}
	config := testkit.Try(img.ConfigFile())(t).Config
	const inside = `ip link set lo up; root=$1; user=$2; shift 2; exec chroot --userspec="$user" "$root" "$@"`
	args := slices.Concat([]string{"--net", "--mount", "sh", "-c", inside, "sh", root, config.User}, config.Entrypoint, config.Cmd)
	cmd := exec.Command("unshare", args...)
	cmd.Env = []string{"GATEWAY_HEC__ENDPOINTS=https://127.0.0.1:1", "SPLUNK_HEC_TOKEN=x", "PATH=" + os.Getenv("PATH")}
	var log testkit.Log
	cmd.Stdout, cmd.Stderr = &log, &log
	testkit.Must(t, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	ready := testkit.Within(time.Minute, func() bool { return strings.Contains(log.String(), "ready") || len(ended) > 0 })
	_ = cmd.Process.Signal(syscall.SIGTERM)
	if err := <-ended; err != nil || !ready {
		t.Errorf("ready: %v; it ended with %v\n%s", ready, err, log.String())
	}
	certificates := testkit.Try(os.ReadFile(filepath.Join(root, "etc/ssl/certs/ca-certificates.crt")))(t)
	if n := strings.Count(string(certificates), "BEGIN CERTIFICATE"); n < 100 {
		t.Errorf("the image trusts %d authorities", n)
	}
}

// TestDockerfileMakesTheSameImage: who builds with Docker gets what a release has.
func TestDockerfileMakesTheSameImage(t *testing.T) {
	text := string(testkit.Try(os.ReadFile("../docker/Dockerfile"))(t))
	p := testkit.Try(products("../.."))(t)[0]
	quoted := func(words ...string) string { return `["` + strings.Join(words, `", "`) + `"]` }
	for instruction, want := range map[string]string{
		"USER": fmt.Sprintf("%d:%d", imageUser, imageUser), "VOLUME": p.Image.State, "EXPOSE": strings.Join(p.Image.Ports, " "),
		"ENTRYPOINT": quoted("/" + p.program()), "CMD": quoted(p.Image.Command...), "STOPSIGNAL": "SIGTERM",
	} {
		m := regexp.MustCompile(`(?m)^` + instruction + ` (.*)$`).FindStringSubmatch(text)
		if m == nil || m[1] != want {
			t.Errorf("%s of the Dockerfile is %q, the image of a release has %q", instruction, m, want)
		}
	}
}
