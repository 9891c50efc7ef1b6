package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"syslog-gateway/internal/certificate"
	"syslog-gateway/internal/config"
	"syslog-gateway/internal/jetstream"
	"syslog-gateway/internal/preflight"
	"syslog-gateway/internal/printable"
	"syslog-gateway/internal/splunk"
	"syslog-gateway/internal/stats/control"
	"syslog-gateway/internal/wiring"
)

// connectOptions are the flags of `gateway check` that go beyond the configuration.
type connectOptions struct {
	connect, sendEvents bool
}

func (o *connectOptions) flags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&o.connect, "connect", false, "also check this machine and the way to Splunk; sends no event")
	cmd.Flags().BoolVar(&o.sendEvents, "send-events", false, "with --connect: send one event to each index, to see whether the token may write there")
}

// unconnected says what a check without --connect leaves out.
const unconnected = "not checked: ports, limits of the kernel, rights of the service's user, room on the disk, and of the endpoints " +
	"name, TLS, health, token, indexes, acknowledgement and clock; gateway check --connect checks them"

// credentials is the folder out of which the systemd unit loads its credentials.
const credentials = "/etc/syslog-gateway"

// useCredentials lets a verb that somebody runs by hand read the credentials that systemd
// gives to the service, if this user may. They count as under systemd. It returns what to say
// when the token is there and may not be read.
func useCredentials(folder string) (note string) {
	const variable = "CREDENTIALS_DIRECTORY"
	if os.Getenv(variable) != "" {
		return ""
	}
	token := filepath.Join(folder, "hec_token")
	f, err := os.Open(token)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return fmt.Sprintf("note: %s may only be read by root; run this with sudo to use it", token)
	case err != nil:
		return ""
	}
	f.Close()
	if err := os.Setenv(variable, folder); err != nil {
		return err.Error()
	}
	return ""
}

// connectChecks are the checks of --connect for the configuration that was read from file. Who reaches something else adds a check here.
func connectChecks(ctx context.Context, file string, c config.Config, sendEvents bool) []preflight.Check {
	service := systemdService(ctx)
	limits := preflight.Limits{OpenFiles: service.OpenFiles}
	for _, s := range c.Sources {
		if slices.Contains(s.Protocols, "udp") {
			limits.ReceiveBuffer = max(limits.ReceiveBuffer, int64(s.ReceiveBuffer))
		}
		if len(s.Protocols) > 1 || !slices.Contains(s.Protocols, "udp") {
			limits.Connections += s.MaxConnections
		}
	}
	checks := []preflight.Check{
		preflight.Ports(portsOf(c), answers(ctx, c), service.Installed),
		preflight.Kernel(limits),
		preflight.Files(service, readFiles(file, c), []preflight.Path{{Key: "queue.path", Path: c.Queue.Path}, {Key: "dead_letter.path", Path: c.DeadLetter.Path}}),
		preflight.Disk(preflight.Room{Path: c.Queue.Path, MaxSize: int64(c.Queue.MaxSize), MinFree: int64(c.Queue.MinFree)}),
	}
	checks = append(checks, endpointChecks(c, sendEvents)...)
	return append(checks, func(ctx context.Context) []preflight.Finding { return clusterFindings(ctx, c) })
}

// clusterFindings is what is wrong with the servers of queue.jetstream.
func clusterFindings(ctx context.Context, c config.Config) (found []preflight.Finding) {
	say := func(result preflight.Result, text string) {
		found = append(found, preflight.Finding{Name: "cluster", Result: result, Text: printable.Dots(text)})
	}
	if !c.Queue.Clustered() {
		say(preflight.OK, "none, since queue.kind is disk")
		return found
	}
	o, err := wiring.Cluster(c, os.Environ(), certificate.New(slog.New(slog.DiscardHandler)))
	if err != nil {
		say(preflight.Failed, err.Error())
		return found
	}
	seen := jetstream.Check(ctx, o, int64(c.Batch.MaxBytes))
	for _, w := range seen.Warnings {
		say(preflight.Warning, w)
	}
	for _, r := range seen.Refused {
		say(preflight.Failed, "it cannot be used as it is: "+r)
	}
	if len(seen.Refused) == 0 {
		say(preflight.OK, fmt.Sprintf("%s, %d streams, %d replicas", count(seen.Servers, "server"), o.Streams, o.Replicas))
	}
	return found
}

func endpointChecks(c config.Config, sendEvents bool) []preflight.Check {
	failed := func(err error) []preflight.Check {
		return []preflight.Check{func(context.Context) []preflight.Finding {
			return []preflight.Finding{{Name: "endpoints", Result: preflight.NotChecked, Text: err.Error()}}
		}}
	}
	// A token that is missing is a problem of the configuration, which is reported as such.
	token, _ := c.Token(os.Environ())
	o, err := wiring.HEC(c, token.Reveal(), certificate.New(slog.New(slog.DiscardHandler)))
	if err != nil {
		return failed(err)
	}
	if o.Roots != nil {
		o.TLS.RootCAs = o.Roots()
	}
	return preflight.HEC{
		Endpoints: c.HEC.Endpoints, Token: token.Reveal(), TLS: o.TLS, CAFile: c.HEC.TLS.CAFile,
		Ack: c.HEC.Ack.Enabled, Indexes: indexesOf(c), SendEvents: sendEvents,
	}.Checks()
}

// report prints the findings. The error says how many have failed.
func report(out io.Writer, found []preflight.Finding) error {
	failed := 0
	for _, f := range found {
		if f.Result == preflight.Failed {
			failed++
		}
		fmt.Fprintf(out, "%-12s %s: %s\n", f.Result, f.Name, f.Text)
	}
	if failed > 0 {
		return fmt.Errorf("%s of --connect failed", count(failed, "check"))
	}
	return nil
}

// portsOf returns the ports that the gateway listens on, in the order of the sources' names.
func portsOf(c config.Config) (ports []preflight.Port) {
	for _, name := range slices.Sorted(maps.Keys(c.Sources)) {
		s := c.Sources[name]
		address := net.JoinHostPort(s.Address, strconv.Itoa(s.Port))
		networks := make(map[string]bool)
		for _, protocol := range s.Protocols {
			networks[map[bool]string{true: "udp", false: "tcp"}[protocol == "udp"]] = true
		}
		for _, network := range slices.Sorted(maps.Keys(networks)) {
			ports = append(ports, preflight.Port{Key: "sources." + name + ".port", Network: network, Address: address})
		}
	}
	return append(ports, preflight.Port{Key: "stats.listen", Network: "tcp", Address: c.Stats.Listen})
}

// readFiles are the files of the configuration that the service reads itself. Those that
// systemd reads for it are not among them.
func readFiles(file string, c config.Config) (files []preflight.Path) {
	add := func(key, path string) { files = append(files, preflight.Path{Key: key, Path: path}) }
	addTLS := func(key string, t config.ServerTLS) {
		if !t.On() {
			return
		}
		add(key+".cert_file", t.CertFile)
		add(key+".key_file", t.KeyFile)
		for _, pair := range t.Certificates {
			add(key+".certificates", pair.CertFile)
			add(key+".certificates", pair.KeyFile)
		}
		add(key+".client_ca_file", t.ClientCAFile)
		add(key+".crl_file", t.CRLFile)
	}
	add("configuration", file)
	for _, name := range slices.Sorted(maps.Keys(c.Sources)) {
		addTLS("sources."+name+".tls", c.Sources[name].TLS)
	}
	addTLS("stats.tls", c.Stats.TLS)
	add("hec.tls.ca_file", c.HEC.TLS.CAFile)
	add("hec.token_file", c.HEC.TokenFile)
	add("metadata.hosts_file", c.Metadata.HostsFile)
	add("packs.mask_secret_file", c.Packs.MaskSecretFile)
	if _, err := os.Stat(c.Packs.Folder); err == nil { // it need not exist
		add("packs.folder", c.Packs.Folder)
		packs, _ := filepath.Glob(filepath.Join(c.Packs.Folder, "*.yaml")) // a folder with [ in its name has none
		for _, pack := range packs {
			add("packs.folder", pack)
		}
	}
	return files
}

// indexesOf returns the indexes that events of the sources may go to, sorted. "" is the
// token's default. Those of rules are among them where they are fixed names.
func indexesOf(c config.Config) []string {
	sources, err := wiring.Sources(c)
	if err != nil {
		return nil // reported as a problem of the configuration
	}
	found := make(map[string]bool)
	for _, s := range sources {
		info := splunk.SourceInfo{Vendor: s.Config.Vendor, Port: s.Config.Port, Index: s.Config.Index, Sourcetype: s.Config.Sourcetype, Packs: s.Config.Packs}
		for _, class := range s.Settings.Parser.Classes() {
			found[s.Settings.Profile.Metadata(class, info).Index] = true
		}
	}
	if c.HEC.FallbackIndex != "" {
		found[c.HEC.FallbackIndex] = true
	}
	if c.Stats.ToSplunk {
		found[c.Stats.SplunkIndex] = true
	}
	return slices.Sorted(maps.Keys(found))
}

// answers reports whether a gateway of this configuration runs.
func answers(ctx context.Context, c config.Config) bool {
	conn, err := control.Dial(ctx, wiring.SocketPath(c))
	if err != nil {
		return errors.Is(err, fs.ErrPermission) // another user's
	}
	conn.Close()
	return true
}

// unitTime limits the question to systemd.
const unitTime = time.Second

// systemdService asks systemd what the unit of the packages gives to the service.
func systemdService(ctx context.Context) preflight.Service {
	ctx, cancel := context.WithTimeout(ctx, unitTime)
	defer cancel()
	// Without systemd there is no answer, and no unit.
	text, err := exec.CommandContext(ctx, "systemctl", "show", "syslog-gateway.service", "-p", "LoadState,User,LimitNOFILE,ReadWritePaths").Output()
	if err != nil {
		return preflight.Service{}
	}
	return parseUnit(string(text))
}

// parseUnit reads the answer of systemctl show: KEY=VALUE in lines.
func parseUnit(text string) (s preflight.Service) {
	values := make(map[string]string)
	for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
		key, value, _ := strings.Cut(lines.Text(), "=")
		values[key] = value
	}
	if values["LoadState"] != "loaded" {
		return s
	}
	s.Installed = true
	s.OpenFiles, _ = strconv.ParseInt(values["LimitNOFILE"], 10, 64) // 0 for infinity
	s.Writable = strings.Fields(values["ReadWritePaths"])
	u, err := user.Lookup(values["User"])
	if err != nil && values["User"] != "" {
		s.Missing = values["User"]
	}
	if err == nil {
		s.User.Name = u.Username
		s.User.UID, _ = strconv.Atoi(u.Uid)
		groups, _ := u.GroupIds()
		for _, g := range append([]string{u.Gid}, groups...) {
			if n, err := strconv.Atoi(g); err == nil {
				s.User.Groups = append(s.User.Groups, n)
			}
		}
	}
	return s
}
