package peers

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// ErrMissing says that a peer cannot be had on this machine; the text says why.
var ErrMissing = errors.New("not to be had here")

// Site is where a peer is to run.
type Site struct {
	Dir   string // its own, empty
	Ports []int  // each takes syslog on 127.0.0.1 by UDP and TCP
	HEC   string // base URL of the endpoint
	Token string
	Lines int // port on 127.0.0.1 that takes syslog streams
}

// Peer is another program that takes syslog.
type Peer struct {
	Name  string
	About string // how it keeps and delivers what it takes
	// prepare makes the program ready in the folder cache, which is kept.
	prepare func(ctx context.Context, cache string) (*Program, error)
}

// Program is a peer that can be started.
type Program struct {
	Version string
	// command writes the configuration into the site's folder.
	command func(s Site) (Command, error)
}

// Command is how a peer is started for one run.
type Command struct {
	Path   string
	Args   []string
	Env    []string
	Config string // its text, for the report
}

// All are the peers, by name.
func All() []Peer {
	return []Peer{haproxy(), otelcol(), rsyslog(), syslogNG()}
}

// Find returns the named peers; "all" is all.
func Find(names []string) ([]Peer, error) {
	all := All()
	var known []string
	for _, p := range all {
		known = append(known, p.Name)
	}
	var found []Peer
	for _, name := range names {
		i := slices.Index(known, name)
		switch {
		case name == "all":
			found = append(found, all...)
		case i >= 0:
			found = append(found, all[i])
		default:
			return nil, fmt.Errorf("peer %q is unknown: use all or one of %s", name, strings.Join(known, ", "))
		}
	}
	return found, nil
}

// Prepare makes the program ready. It unpacks or builds into the folder cache what is not
// there yet; an error that is ErrMissing is a reason to go on without this peer.
func (p Peer) Prepare(ctx context.Context, cache string) (*Program, error) {
	dir := filepath.Join(cache, p.Name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make the folder of %s: %w", p.Name, err)
	}
	prog, err := p.prepare(ctx, dir)
	if err != nil {
		return nil, fmt.Errorf("peer %s: %w", p.Name, err)
	}
	return prog, nil
}

// Command writes the configuration for a run and says how to start it.
func (p *Program) Command(s Site) (Command, error) { return p.command(s) }

// perPort is a part of a configuration for each port, with {port} as its placeholder.
func (s Site) perPort(text string) string {
	var b strings.Builder
	for _, port := range s.Ports {
		b.WriteString(strings.ReplaceAll(text, "{port}", strconv.Itoa(port)))
	}
	return b.String()
}

// writeConfig puts a configuration into the site's folder.
func (s Site) writeConfig(name, text string) (string, error) {
	path := filepath.Join(s.Dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return "", fmt.Errorf("write the configuration of a peer: %w", err)
	}
	return path, nil
}

// missing makes an error of why a peer cannot be had.
func missing(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrMissing, fmt.Errorf(format, args...))
}

// firstLine runs a program for its version.
func firstLine(ctx context.Context, env []string, path string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	line, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	if err != nil {
		return "", missing("%s does not run: %w: %s", path, err, line)
	}
	return line, nil
}
