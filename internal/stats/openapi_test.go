package stats

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"syslog-gateway/internal/stats/auth"
	"syslog-gateway/internal/stats/history"
	"syslog-gateway/internal/stats/problems"
	"syslog-gateway/internal/status"
	"syslog-gateway/internal/status/statustest"
	"syslog-gateway/internal/tap"
	"syslog-gateway/internal/testkit"
)

// schema is what our OpenAPI file uses of JSON Schema.
type schema struct {
	Ref        string            `yaml:"$ref"`
	Type       yaml.Node         `yaml:"type"`
	Format     string            `yaml:"format"`
	Enum       []string          `yaml:"enum"`
	Required   []string          `yaml:"required"`
	Properties map[string]schema `yaml:"properties"`
	Additional yaml.Node         `yaml:"additionalProperties"`
	Items      *schema           `yaml:"items"`
}

type document struct {
	Paths map[string]map[string]struct {
		Responses map[string]struct {
			Content map[string]struct{ Schema schema }
		}
	}
	Components struct{ Schemas map[string]schema }
}

func (s schema) types() (list []string) {
	switch s.Type.Kind {
	case yaml.ScalarNode:
		return []string{s.Type.Value}
	case yaml.SequenceNode:
		for _, n := range s.Type.Content {
			list = append(list, n.Value)
		}
	default: // the schema names no type
	}
	return list
}

// check compares a value with a schema; what the schema does not name is wrong as well.
func (d document) check(at string, v any, s schema) (wrong []string) {
	if name, ok := strings.CutPrefix(s.Ref, "#/components/schemas/"); ok {
		found, ok := d.Components.Schemas[name]
		if !ok {
			return []string{at + ": there is no schema " + name}
		}
		return d.check(at, v, found)
	}
	kind := typeOf(v)
	if types := s.types(); !slices.Contains(types, kind) && !(kind == "integer" && slices.Contains(types, "number")) {
		return []string{fmt.Sprintf("%s is %s, want %v", at, kind, types)}
	}
	switch v := v.(type) {
	case string:
		if s.Format == "date-time" {
			if _, err := time.Parse(time.RFC3339Nano, v); err != nil {
				wrong = append(wrong, at+": "+err.Error())
			}
		}
		if len(s.Enum) > 0 && !slices.Contains(s.Enum, v) {
			wrong = append(wrong, fmt.Sprintf("%s is %q, want one of %q", at, v, s.Enum))
		}
	case []any:
		for i, item := range v {
			wrong = append(wrong, d.check(fmt.Sprintf("%s[%d]", at, i), item, *s.Items)...)
		}
	case map[string]any:
		wrong = append(wrong, d.object(at, v, s)...)
	}
	return wrong
}

func (d document) object(at string, v map[string]any, s schema) (wrong []string) {
	for _, name := range s.Required {
		if _, ok := v[name]; !ok {
			wrong = append(wrong, at+"."+name+" is missing")
		}
	}
	for name, value := range v {
		property, ok := s.Properties[name]
		switch {
		case ok:
			wrong = append(wrong, d.check(at+"."+name, value, property)...)
		case s.Additional.Kind == yaml.MappingNode:
			var more schema
			if err := s.Additional.Decode(&more); err != nil {
				wrong = append(wrong, err.Error())
			}
			wrong = append(wrong, d.check(at+"."+name, value, more)...)
		case s.Additional.Value != "true" && len(s.Required) > 0 && !slices.Contains(s.Required, name):
			wrong = append(wrong, at+"."+name+" is not described")
		}
	}
	return wrong
}

func typeOf(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case string:
		return "string"
	case []any:
		return "array"
	case float64:
		if v == math.Trunc(v) {
			return "integer"
		}
		return "number"
	}
	return "object"
}

func describedAPI(t *testing.T, text string) document {
	t.Helper()
	var d document
	testkit.Must(t, yaml.Unmarshal([]byte(text), &d))
	return d
}

// TestOpenAPI: every answer is what the file says, and every path of the API is in it.
func TestOpenAPI(t *testing.T) {
	var ring problems.Log
	unknown := new(tap.Ring)
	unknown.Keep(tap.Message{Source: "linux", From: addrOf(1), Raw: []byte("x\xff")})
	p := open(t, func(o *Options) {
		o.Unknown = unknown
		o.Senders, o.Problems, o.Taps, o.Users = crowded(20), &ring, new(tap.Hub), []auth.User{{Name: "ops", Password: "s3cret"}}
	})
	get := func(path string) []byte {
		return []byte(p.do("GET", path, func(r *http.Request) { r.SetBasicAuth("ops", "s3cret") }).body)
	}
	ring.Add(problems.Problem{Level: "error", Message: "m", Count: 1})
	traffic(p.ledger)
	linux := p.ledger.Account("linux")
	linux.Secure(9)
	linux.Take(7)
	linux.GiveBack(2)
	p.stages.set(func(s *stages) {
		silentAfterHour(s)
		s.snap.Problems = []string{"p"}
		s.snap.Streams, s.snap.ForwardLagSeconds = statustest.Streams(s.snap.Now), 0.5
		s.snap.Streams[0].Problem = "p"
		s.snap.Cluster = statustest.Cluster(s.snap.Now)
		s.snap.Shards[1].Mode = status.Drain
		s.snap.Sources[0].Classes = []status.Class{{Name: "unifi_device", Events: 1, Bytes: 10}}
		ruled(s)
		s.snap.Packs = status.Packs{Hash: "0123456789ab", Loaded: s.snap.Now, Site: []status.SitePack{{Name: "acme", Classes: []string{"acme"}, Warnings: []string{"w"}}}}
		s.snap.Sources[0].Volumes = []status.Volume{{Class: "unifi_device", Sourcetype: "st", Events: 1, Bytes: 10}}
		s.snap.Sources[1].KernelDrops = 5
		s.groups = []status.DeadLetterGroup{{Reason: "incorrect_index", Hosts: []string{"h"}}}
		s.letters = []status.DeadLetter{{ID: "a", Reason: "incorrect_index", Event: json.RawMessage(`{"event":"x"}`)}, {ID: "b"}}
	})
	p.server.monitor.Sample()
	for range 2 {
		p.server.history.Add(history.Point{At: time.Now(), Covered: time.Second, Received: 1})
	}
	d := describedAPI(t, string(get("/api/v1/openapi.yaml")))
	var described, routed []string
	for path := range d.Paths {
		described = append(described, path)
	}
	for path := range p.server.handler.(*router).routes {
		if strings.HasPrefix(path, "/api/v1/") && path != "/api/v1/openapi.yaml" {
			routed = append(routed, path)
		}
	}
	sort.Strings(described)
	sort.Strings(routed)
	if !slices.Equal(described, routed) {
		t.Errorf("described are %v, there are %v", described, routed)
	}
	for path, methods := range d.Paths {
		content, ok := methods["get"].Responses["200"].Content["application/json"]
		if !ok {
			continue // streams
		}
		var v any
		testkit.Must(t, json.Unmarshal(get(path), &v))
		for _, wrong := range d.check(path, v, content.Schema) {
			t.Error(wrong)
		}
	}
	body := testkit.Try(json.Marshal(tapMessage(tap.Message{From: addrOf(1), Event: []byte("{}")})))(t)
	var m any
	testkit.Must(t, json.Unmarshal(body, &m))
	for _, wrong := range d.check("tap", m, d.Components.Schemas["Message"]) {
		t.Error(wrong)
	}
}

// TestChecker: the checker does see what is wrong.
func TestChecker(t *testing.T) {
	d := describedAPI(t, string(openAPI))
	var v any
	_ = json.Unmarshal([]byte(`{"now":"yesterday","shards":[{"name":1,"aside":"gone","more":2}]}`), &v)
	wrong := strings.Join(d.check("x", v, d.Components.Schemas["Shards"]), "\n")
	testkit.Holds(t, "the checker", wrong, "x.now: parsing", "x.shards[0].name is integer", "x.shards[0].records is missing", `aside is "gone"`, "x.shards[0].more is not described")
}
