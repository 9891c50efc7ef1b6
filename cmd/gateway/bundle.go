package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"syslog-gateway/internal/cli"
	"syslog-gateway/internal/config"
	"syslog-gateway/internal/durable"
	"syslog-gateway/internal/preflight"
	"syslog-gateway/internal/printable"
	"syslog-gateway/internal/redact"
)

// The limits of a bundle, in bytes and seconds. The end of a log is kept, of all else the
// beginning.
const (
	maxBundlePart = 4 << 20
	maxBundleLog  = 1 << 20
	bundleTime    = 10 * time.Second // for what one part is asked of
)

func newBundle() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "support-bundle FILE",
		Short: "Write what support needs into one archive, without secrets",
		Long: `Writes FILE, a tar.gz archive for whoever is to help: the effective configuration, versions,
the kernel and its limits, what "gateway check --connect" says, status and metrics of the
running gateway, and the end of its log. What cannot be had is said in its place.

Tokens, passwords and hashes of the configuration are removed from all of it, in any encoding.
Addresses and names of hosts stay, and the log may have them, too: read it before you send it.
Run it as root; otherwise the log and the status may be missing.`,
		Example: "  sudo gateway support-bundle bundle.tar.gz",
		Args:    cobra.ExactArgs(1),
	}
	cmd.Flags().StringVarP(&file, "config", "c", defaultFile, "configuration file")
	cmd.RunE = cli.Does(func(cmd *cobra.Command, args []string) error {
		if _, err := os.Lstat(args[0]); !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s is there already: name a new file", args[0])
		}
		useCredentials(credentials) // what cannot be read cannot get into the bundle either
		c, err := config.Load(file, os.Environ(), cmd.Flags())
		b := bundle{file: file, config: c, wrong: err}
		if err != nil {
			b.config = config.Default()
		}
		b.know(os.Environ())
		archive, err := b.archive(cmd.Context(), time.Now())
		if err != nil {
			return err
		}
		if err := durable.WriteFile(args[0], archive, 0o600); err != nil {
			return fmt.Errorf("write the bundle: %w", err)
		}
		_, err = fmt.Fprintf(cmd.OutOrStdout(), "wrote %s; read it before you send it: addresses and names of hosts are in it\n", args[0])
		return err
	})
	return cmd
}

// bundle collects what support needs.
type bundle struct {
	file    string
	config  config.Config
	wrong   error // why the configuration cannot be used; config is then the default
	secrets redact.Secrets
}

// know learns all secrets of the configuration, so that they are found everywhere.
func (b *bundle) know(env []string) {
	c := b.config
	s := c.Stats
	for _, secret := range []redact.Secret{c.HEC.Token, s.Password, s.PasswordHash, s.AdminPassword, s.AdminPasswordHash} {
		b.secrets.Add(secret.Reveal())
	}
	// Where one of these cannot be read, it is not known to the gateway either.
	token, _ := c.Token(env)
	b.secrets.Add(token.Reveal())
	users, _ := c.StatsUsers(env)
	for _, u := range users {
		b.secrets.Add(u.Password.Reveal(), u.Hash.Reveal())
	}
	mask, _ := c.MaskSecret(env)
	b.secrets.Add(string(mask), strings.TrimSpace(string(mask)))
	b.knowOthers(env)
}

// knowOthers learns the secrets that are there and do not count: those of a variable or a file
// that another one goes before, and those of a file that cannot be used as a configuration.
func (b *bundle) knowOthers(env []string) {
	files := []string{b.config.HEC.TokenFile, b.config.Queue.JetStream.CredentialsFile}
	for _, v := range env {
		name, value, _ := strings.Cut(v, "=")
		switch upper := strings.ToUpper(name); {
		case name == "CREDENTIALS_DIRECTORY":
			found, _ := filepath.Glob(filepath.Join(value, "*")) // a folder with [ in its name has none
			files = append(files, found...)
		case name == config.TokenEnv, strings.HasPrefix(upper, config.EnvPrefix) && secretKey.MatchString(upper):
			b.secrets.Add(value)
		case strings.HasSuffix(upper, "_PROXY"):
			b.secrets.Add(userOfURL(value)...)
		}
	}
	b.secrets.Add(secretsIn(beginning(b.file))...)
	for _, file := range files {
		text := beginning(file)
		b.secrets.Add(strings.TrimSpace(text))
		for line := range strings.Lines(text) { // of a file with several, such as credentials of NATS
			if line = strings.TrimSpace(line); len(line) >= 20 && !strings.HasPrefix(line, "-") && !strings.Contains(line, " ") {
				b.secrets.Add(line)
			}
		}
	}
}

// maxFoundSecrets limits what is taken for a secret in a file that cannot be read as what it is.
const maxFoundSecrets = 20

var (
	secretKey   = regexp.MustCompile(`(?i)(?:TOKEN|PASSWORD(?:_HASH)?)$`)
	secretValue = regexp.MustCompile(`(?i)(?:token|password(?:_hash)?)["']?[ \t]*:[ \t]*([^ \t\r\n][^\r\n]*)`)
	urlUser     = regexp.MustCompile(`://([^\s/@]{1,256})@`)
)

// secretsIn returns what is a secret by its key in the text of a configuration, whether it can
// be read as one or not, and the users of URLs.
func secretsIn(text string) (found []string) {
	for _, m := range secretValue.FindAllStringSubmatch(text, maxFoundSecrets) {
		value := m[1]
		if quote := value[:1]; quote == `"` || quote == "'" {
			value, _, _ = strings.Cut(value[1:], quote)
		} else if strings.ContainsAny(value, "}#") || strings.Contains(value, ": ") { // others follow in this line
			value = strings.TrimRight(strings.Fields(value)[0], ",}")
		}
		found = append(found, strings.TrimSpace(value))
	}
	return append(found, userOfURL(text)...)
}

// userOfURL returns users and passwords of the URLs in a text.
func userOfURL(text string) (found []string) {
	for _, m := range urlUser.FindAllStringSubmatch(text, maxFoundSecrets) {
		_, password, _ := strings.Cut(m[1], ":")
		found = append(found, m[1], password)
	}
	return found
}

// beginning returns the beginning of a file; nothing if it cannot be read.
func beginning(name string) string {
	info, err := os.Stat(name)
	if err != nil || !info.Mode().IsRegular() { // opening a pipe would wait
		return ""
	}
	f, err := os.Open(name)
	if err != nil {
		return ""
	}
	defer f.Close()
	text, _ := io.ReadAll(io.LimitReader(f, 64<<10)) // what could be read may have a secret
	return string(text)
}

// part is one file of the bundle.
type part struct {
	name, about string
	text        func(ctx context.Context) (string, error)
}

func (b *bundle) parts() []part {
	return []part{
		{"version.txt", "the program and the libraries in it", b.version},
		{"config.yaml", "the effective configuration, without secrets", b.effective},
		{"environment.txt", "names of the variables that set keys here", environment},
		{"check.txt", "what gateway check --connect says", b.check},
		{"system.txt", "kernel, limits, memory, network counters", system},
		{"unit.txt", "the systemd unit", unit},
		{"status.json", "state of the running gateway", b.asked("/api/v1/status")},
		{"ready.txt", "whether it is ready", b.asked("/readyz")},
		{"classes.json", "volume by class, and the packs", b.asked("/api/v1/classes")},
		{"metrics.txt", "its metrics", b.asked("/metrics")},
		{"log.txt", "the end of its log", journal},
	}
}

// archive returns the bundle as a compressed tar.
func (b *bundle) archive(ctx context.Context, now time.Time) ([]byte, error) {
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	w := tar.NewWriter(zip)
	add := func(name, text string) error {
		text = b.secrets.All(text)
		err := w.WriteHeader(&tar.Header{Name: "syslog-gateway/" + name, Mode: 0o600, Size: int64(len(text)), ModTime: now, Typeflag: tar.TypeReg})
		if err == nil {
			_, err = io.WriteString(w, text)
		}
		return err
	}
	contents := fmt.Sprintf("Support bundle of the syslog gateway, %s. Secrets of the configuration are removed; addresses and names are not.\n\n", now.UTC().Format(time.RFC3339))
	for _, p := range b.parts() {
		text, err := p.collect(ctx)
		note := p.about
		if err != nil {
			note += "; incomplete: " + printable.Fold(err.Error())
			text += "\nincomplete: " + err.Error() + "\n"
		}
		contents += fmt.Sprintf("%-16s %s\n", p.name, note)
		if err := add(p.name, text); err != nil {
			return nil, fmt.Errorf("make the bundle: %w", err)
		}
	}
	if err := errors.Join(add("README.txt", contents), w.Close(), zip.Close()); err != nil {
		return nil, fmt.Errorf("make the bundle: %w", err)
	}
	return out.Bytes(), nil
}

// collect returns the text of a part within its limits.
func (p part) collect(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, bundleTime)
	defer cancel()
	text, err := p.text(ctx)
	if len(text) > maxBundlePart {
		text, err = text[:maxBundlePart], errors.Join(err, fmt.Errorf("cut after %d MiB", maxBundlePart>>20))
	}
	return text, err
}

func (b *bundle) version(context.Context) (string, error) {
	text := fmt.Sprintf("%s%d CPUs\n\n", cli.ThisBuild().Text("syslog-gateway"), runtime.NumCPU())
	if info, ok := debug.ReadBuildInfo(); ok {
		text += info.String()
	}
	return text, nil
}

func (b *bundle) effective(context.Context) (string, error) {
	if b.wrong != nil {
		return "", b.wrong
	}
	text, err := b.config.YAML()
	return string(text), err
}

// environment lists the variables that set keys, without their values.
func environment(context.Context) (string, error) {
	var names []string
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		if strings.HasPrefix(name, config.EnvPrefix) || name == config.TokenEnv || strings.HasSuffix(strings.ToUpper(name), "_PROXY") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return strings.Join(names, "\n") + "\n", nil
}

func (b *bundle) check(ctx context.Context) (string, error) {
	if b.wrong != nil {
		return "", b.wrong
	}
	var out bytes.Buffer
	cmd := &cobra.Command{}
	cmd.SetContext(ctx)
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	if err := joinOnce(checkConfig(cmd, b.config), report(&out, preflight.Run(ctx, connectChecks(ctx, b.file, b.config, false)))); err != nil {
		fmt.Fprintln(&out, err) // a finding, not a part that is incomplete
	}
	return out.String(), nil
}

// system is what the kernel says of itself.
func system(context.Context) (string, error) {
	var b strings.Builder
	for _, file := range []string{
		"/proc/version", "/etc/os-release", "/proc/uptime", "/proc/loadavg", "/proc/meminfo", "/proc/self/limits", "/proc/self/cgroup",
		"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/cpu.max", "/proc/sys/net/core/rmem_max", "/proc/sys/net/core/rmem_default",
		"/proc/sys/net/core/somaxconn", "/proc/sys/net/core/netdev_max_backlog", "/proc/sys/net/ipv4/udp_mem",
		"/proc/net/snmp", "/proc/net/softnet_stat", "/proc/net/sockstat",
	} {
		data, err := os.ReadFile(file)
		if err != nil {
			data = []byte(err.Error())
		}
		fmt.Fprintf(&b, "# %s\n%s\n\n", file, bytes.TrimSpace(data[:min(len(data), 64<<10)]))
	}
	return b.String(), nil
}

// unit has no properties that may hold secrets, such as Environment.
func unit(ctx context.Context) (string, error) {
	return output(ctx, maxBundlePart, "systemctl", "show", "syslog-gateway.service", "-p",
		"LoadState,ActiveState,SubState,Result,NRestarts,ExecMainStartTimestamp,ExecMainStatus,StatusText,User,FragmentPath,DropInPaths,LimitNOFILE,ReadWritePaths,MemoryCurrent,MemoryMax,TasksCurrent")
}

func journal(ctx context.Context) (string, error) {
	return output(ctx, maxBundleLog, "journalctl", "-u", "syslog-gateway", "-n", "10000", "--no-pager", "-o", "short-iso-precise")
}

// output is the end of what a program prints, at most so many bytes of it.
func output(ctx context.Context, most int, name string, args ...string) (string, error) {
	last := tail{most: most}
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdout, cmd.Stderr = &last, &last
	cmd.WaitDelay = time.Second // for what it has started itself
	if err := cmd.Run(); err != nil {
		return last.text(), fmt.Errorf("%s: %w", name, err)
	}
	return last.text(), nil
}

// tail keeps the end of what is written to it.
type tail struct {
	most int
	data []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.data = append(t.data, p...)
	if over := len(t.data) - 2*t.most; over > 0 {
		t.data = append(t.data[:0], t.data[len(t.data)-t.most:]...)
	}
	return len(p), nil
}

func (t *tail) text() string { return string(t.data[max(0, len(t.data)-t.most):]) }

// asked returns a part that the running gateway answers.
func (b *bundle) asked(path string) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		a, err := newAsker(ctx, b.config, "")
		if err != nil {
			return "", err
		}
		defer a.close()
		answer, err := a.get(ctx, path, nil, http.StatusServiceUnavailable)
		if err != nil {
			return "", err
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(io.LimitReader(answer.Body, maxBundlePart+1))
		return string(text), err
	}
}
