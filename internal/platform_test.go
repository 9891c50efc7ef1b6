package internal_test

import (
	"bytes"
	"go/build/constraint"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// platformFiles are the files with a build tag or a platform in their names, with the
// reason. Everything else has to build on Linux, macOS and Windows. A new one is a
// decision.
var platformFiles = map[string]string{
	"bench/loadgen/datagrams_linux.go":            "sendmmsg",
	"bench/peers_test.go":                         "tag nightly: downloads Debian packages",
	"bench/runner/proc_linux.go":                  "/proc",
	"cmd/gateway/queue_linux_test.go":             "runs the gateway",
	"cmd/gateway/tap_linux_test.go":               "runs the gateway",
	"cmd/gateway/rate_race_test.go":               "the race detector is on",
	"cmd/gateway/rate_test.go":                    "the race detector is off",
	"cmd/gateway/cluster_commands_linux_test.go":  "runs the gateway",
	"cmd/gateway/cluster_linux_test.go":           "runs the gateway",
	"cmd/gateway/commands_linux_test.go":          "runs the gateway",
	"cmd/gateway/bundle_linux_test.go":            "runs the gateway",
	"cmd/gateway/connect_linux_test.go":           "runs the gateway",
	"cmd/gateway/import_hostile_linux_test.go":    "measures the memory of the gateway",
	"cmd/gateway/import_run_linux_test.go":        "runs the gateway",
	"cmd/gateway/corpus_exceptions_linux_test.go": "runs the gateway",
	"cmd/gateway/rules_load_linux_test.go":        "runs the gateway",
	"cmd/gateway/rules_page_linux_test.go":        "runs the gateway",
	"cmd/gateway/rules_model_linux_test.go":       "runs the gateway",
	"cmd/gateway/rules_nightly_linux_test.go":     "the load of rules of make nightly",
	"cmd/gateway/rules_short_linux_test.go":       "the load of rules of make test",
	"cmd/gateway/corpus_linux_test.go":            "runs the gateway",
	"cmd/gateway/delivery_linux_test.go":          "runs the gateway",
	"cmd/gateway/enrich_linux_test.go":            "runs the gateway",
	"cmd/gateway/handover_linux_test.go":          "runs the gateway",
	"cmd/gateway/desk_linux_test.go":              "runs the gateway",
	"cmd/gateway/health_linux_test.go":            "runs the gateway",
	"cmd/gateway/operate_linux_test.go":           "runs the gateway",
	"cmd/gateway/owner_linux_test.go":             "runs the gateway",
	"cmd/gateway/packs_reload_linux_test.go":      "runs the gateway",
	"cmd/gateway/process_linux_test.go":           "runs the gateway",
	"cmd/gateway/proxy_linux_test.go":             "runs the gateway",
	"cmd/gateway/proxyprotocol_linux_test.go":     "runs the gateway",
	"cmd/gateway/relays_linux_test.go":            "runs the gateway",
	"cmd/gateway/relp_linux_test.go":              "runs the gateway",
	"cmd/gateway/readme_linux_test.go":            "runs the gateway",
	"cmd/gateway/senders_linux_test.go":           "runs the gateway",
	"cmd/gateway/shards_linux_test.go":            "runs the gateway",
	"cmd/gateway/tls_linux_test.go":               "runs the gateway",
	"cmd/provision/certbot_linux_test.go":         "runs certbot in a network namespace of its own",
	"cmd/gateway/dev_linux.go":                    "of run",
	"cmd/gateway/run_linux.go":                    "the running gateway",
	"cmd/gateway/run_other.go":                    "says that it needs Linux",
	"cmd/provision/powerloss_linux_test.go":       "mounts a disk with FUSE",
	"internal/owner/owner_linux.go":               "users of files and processes",
	"internal/owner/owner_other.go":               "nothing where no service runs",
	"internal/service/operate.go":                 "the running gateway",
	"internal/service/reload.go":                  "the running gateway",
	"internal/service/reload_test.go":             "the running gateway",
	"internal/service/report.go":                  "the running gateway",
	"internal/service/run.go":                     "the running gateway",
	"internal/service/serve.go":                   "the running gateway",
	"internal/service/service.go":                 "the running gateway",
	"internal/service/status.go":                  "the running gateway",
	"internal/service/watch.go":                   "the running gateway",
	"internal/stats/control/socket_linux.go":      "SO_PEERCRED, O_PATH",
	"internal/stats/control/socket_other.go":      "the same where no gateway runs",
	"internal/systemd/clock_unix.go":              "CLOCK_MONOTONIC",
	"internal/systemd/clock_windows.go":           "nothing where there is no systemd",
	"cmd/provision/colours_other.go":              "terminals always interpret colours",
	"cmd/provision/colours_windows.go":            "a console has to be told to",
	"deploy/lxc/ansible_test.go":                  "tag lxc: needs LXC",
	"deploy/lxc/container_test.go":                "tag lxc: needs LXC",
	"deploy/lxc/estate_test.go":                   "tag lxc: needs LXC",
	"deploy/lxc/load_test.go":                     "tag lxc: needs LXC",
	"deploy/lxc/lxc_test.go":                      "tag lxc: needs LXC",
	"deploy/lxc/package_test.go":                  "tag lxc: needs LXC",
	"internal/config/hosts_unix_test.go":          "named pipes",
	"internal/deflate/word.go":                    "loads without bounds checks",
	"internal/deflate/word_checked.go":            "the same with checks, for purego and other processors",
	"internal/body/commas_amd64.go":               "AVX2",
	"internal/body/commas_words.go":               "without it",
	"internal/event/string_amd64.go":              "AVX2",
	"internal/event/string_other.go":              "without it",
	"internal/syslog/trailer_amd64.go":            "AVX2",
	"internal/syslog/trailer_bytes.go":            "without it",
	"internal/durable/sync_unix.go":               "fsync of folders, flock",
	"internal/durable/sync_windows.go":            "the same on Windows",
	"internal/infra/state/process_unix.go":        "whether a process lives; opening without following links",
	"internal/infra/state/process_windows.go":     "the same on Windows",
	"internal/preflight/files_linux_test.go":      "users of files",
	"internal/preflight/system_linux.go":          "free space; the user of a thread",
	"internal/preflight/system_other.go":          "nothing where no gateway runs",
	"internal/queue/disk_linux.go":                "fdatasync, free space",
	"internal/queue/disk_other.go":                "the same where no gateway runs",
	"internal/queue/start_linux_test.go":          "mount namespaces",
	"internal/listener/udp/kernel_linux.go":       "what the kernel says of a socket",
	"internal/listener/udp/recvmmsg_linux.go":     "recvmmsg",
	"internal/listener/udp/group_linux.go":        "SO_REUSEPORT",
	"internal/listener/udp/socket_linux.go":       "reads by recvmmsg",
	"internal/listener/udp/loop_linux.go":         "epoll",
}

// platforms are the suffixes of file names that go/build knows and that could be used
// here.
var platforms = []string{"linux", "darwin", "windows", "freebsd", "openbsd", "netbsd", "amd64", "arm64", "386", "arm", "riscv64", "s390x"}

func TestPlatformFilesAreListed(t *testing.T) {
	found := make(map[string]bool)
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "bin" || d.Name() == "testdata" || path != ".." && strings.HasPrefix(d.Name(), ".")) {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") {
			return nil
		}
		tagged, err := hasBuildTag(path)
		if tagged || hasPlatformName(d.Name()) {
			found[filepath.ToSlash(strings.TrimPrefix(path, ".."+string(filepath.Separator)))] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range slices.Sorted(maps.Keys(found)) {
		if platformFiles[path] == "" {
			t.Errorf("%s has a build tag or a platform in its name: avoid that, or add it to platformFiles with the reason", path)
		}
	}
	for path := range platformFiles {
		if !found[path] {
			t.Errorf("%s is listed, but there is no such file", path)
		}
	}
}

// hasPlatformName says whether a file is chosen by its name, as in x_linux.go and
// x_linux_amd64_test.go.
func hasPlatformName(name string) bool {
	parts := strings.Split(strings.TrimSuffix(strings.TrimSuffix(name, ".go"), "_test"), "_")
	return len(parts) > 1 && slices.Contains(platforms, parts[len(parts)-1])
}

func hasBuildTag(path string) (bool, error) {
	text, err := os.ReadFile(path)
	for line := range bytes.Lines(text) {
		if bytes.HasPrefix(line, []byte("package ")) {
			break
		}
		if constraint.IsGoBuild(strings.TrimSpace(string(line))) {
			return true, err
		}
	}
	return false, err
}
