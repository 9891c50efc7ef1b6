package secrets

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Options say where keys come from. The zero value finds none.
type Options struct {
	Env     func(string) string // os.Getenv; nil: no variable is set
	Home    string              // the user's home; "": files below it are not read
	Program string              // sops, for what this package cannot read; "": the one in PATH
}

func (o Options) env(name string) string {
	if o.Env == nil {
		return ""
	}
	return o.Env(name)
}

// Format is how a document is written.
type Format string

// The formats that can be read.
const (
	JSON Format = "json"
	YAML Format = "yaml"
)

// FormatOf returns the format by the name of the file.
func FormatOf(path string) (Format, error) {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".json":
		return JSON, nil
	case ".yaml", ".yml":
		return YAML, nil
	}
	return "", fmt.Errorf("%s: only files that end in .json, .yaml or .yml can be decrypted", path)
}

// Read returns the clear text of the encrypted file at path, in the file's format and
// without SOPS's metadata. A file that is not there gives an error that is
// fs.ErrNotExist; every other error means that nothing of the file is to be used.
func Read(ctx context.Context, path string, o Options) ([]byte, error) {
	format, err := FormatOf(path)
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the encrypted file: %w", err)
	}
	clear, err := Decrypt(ctx, data, format, o)
	var beyond *unsupportedError
	if errors.As(err, &beyond) {
		clear, err = runSOPS(ctx, path, format, o, err)
	}
	if err != nil {
		return nil, fmt.Errorf("decrypt %s: %w", path, err)
	}
	return clear, nil
}

// Decrypt is [Read] for a document in memory, and without the help of sops.
func Decrypt(ctx context.Context, data []byte, format Format, o Options) ([]byte, error) {
	root, err := parse(data, format)
	if err != nil {
		return nil, err
	}
	meta, err := takeMetadata(root)
	if err != nil {
		return nil, err
	}
	key, err := meta.dataKey(ctx, o)
	if err != nil {
		return nil, err
	}
	if err := meta.open(root, key); err != nil {
		return nil, err
	}
	return encode(root, format)
}

// unsupportedError is about a sound file that only sops itself can read.
type unsupportedError struct{ what string }

func (e *unsupportedError) Error() string { return e.what }

// runSOPS has an installed sops decrypt the file.
func runSOPS(ctx context.Context, path string, format Format, o Options, why error) ([]byte, error) {
	name := cmp.Or(o.Program, "sops")
	program, err := exec.LookPath(name)
	if err != nil {
		return nil, fmt.Errorf("%w; install sops, which is then used for this file, or encrypt it for an age key alone", why)
	}
	ctx, cancel := context.WithTimeout(ctx, commandLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, "--decrypt", "--input-type", string(format), "--output-type", string(format), path)
	cmd.WaitDelay = time.Second
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	clear, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%w; %s could not either: %w: %s", why, program, err, firstLines(complaint.String()))
	}
	if len(bytes.TrimSpace(clear)) == 0 {
		return nil, fmt.Errorf("%w; %s printed nothing", why, program)
	}
	return clear, nil
}

// firstLines are enough of a program's complaint to act on.
func firstLines(s string) string {
	const most = 400
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > most {
		s = s[:most] + "…"
	}
	return s
}
