package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"syslog-gateway/internal/certificate"
	"syslog-gateway/internal/redact"
)

// TokenEnv is the environment variable that holds the HEC token.
const TokenEnv = "SPLUNK_HEC_TOKEN"

// credential is the name of the systemd credential that holds the HEC token.
const credential = "hec_token"

// Check validates the configuration and then what it refers to on this machine: the
// HEC token, the passwords, the hosts file, the files of all TLS sections, and whether
// the directories of the queue and the dead letters are writable. It leaves nothing
// behind. The error joins all problems.
func (c Config) Check() error { return c.check(os.Environ()) }

func (c Config) check(env []string) error {
	ps := c.problems()
	if _, err := c.Token(env); err != nil {
		ps.add(keyPath{}, "%v", err)
	}
	if _, err := c.StatsUsers(env); err != nil {
		ps.add(keyPath{}, "%v", err)
	}
	for _, name := range sortedKeys(c.Sources) {
		if s := c.Sources[name]; len(s.encrypted()) > 0 {
			ps.checkTLS(at("sources", name, "tls"), s.TLS)
		}
	}
	ps.checkTLS(at("stats", "tls"), c.Stats.TLS)
	if _, err := c.Metadata.Hosts(); err != nil {
		ps.add(at("metadata", "hosts_file"), "%v", err)
	}
	if err := (certificate.Files{CAFile: c.HEC.TLS.CAFile}).Check(); err != nil {
		ps.add(at("hec", "tls"), "%v", err)
	}
	if c.Queue.Clustered() {
		if err := c.Queue.JetStream.TLS.Files().Check(); err != nil {
			ps.add(at("queue", "jetstream", "tls"), "%v", err)
		}
		if _, err := c.QueueCredentials(env); err != nil {
			ps.add(keyPath{}, "%v", err)
		}
	}
	ps.checkWritable(at("queue", "path"), c.Queue.Path)
	ps.checkWritable(at("dead_letter", "path"), c.DeadLetter.Path)
	return ps.err()
}

func (ps *problems) checkTLS(p keyPath, t ServerTLS) {
	if t.problem() != "" {
		return // Validate reports it where it is wrong
	}
	if err := t.Files().Check(); err != nil {
		ps.add(p, "%v", err)
	}
}

// checkWritable creates and removes a file in the directory, or in its nearest parent
// that exists. It does not create the directory, which would then belong to the user
// who runs the check, often root. A full file system is not reported: the gateway can
// start there, deliver, and so free space.
func (ps *problems) checkWritable(p keyPath, dir string) {
	if dir == "" {
		return
	}
	for {
		info, err := os.Stat(dir)
		switch {
		case err == nil && !info.IsDir():
			ps.add(p, "%s is not a directory", display(dir))
			return
		case err == nil:
			if err := tryWrite(dir); err != nil && !errors.Is(err, syscall.ENOSPC) && !errors.Is(err, syscall.EDQUOT) {
				ps.add(p, "%s is not writable for this user (%v); the service runs as syslog-gateway", display(dir), cause(err))
			}
			return
		case !errors.Is(err, fs.ErrNotExist) || dir == filepath.Dir(dir):
			ps.add(p, "%s cannot be checked: %v", display(dir), cause(err))
			return
		}
		dir = filepath.Dir(filepath.Clean(dir))
	}
}

func tryWrite(dir string) error {
	f, err := os.CreateTemp(dir, ".gateway-check-*.tmp")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// cause returns the error of the system without the path.
func cause(err error) error {
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		return pathError.Err
	}
	return err
}

// Token returns the HEC token from the first of these that exists:
//
//  1. SPLUNK_HEC_TOKEN in the environment
//  2. the file that hec.token_file names
//  3. the systemd credential hec_token ($CREDENTIALS_DIRECTORY/hec_token)
//  4. hec.token: also GATEWAY_HEC__TOKEN
//
// An empty variable or credential counts as missing. A token_file that is empty or
// cannot be read is an error. No error shows a token.
func (c Config) Token(env []string) (redact.Secret, error) {
	if v := strings.TrimSpace(lookupEnv(env, TokenEnv)); v != "" {
		return usable(redact.Secret(v), TokenEnv)
	}
	if path := c.HEC.TokenFile; path != "" {
		data, err := os.ReadFile(path)
		if err != nil {
			return "", fmt.Errorf("hec.token_file: read %s: %w", path, cause(err))
		}
		token := redact.Secret(strings.TrimSpace(string(data)))
		if token == "" {
			return "", fmt.Errorf("hec.token_file: %s is empty; write the HEC token into it", path)
		}
		return usable(token, "hec.token_file: "+path)
	}
	if dir := lookupEnv(env, "CREDENTIALS_DIRECTORY"); dir != "" {
		path := filepath.Join(dir, credential)
		data, err := os.ReadFile(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("systemd credential %s: read %s: %w", credential, path, cause(err))
		}
		if token := redact.Secret(strings.TrimSpace(string(data))); token != "" {
			return usable(token, "systemd credential "+credential)
		}
	}
	if c.HEC.Token != "" {
		return usable(c.HEC.Token, "hec.token")
	}
	return "", fmt.Errorf("hec.token: there is no HEC token; give it by the variable %s, by hec.token_file, "+
		"by the systemd credential %s (LoadCredential=%s:/etc/syslog-gateway/hec_token in the unit), or by hec.token",
		TokenEnv, credential, credential)
}

// usable returns the token, or an error if it cannot be one: it becomes part of an HTTP
// header, where white space would break every request.
func usable(token redact.Secret, from string) (redact.Secret, error) {
	if isPlaceholder(token) {
		return "", fmt.Errorf("%s: is the placeholder that `gateway config` prints; put the HEC token there", from)
	}
	if wrong := secret("").check(token); wrong != "" {
		return "", fmt.Errorf("%s: the HEC token %s; write the token alone, without the word Splunk", from, wrong)
	}
	return token, nil
}

// isPlaceholder reports whether a secret is what `gateway config` prints instead of it:
// its output was used as a configuration.
func isPlaceholder(s redact.Secret) bool { return s == redact.Placeholder }

// lookupEnv returns the value of a variable; if it is set more than once, the last one.
func lookupEnv(env []string, name string) string {
	for _, kv := range slices.Backward(env) {
		if v, ok := strings.CutPrefix(kv, name+"="); ok {
			return v
		}
	}
	return ""
}
