package runner

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"syslog-gateway/bench/loadgen"
	"syslog-gateway/bench/mix"
)

// What a scenario measures once the subject is ready.
const (
	measureLoad    = "load"
	measureIdle    = "idle"
	measureStartup = "startup"
	measureDrain   = "drain"   // all is queued before the sink comes
	measureCeiling = "ceiling" // the harness alone, without a subject
)

// When the messages of a load are through.
const (
	untilDelivered = "delivered"
	untilQueued    = "queued" // there is no endpoint
)

// Where the lines go, beside a vendor's name.
const (
	sourceFive = "five" // a port for each vendor
	sourceAuto = "auto" // one port for all
)

// Scenario is one experiment, as a YAML file describes it. Its name is the file's.
type Scenario struct {
	Name  string `yaml:"-"`
	About string `yaml:"about"`

	Measure     string `yaml:"measure"`     // load, idle, startup, drain or ceiling
	Source      string `yaml:"source"`      // five, auto or a vendor
	Compression string `yaml:"compression"` // hec.compression
	Peers       bool   `yaml:"peers"`       // other programs can run it, too
	Repeat      int    `yaml:"repeat"`      // runs of each point, where the user says nothing
	Long        bool   `yaml:"long"`        // it runs only where it is named
	Loads       []load `yaml:"loads"`
	// Backlog is how many bytes wait in the queue before the start, with no endpoint to
	// take them; Cold says that they are not in the page cache.
	Backlog int64 `yaml:"backlog"`
	Cold    bool  `yaml:"cold"`
	// Until says when the messages are through: delivered or queued.
	Until string `yaml:"until"`
	// Cluster says that the gateway forwards its records to three servers of a cluster, and
	// delivers what it takes from them.
	Cluster bool `yaml:"cluster"`
	// Loops is loops.udp of the gateway; 0 leaves it at its default.
	Loops int `yaml:"loops"`
	// Refuse is for how long the sink answers 503 from its start on.
	Refuse time.Duration `yaml:"refuse"`
	// Vary makes a point of each of its values; StopAtLoss ends a row of points when one
	// has lost a larger share.
	Vary       vary    `yaml:"vary"`
	StopAtLoss float64 `yaml:"stop_at_loss"`
	// Lasts is how long each part of the harness is measured for its ceiling.
	Lasts time.Duration `yaml:"lasts"`
	// Least is the messages a second that a run at full size must reach.
	Least float64 `yaml:"least"`

	point string  // of Vary; "" is the only one
	x     float64 // its value, or its number
}

// load is one run of the load generator.
type load struct {
	Transport   string `yaml:"transport"`
	Connections int    `yaml:"connections"`
	Count       uint64 `yaml:"count"`
	Rate        int    `yaml:"rate"`    // messages a second, 0 is flat out
	Seconds     int    `yaml:"seconds"` // instead of a count
	Profile     string `yaml:"profile"` // instead of a rate and a count
	Window      int    `yaml:"window"`  // of a RELP connection; 0 is rsyslog's default
	Single      bool   `yaml:"single"`  // each message is a write of its own
}

// vary is what differs between the points of a scenario: one of its fields is set.
type vary struct {
	Rate        []int    `yaml:"rate"`
	Connections []int    `yaml:"connections"`
	Vendor      []string `yaml:"vendor"`
	Backlog     []int64  `yaml:"backlog"`
	Cluster     []bool   `yaml:"cluster"`
	Loops       []int    `yaml:"loops"`
}

// axis names what varies, for plots.
func (v vary) axis() string {
	switch {
	case len(v.Rate) > 0:
		return "messages/s offered"
	case len(v.Connections) > 0:
		return "connections to each port"
	case len(v.Backlog) > 0:
		return "bytes queued before"
	case len(v.Vendor) > 0:
		return "vendor"
	case len(v.Cluster) > 0:
		return "queue"
	case len(v.Loops) > 0:
		return "UDP loops"
	}
	return ""
}

//go:embed scenarios/*.yaml
var files embed.FS

// Scenarios are all that come with the program, by name.
func Scenarios() ([]Scenario, error) {
	paths, err := fs.Glob(files, "scenarios/*.yaml")
	if err != nil {
		return nil, fmt.Errorf("list the scenarios: %w", err)
	}
	var all []Scenario
	for _, p := range paths {
		data, err := files.ReadFile(p)
		if err != nil {
			return nil, fmt.Errorf("read a scenario: %w", err)
		}
		sc, err := parseScenario(p, data)
		if err != nil {
			return nil, err
		}
		all = append(all, sc)
	}
	return all, nil
}

// Find returns the named scenarios; the name "all" stands for all that are not long, and what
// holds a slash or ends in .yaml is a file of the user's.
func Find(names []string) ([]Scenario, error) {
	all, err := Scenarios()
	if err != nil {
		return nil, err
	}
	var known []string
	for _, s := range all {
		known = append(known, s.Name)
	}
	var found []Scenario
	for _, name := range names {
		i := slices.Index(known, name)
		switch {
		case i >= 0:
			found = append(found, all[i])
		case name == "all":
			found = append(found, slices.DeleteFunc(slices.Clone(all), func(s Scenario) bool { return s.Long })...)
		case strings.Contains(name, "/") || strings.HasSuffix(name, ".yaml"):
			data, err := os.ReadFile(name)
			if err != nil {
				return nil, fmt.Errorf("read a scenario: %w", err)
			}
			sc, err := parseScenario(name, data)
			if err != nil {
				return nil, err
			}
			found = append(found, sc)
		default:
			return nil, fmt.Errorf("scenario %q is unknown: use all, a file, or one of %s", name, strings.Join(known, ", "))
		}
	}
	return found, nil
}

// parseScenario reads a scenario and fills in the defaults.
func parseScenario(file string, data []byte) (Scenario, error) {
	sc := Scenario{
		Name:    strings.TrimSuffix(path.Base(file), ".yaml"),
		Measure: measureLoad, Source: sourceFive, Compression: "gzip", Until: untilDelivered, Repeat: 1,
	}
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	if err := d.Decode(&sc); err != nil {
		return sc, fmt.Errorf("read the scenario %s: %w", file, err)
	}
	if err := sc.validate(); err != nil {
		return sc, fmt.Errorf("the scenario %s: %w", file, err)
	}
	return sc, nil
}

// validate returns everything that is wrong.
func (s *Scenario) validate() error {
	var errs []error
	oneOf := func(key, value string, values ...string) {
		if !slices.Contains(values, value) {
			errs = append(errs, fmt.Errorf("%s is %q: use one of %s", key, value, strings.Join(values, ", ")))
		}
	}
	sources := []string{sourceFive, sourceAuto}
	for _, v := range mix.Vendors() {
		sources = append(sources, string(v))
	}
	oneOf("measure", s.Measure, measureLoad, measureIdle, measureStartup, measureDrain, measureCeiling)
	oneOf("source", s.Source, sources...)
	oneOf("compression", s.Compression, "gzip", "none")
	oneOf("until", s.Until, untilDelivered, untilQueued)
	for _, v := range s.Vary.Vendor {
		oneOf("vary.vendor", v, sources[2:]...)
	}
	if (s.Measure == measureLoad || s.Measure == measureDrain) != (len(s.Loads) > 0) {
		errs = append(errs, errors.New("a scenario has loads if and only if it measures load or drain"))
	}
	if s.Lasts < 0 || (s.Measure == measureCeiling) != (s.Lasts > 0) {
		errs = append(errs, fmt.Errorf("lasts is %v: a scenario that measures ceiling needs a time, such as 3s, and no other has one", s.Lasts))
	}
	if s.Repeat < 1 {
		errs = append(errs, fmt.Errorf("repeat is %d: use 1 or more", s.Repeat))
	}
	set := 0
	for _, n := range []int{len(s.Vary.Rate), len(s.Vary.Connections), len(s.Vary.Vendor), len(s.Vary.Backlog), len(s.Vary.Cluster), len(s.Vary.Loops)} {
		set += min(n, 1)
	}
	if set > 1 {
		errs = append(errs, errors.New("vary one thing at a time"))
	}
	for _, p := range s.points() {
		for i, l := range p.Loads {
			oneOf(fmt.Sprintf("loads[%d].transport", i), l.Transport, loadgen.TCP, loadgen.UDP, loadgen.RELP)
			switch n, err := l.messages(); {
			case err != nil:
				errs = append(errs, fmt.Errorf("loads[%d]: %w", i, err))
			case n == 0 || l.Connections < 1:
				errs = append(errs, fmt.Errorf("loads[%d] needs connections, and a count, a rate with seconds, or a profile", i))
			}
		}
	}
	return errors.Join(errs...)
}

// points returns a scenario for each value that varies.
func (s Scenario) points() []Scenario {
	var all []Scenario
	point := func(label string, x float64, change func(p *Scenario)) {
		p := s
		p.Loads = slices.Clone(s.Loads)
		p.point, p.x = label, x
		change(&p)
		all = append(all, p)
	}
	for _, v := range s.Vary.Rate {
		point(fmt.Sprintf("%d/s", v), float64(v), func(p *Scenario) {
			for i := range p.Loads {
				p.Loads[i].Rate = v
			}
		})
	}
	for _, v := range s.Vary.Connections {
		point(fmt.Sprintf("%d connections", v), float64(v), func(p *Scenario) {
			for i := range p.Loads {
				p.Loads[i].Connections = v
			}
		})
	}
	for i, v := range s.Vary.Vendor {
		point(v, float64(i), func(p *Scenario) { p.Source = v })
	}
	for _, v := range s.Vary.Backlog {
		point(fmt.Sprintf("%d GB queued", v/1e9), float64(v), func(p *Scenario) { p.Backlog = v })
	}
	for i, v := range s.Vary.Cluster {
		label := "disk"
		if v {
			label = "cluster"
		}
		point(label, float64(i), func(p *Scenario) { p.Cluster = v })
	}
	for _, v := range s.Vary.Loops {
		point(fmt.Sprintf("%d loops", v), float64(v), func(p *Scenario) { p.Loops = v })
	}
	if all == nil {
		return []Scenario{s}
	}
	return all
}

// label names the scenario with its point.
func (s Scenario) label() string {
	if s.point == "" {
		return s.Name
	}
	return s.Name + " " + s.point
}

// messages is how many messages a load sends.
func (l load) messages() (uint64, error) {
	switch {
	case l.Profile != "":
		p, err := loadgen.ParseProfile(l.Profile)
		return p.Total(), err
	case l.Seconds > 0:
		return uint64(l.Seconds) * uint64(max(l.Rate, 0)), nil
	}
	return l.Count, nil
}

// scaled returns the scenario with n messages in all, shared out as they were. 0
// leaves it as it is; what follows a profile stays as it is, too.
func (s Scenario) scaled(n uint64) Scenario {
	total := s.messages()
	if n == 0 || total == 0 {
		return s
	}
	if n < total {
		s.Least = 0 // over before it has begun
	}
	var loads []load
	remaining := n
	for i, l := range s.Loads {
		if l.Profile == "" {
			own, _ := l.messages() // validate has seen it
			l.Count, l.Seconds = n*own/total, 0
			if i == len(s.Loads)-1 {
				l.Count = remaining
			}
			remaining -= l.Count
		}
		loads = append(loads, l)
	}
	s.Loads = loads
	return s
}

// messages is how many messages the scenario sends.
func (s Scenario) messages() (n uint64) {
	for _, l := range s.Loads {
		m, _ := l.messages() // validate has seen it
		n += m
	}
	return n
}

// lossless reports whether not one message may be missing: UDP has no back-pressure,
// so what the kernel drops is measured and not a fault.
func (s Scenario) lossless() bool {
	return !slices.ContainsFunc(s.Loads, func(l load) bool { return l.Transport == loadgen.UDP })
}

// dead says that there is no endpoint to deliver to.
func (s Scenario) dead() bool { return s.Backlog > 0 || s.Until == untilQueued }
