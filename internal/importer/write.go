package importer

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"syslog-gateway/internal/config"
)

// usual is where the package has gateway.yaml. There the folder of packs and the token need
// not be named.
const usual = "/etc/syslog-gateway"

// file is gateway.yaml. Its tags are the keys of the configuration.
type file struct {
	Sources  map[string]*source `yaml:"sources,omitempty"`
	Metadata *metadata          `yaml:"metadata,omitempty"`
	Packs    *packs             `yaml:"packs,omitempty"`
	Queue    *queue             `yaml:"queue,omitempty"`
	HEC      *client            `yaml:"hec,omitempty"`
	Stats    *stats             `yaml:"stats,omitempty"`
}

type metadata struct {
	Profile   string              `yaml:"profile,omitempty"`
	Overrides map[string]override `yaml:"overrides,omitempty"`
	HostsFile string              `yaml:"hosts_file,omitempty"`
}

type packs struct {
	Folder  string            `yaml:"folder,omitempty"`
	Senders map[string]string `yaml:"senders,omitempty"`
}

type queue struct {
	MaxSize string `yaml:"max_size"`
}

type client struct {
	Endpoints []string   `yaml:"endpoints,omitempty"`
	TokenFile string     `yaml:"token_file,omitempty"`
	TLS       *clientTLS `yaml:"tls,omitempty"`
}

type clientTLS struct {
	CAFile             string `yaml:"ca_file,omitempty"`
	InsecureSkipVerify bool   `yaml:"insecure_skip_verify,omitempty"`
}

type stats struct {
	ToSplunk bool `yaml:"to_splunk"`
}

// write makes the files.
func (m *model) write(dir string) (*Imported, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if len(m.sources) == 0 {
		m.cannot(Note{}, "there is no port for syslog: the gateway listens on its usual ports 1514 to 1518")
	}
	if len(m.hec.endpoints) == 0 {
		m.hint(Note{}, "no HEC endpoint is named: write yours into hec.endpoints of gateway.yaml")
	}
	if m.hec.token == "" {
		m.hint(Note{}, "no HEC token is named: write it into the file hec_token, mode 0600, beside gateway.yaml (docs/install.md)")
	}
	for _, list := range [][]Note{m.unsaid, m.hints} {
		for i := range list {
			if m.hec.token != "" {
				list[i].Text = strings.ReplaceAll(list[i].Text, m.hec.token, "<secret>")
			}
		}
	}
	out := &Imported{
		Files: map[string][]byte{}, Token: m.hec.token, Sources: len(m.sources), Rules: len(m.rules), Packs: len(m.packs),
		Unsaid: m.unsaid, Hints: m.hints, Skipped: m.skipped,
	}
	if err := m.writePacks(out.Files); err != nil {
		return nil, err
	}
	if len(m.hosts) != 0 {
		var b bytes.Buffer
		w := csv.NewWriter(&b)
		for _, h := range m.hosts {
			_ = w.Write(h[:]) // a buffer does not fail
		}
		w.Flush()
		out.Files["hosts.csv"] = b.Bytes()
	}
	text, err := yaml.Marshal(m.file(dir, len(out.Files) != 0))
	if err != nil {
		return nil, err
	}
	if string(text) == "{}\n" {
		text = nil
	}
	head := fmt.Sprintf("# Made by gateway import %s. All keys: docs/configuration.md. To check it: gateway check -c %s\n", m.product, filepath.Join(dir, "gateway.yaml"))
	if dir != usual {
		head += "# Paths below " + clean(dir) + " are of this folder: without packs.folder and hec.token_file the gateway uses\n# those in " + usual + ".\n"
	}
	text = append([]byte(head), text...)
	if _, err := config.Read("gateway.yaml", text); err != nil {
		return nil, fmt.Errorf("the configuration that was made is not valid, which is a fault of this program: %w", err)
	}
	out.Files["gateway.yaml"] = text
	return out, nil
}

// maxRulesOfPack is how many rules a pack gets at first; if they have too many masks or keys
// together, it gets fewer.
const maxRulesOfPack = 32

func (m *model) file(dir string, extra bool) *file {
	f := &file{HEC: &client{Endpoints: m.hec.endpoints}}
	if len(m.sources) != 0 {
		f.Sources = map[string]*source{}
		for _, s := range m.sources {
			f.Sources[s.name] = s
		}
	}
	meta := &metadata{Profile: m.profile, Overrides: m.overrides}
	if len(m.hosts) != 0 {
		meta.HostsFile = filepath.Join(dir, "hosts.csv")
	}
	if meta.Profile != "" || len(meta.Overrides) != 0 || meta.HostsFile != "" {
		f.Metadata = meta
	}
	p := &packs{Senders: m.senders}
	if dir != usual {
		if extra {
			p.Folder = filepath.Join(dir, "packs")
		}
		if m.hec.token != "" {
			f.HEC.TokenFile = filepath.Join(dir, "hec_token")
		}
	}
	if p.Folder != "" || len(p.Senders) != 0 {
		f.Packs = p
	}
	if m.hec.caFile != "" || m.hec.skipVerify {
		f.HEC.TLS = &clientTLS{m.hec.caFile, m.hec.skipVerify}
	}
	if len(f.HEC.Endpoints) == 0 && f.HEC.TokenFile == "" && f.HEC.TLS == nil {
		f.HEC = nil
	}
	if m.queueSize != "" {
		f.Queue = &queue{m.queueSize}
	}
	if m.toSplunk {
		f.Stats = &stats{true}
	}
	return f
}

// writePacks writes packs/imported.yaml, with rules in as many packs as their bounds ask for.
func (m *model) writePacks(files map[string][]byte) error {
	var documents []any
	for i := range m.packs {
		documents = append(documents, &m.packs[i])
	}
	about := "Rules of the imported configuration"
	for from, n := 0, 1; from < len(m.rules); n++ {
		to := min(from+maxRulesOfPack, len(m.rules))
		for to > from+1 && wrong(newRuleSet("imported", "", m.rules[from:to])) != "" {
			to = from + (to-from)/2
		}
		set := newRuleSet(fmt.Sprintf("imported_%d", n), about, m.rules[from:to])
		documents = append(documents, set)
		for _, name := range slices.Sorted(maps.Keys(set.Lookups)) {
			t := set.Lookups[name]
			files["packs/"+t.File] = t.csv()
		}
		from = to
	}
	if len(documents) == 0 {
		return nil
	}
	var b strings.Builder
	for i, d := range documents {
		text, err := yaml.Marshal(d)
		if err != nil {
			return err
		}
		if text := wrong(d); text != "" {
			return fmt.Errorf("a pack that was made is not valid, which is a fault of this program: %s", text)
		}
		if i > 0 {
			b.WriteString("---\n")
		}
		b.Write(text)
	}
	files["packs/imported.yaml"] = []byte(b.String())
	return nil
}
