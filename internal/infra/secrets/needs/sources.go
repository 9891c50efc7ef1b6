package needs

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"syslog-gateway/internal/infra/secrets"
	"syslog-gateway/internal/redact"
)

// Sources are where values come from: the environment first, then an encrypted file.
type Sources struct {
	Env      func(string) string // os.Getenv
	Reserved []string            // variables that are never a source
	file     string              // path of the file; "" for none
	values   map[string]redact.Secret
}

// Load reads a file of NAME: value that SOPS has encrypted. One that cannot be decrypted
// is an error, and never reads as one without values.
func (s *Sources) Load(ctx context.Context, path string, o secrets.Options) error {
	data, err := secrets.Read(ctx, path, o)
	if err != nil {
		return err
	}
	values, ok := named(data)
	if !ok {
		return fmt.Errorf("%s is decrypted and not an object of names and values", path) // the parser's error may quote one
	}
	s.file, s.values = path, values
	return nil
}

// named reads an object of names and values.
func named(data []byte) (values map[string]redact.Secret, ok bool) {
	var doc yaml.Node // JSON is YAML
	if err := yaml.Unmarshal(data, &doc); err != nil || len(doc.Content) != 1 || doc.Content[0].Kind != yaml.MappingNode {
		return nil, false
	}
	values = make(map[string]redact.Secret)
	members := doc.Content[0].Content
	for i := 0; i+1 < len(members); i += 2 {
		if v := members[i+1]; v.Kind == yaml.ScalarNode && v.ShortTag() != "!!null" {
			values[members[i].Value] = redact.Secret(v.Value)
		}
	}
	return values, true
}

// Find gives a value and the place that it comes from; "" for none.
func (s *Sources) Find(name string) (value redact.Secret, where string) {
	if v := s.Env(name); v != "" && !slices.Contains(s.Reserved, name) {
		return redact.Secret(v), Environment(s.Env, name)
	}
	if v := s.values[name]; v != "" {
		return v, filepath.Base(s.file)
	}
	return "", ""
}

// Environment says by which program a variable that is set most likely came: `doppler run`
// and `aws-vault exec` leave variables that say what they ran with.
func Environment(env func(string) string, name string) string {
	project, config := env("DOPPLER_PROJECT"), env("DOPPLER_CONFIG")
	switch {
	case strings.HasPrefix(name, "AWS_") && env("AWS_VAULT") != "":
		return "aws-vault " + env("AWS_VAULT")
	case strings.HasPrefix(name, "AWS_"), config == "":
	default:
		return "doppler " + strings.Trim(project+"/"+config, "/")
	}
	if env("GITHUB_ACTIONS") == "true" {
		return "GitHub Actions"
	}
	return "environment"
}
