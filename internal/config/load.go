package config

import (
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"

	"syslog-gateway/internal/suggest"

	"github.com/go-viper/mapstructure/v2"
	"github.com/knadh/koanf/maps"
	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/posflag"
	"github.com/knadh/koanf/providers/structs"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/pflag"
)

// EnvPrefix begins the name of every variable that sets a key.
const EnvPrefix = "GATEWAY_"

// delimiter separates names in the paths of koanf. Names may contain dots, slashes and
// colons (networks), so it is a control character.
const delimiter = "\x1f"

// layer is one origin of values.
type layer struct {
	values map[string]any
	// where returns the file and line, or the variable, in which the layer sets a key or a section above it,
	// and how many of the names it found; 0 if it sets none of them.
	where func(names []string) (string, int)
}

// Load returns the configuration from the defaults, the file at path ("" for none), the
// variables of env (in the form of os.Environ) and the flags that were set and have the
// name of a key, such as --log.level.
//
// The error joins all problems. Each is one line with the place, the key, the value
// unless it is a secret, and what is allowed.
func Load(path string, env []string, flags *pflag.FlagSet) (Config, error) {
	return LoadOver(Default(), path, env, flags)
}

// LoadOver is [Load] with other defaults, such as [Dev].
func LoadOver(base Config, path string, env []string, flags *pflag.FlagSet) (Config, error) {
	var data []byte
	if path != "" {
		var err error
		if data, err = os.ReadFile(path); err != nil {
			return Config{}, fmt.Errorf("read the configuration: %w; name another file with -c", err)
		}
	}
	return load(base, document{name: path}, data, env, flags)
}

func load(base Config, doc document, data []byte, env []string, flags *pflag.FlagSet) (Config, error) {
	doc, err := parse(doc.name, data)
	if err != nil {
		return Config{}, err
	}
	var found problems
	for _, p := range doc.twice {
		found = append(found, problem{where: fmt.Sprintf("%s:%d", doc.name, p.Line), text: p.Text})
	}
	file := fileLayer(doc, &found)
	names := slices.Concat(sortedKeys(base.Sources), section(file.values, "sources"))
	layers := []layer{file, envLayer(env, names, &found), flagLayer(flags, &found)}

	c, err := merge(base, layers)
	if err != nil {
		return Config{}, err
	}
	for _, p := range c.problems() {
		if !found.about(p.key) {
			p.where = whereIs(layers, p.key)
			found = append(found, p)
		}
	}
	if err := found.err(); err != nil {
		return Config{}, err
	}
	return c, nil
}

// merge puts the layers over the base. If the file declares sources, they replace
// those of the base.
func merge(base Config, layers []layer) (Config, error) {
	bottom, err := structs.Provider(base, "koanf").Read()
	if err != nil {
		return Config{}, fmt.Errorf("read the defaults: %w", err)
	}
	sources := bottom["sources"].(map[string]any)
	if _, ok := layers[0].values["sources"]; ok {
		clear(sources)
	}
	for _, l := range layers {
		for _, name := range section(l.values, "sources") {
			if sources[name] != nil {
				continue
			}
			if sources[name], err = structs.Provider(newSource(0, "auto", ""), "koanf").Read(); err != nil {
				return Config{}, fmt.Errorf("read the defaults: %w", err)
			}
		}
	}
	ko := koanf.New(delimiter)
	all := []map[string]any{bottom}
	for _, l := range layers {
		all = append(all, l.values)
	}
	for _, values := range all {
		if err := ko.Load(confmap.Provider(values, ""), nil); err != nil {
			return Config{}, fmt.Errorf("merge the configuration: %w", err)
		}
	}
	var c Config
	// The layers already have their final types, so the decoder converts nothing.
	// ErrorUnused is a second check for unknown keys.
	err = ko.UnmarshalWithConf("", &c, koanf.UnmarshalConf{Tag: "koanf", DecoderConfig: &mapstructure.DecoderConfig{
		ErrorUnused: true,
		MatchName:   func(key, name string) bool { return key == name },
	}})
	if err != nil {
		return Config{}, fmt.Errorf("decode the configuration: %w", err)
	}
	return c, nil
}

func fileLayer(doc document, found *problems) layer {
	var ps problems
	values, _ := conform(keyPath{}, doc.values, reflect.TypeFor[Config](), &ps)
	for _, p := range ps {
		p.where, _ = doc.where(p.key.names)
		*found = append(*found, p)
	}
	return layer{values: values.(map[string]any), where: doc.where}
}

// envLayer reads the variables. Their names are upper case and have no hyphens, so
// SOURCES__LAB_1 means the source lab-1 if that is among sources, the known names.
func envLayer(environ, sources []string, found *problems) layer {
	vars, _ := env.Provider("", env.Opt{ // its Read does not fail
		Prefix:      EnvPrefix,
		EnvironFunc: func() []string { return environ },
	}).Read()
	paths := make(map[string]string)
	values := make(map[string]any)
	for _, name := range sortedKeys(vars) {
		if isServiceLink(name) {
			continue
		}
		path := strings.Split(strings.ToLower(strings.TrimPrefix(name, EnvPrefix)), "__")
		if len(path) > 1 && path[0] == "sources" {
			for _, source := range sources {
				if suggest.Same(source, path[1]) {
					path[1] = source
				}
			}
		}
		paths[strings.Join(path, delimiter)] = name
		addValue(values, path, vars[name].(string), name, found)
	}
	return layer{values: values, where: lookup(paths)}
}

// isServiceLink reports whether Kubernetes or Docker sets the variable in containers
// for a service called "gateway".
func isServiceLink(name string) bool {
	rest := strings.TrimPrefix(name, EnvPrefix)
	return rest == "PORT" || strings.HasPrefix(rest, "PORT_") || strings.HasPrefix(rest, "SERVICE_HOST") || strings.HasPrefix(rest, "SERVICE_PORT")
}

// flagLayer reads the flags that were set and have the name of a key.
func flagLayer(flags *pflag.FlagSet, found *problems) layer {
	values := make(map[string]any)
	paths := make(map[string]string)
	if flags == nil {
		return layer{values: values, where: lookup(paths)}
	}
	set, _ := posflag.ProviderWithFlag(flags, "", nil, func(f *pflag.Flag) (string, any) { // its Read does not fail
		if t := resolve(strings.Split(f.Name, ".")); t == nil || t.Kind() == reflect.Struct {
			return "", nil // a flag of the command, not of the configuration
		}
		if list, ok := f.Value.(pflag.SliceValue); ok {
			return f.Name, strings.Join(list.GetSlice(), ",")
		}
		return f.Name, f.Value.String()
	}).Read()
	for _, name := range sortedKeys(set) {
		path := strings.Split(name, ".")
		paths[strings.Join(path, delimiter)] = "--" + name
		addValue(values, path, set[name].(string), "--"+name, found)
	}
	return layer{values: values, where: lookup(paths)}
}

// addValue adds the text of one variable or flag to the values of its layer.
func addValue(values map[string]any, path []string, text, where string, found *problems) {
	var v any = text
	if t := resolve(path); t != nil {
		v = fromText(text, t)
	}
	for _, name := range slices.Backward(path) {
		v = map[string]any{name: v}
	}
	var ps problems
	fit, _ := conform(keyPath{}, v, reflect.TypeFor[Config](), &ps)
	for _, p := range ps {
		p.where = where
		*found = append(*found, p)
	}
	maps.Merge(fit.(map[string]any), values)
}

// lookup returns the function where of a layer that knows the origin of each path.
func lookup(paths map[string]string) func([]string) (string, int) {
	return func(names []string) (string, int) {
		for n := len(names); n > 0; n-- {
			if where, ok := paths[strings.Join(names[:n], delimiter)]; ok {
				return where, n
			}
		}
		return "", 0
	}
}

// whereIs returns the origin of the value of a key.
func whereIs(layers []layer, p keyPath) string {
	best, depth := "", 0
	for _, l := range layers {
		if where, n := l.where(p.names); n > 0 && n >= depth {
			best, depth = where, n
		}
	}
	return best
}

// section returns the names in a section of raw values.
func section(values map[string]any, name string) []string {
	m, _ := values[name].(map[string]any)
	if m == nil {
		return nil
	}
	return sortedKeys(m)
}

// Read returns the configuration from the defaults and the text of a file, whose name is for
// errors only. The environment is not asked. The error joins all problems.
func Read(name string, data []byte) (Config, error) {
	return load(Default(), document{name: name}, data, nil, nil)
}
