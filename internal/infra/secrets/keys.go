package secrets

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"filippo.io/age"
	"filippo.io/age/agessh"
	"golang.org/x/crypto/ssh"
)

// commandLimit is how long a key command, or sops, may take.
const commandLimit = 2 * time.Minute

// keyring is what was found, and where it was searched for.
type keyring struct {
	identities []age.Identity
	searched   []string
	notes      []string // what was found and cannot be used
	plugins    bool     // keys of age plugins are among what was found
}

// collectKeys gathers the keys from all places. A place that was named by a variable
// and cannot be read is an error; one that SOPS only tries is not.
func collectKeys(ctx context.Context, o Options) (keyring, error) {
	var ring keyring
	for _, add := range []func(context.Context, Options) error{ring.addVariable, ring.addFile, ring.addCommand, ring.addDefault, ring.addSSH} {
		if err := add(ctx, o); err != nil {
			return keyring{}, err
		}
	}
	return ring, nil
}

func (k *keyring) addVariable(_ context.Context, o Options) error {
	k.searched = append(k.searched, "SOPS_AGE_KEY")
	return k.addAge(o.env("SOPS_AGE_KEY"), "SOPS_AGE_KEY")
}

func (k *keyring) addFile(_ context.Context, o Options) error {
	path := o.env("SOPS_AGE_KEY_FILE")
	if path == "" {
		k.searched = append(k.searched, "SOPS_AGE_KEY_FILE")
		return nil
	}
	k.searched = append(k.searched, path)
	data, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("SOPS_AGE_KEY_FILE: %w", err)
	}
	return k.addAge(string(data), "SOPS_AGE_KEY_FILE "+path)
}

func (k *keyring) addCommand(ctx context.Context, o Options) error {
	k.searched = append(k.searched, "SOPS_AGE_KEY_CMD")
	out, err := runKeyCommand(ctx, o.env("SOPS_AGE_KEY_CMD"), "SOPS_AGE_KEY_CMD")
	if err != nil {
		return err
	}
	return k.addAge(out, "SOPS_AGE_KEY_CMD")
}

func (k *keyring) addDefault(_ context.Context, o Options) error {
	dir := o.env("XDG_CONFIG_HOME")
	if dir == "" {
		if o.Home == "" {
			return nil
		}
		dir = filepath.Join(o.Home, ".config")
	}
	path := filepath.Join(dir, "sops", "age", "keys.txt")
	k.searched = append(k.searched, path)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the age keys: %w", err)
	}
	return k.addAge(string(data), path)
}

// addAge takes lines as age-keygen writes them.
func (k *keyring) addAge(text, where string) error {
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "AGE-PLUGIN-"):
			k.plugins = true
			k.notes = append(k.notes, where+" holds a key of an age plugin")
		default:
			ids, err := age.ParseIdentities(strings.NewReader(line))
			if err != nil {
				// The library's error may quote the key.
				return fmt.Errorf("%s: line %d is not an age private key (AGE-SECRET-KEY-…)", where, i+1)
			}
			k.identities = append(k.identities, ids...)
		}
	}
	return nil
}

// addSSH takes the first SSH key of the places that SOPS tries, in its order.
func (k *keyring) addSSH(ctx context.Context, o Options) error {
	if path := o.env("SOPS_AGE_SSH_PRIVATE_KEY_FILE"); path != "" {
		k.searched = append(k.searched, path)
		data, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("SOPS_AGE_SSH_PRIVATE_KEY_FILE: %w", err)
		}
		if err := k.addPEM(data); err != nil {
			return fmt.Errorf("SOPS_AGE_SSH_PRIVATE_KEY_FILE %s: %w", path, err)
		}
		return nil
	}
	if command := o.env("SOPS_AGE_SSH_PRIVATE_KEY_CMD"); command != "" {
		k.searched = append(k.searched, "SOPS_AGE_SSH_PRIVATE_KEY_CMD")
		out, err := runKeyCommand(ctx, command, "SOPS_AGE_SSH_PRIVATE_KEY_CMD")
		if err != nil {
			return err
		}
		if err := k.addPEM([]byte(out)); err != nil {
			return fmt.Errorf("SOPS_AGE_SSH_PRIVATE_KEY_CMD: %w", err)
		}
		return nil
	}
	k.searched = append(k.searched, "SOPS_AGE_SSH_PRIVATE_KEY_FILE")
	if o.Home == "" {
		return nil
	}
	for _, name := range []string{"id_ed25519", "id_rsa"} {
		path := filepath.Join(o.Home, ".ssh", name)
		k.searched = append(k.searched, path)
		data, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		if err := k.addPEM(data); err != nil {
			k.notes = append(k.notes, fmt.Sprintf("%s: %v", path, err))
		}
	}
	return nil
}

func (k *keyring) addPEM(data []byte) error {
	id, err := agessh.ParseIdentity(data)
	var locked *ssh.PassphraseMissingError
	if errors.As(err, &locked) {
		return errors.New("the SSH key has a passphrase; use one without, or an age key")
	}
	if err != nil {
		return errors.New("not an SSH private key of type ed25519 or rsa")
	}
	k.identities = append(k.identities, id)
	return nil
}

// runKeyCommand returns what the command prints. Neither that nor its complaints,
// which may hold the key, go into an error.
func runKeyCommand(ctx context.Context, command, name string) (string, error) {
	if command == "" {
		return "", nil
	}
	ctx, cancel := context.WithTimeout(ctx, commandLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", command)
	cmd.WaitDelay = time.Second
	var out bytes.Buffer
	cmd.Stdout = &out
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("the command of %s failed: %w; run it by hand to see why", name, err)
	}
	return out.String(), nil
}
