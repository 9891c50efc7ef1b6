package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// The length of the secret of hashes, in bytes.
const (
	minMaskSecret = 16
	maxMaskSecret = 4096
)

// MaskSecret returns the secret of the hashes by which rules mask values: the file that
// packs.mask_secret_file names, else the systemd credential mask_secret. It is nil if there
// is none. No error shows it.
func (c Config) MaskSecret(env []string) ([]byte, error) {
	if path := c.Packs.MaskSecretFile; path != "" {
		return maskSecret("packs.mask_secret_file", path)
	}
	const credential = "mask_secret"
	dir := lookupEnv(env, "CREDENTIALS_DIRECTORY")
	if dir == "" {
		return nil, nil
	}
	secret, err := maskSecret("systemd credential "+credential, filepath.Join(dir, credential))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return secret, err
}

func maskSecret(from, path string) ([]byte, error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: %s is not a file", from, path) // opening a pipe would wait
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%s: read %s: %w", from, path, cause(err))
	}
	defer f.Close()
	secret, err := io.ReadAll(io.LimitReader(f, maxMaskSecret+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: read %s: %w", from, path, cause(err))
	case len(secret) < minMaskSecret || len(secret) > maxMaskSecret:
		return nil, fmt.Errorf("%s: %s must have %d to %d bytes; `openssl rand -hex 32` makes a secret", from, path, minMaskSecret, maxMaskSecret)
	}
	return secret, nil
}
