package main

import (
	"encoding/json"
	"runtime/debug"
	"strings"
	"time"
)

// billName is the bill of materials in the package's documentation.
const billName = "sbom.cdx.json"

// The parts of a CycloneDX 1.5 document that are used here
// (https://cyclonedx.org/docs/1.5/json/).
type (
	document struct {
		Format     string      `json:"bomFormat"`
		Spec       string      `json:"specVersion"`
		Version    int         `json:"version"`
		Metadata   metadata    `json:"metadata"`
		Components []component `json:"components"`
	}
	metadata struct {
		Timestamp time.Time `json:"timestamp"`
		Component component `json:"component"`
	}
	component struct {
		Type       string     `json:"type"`
		Ref        string     `json:"bom-ref"`
		Name       string     `json:"name"`
		Version    string     `json:"version"`
		PURL       string     `json:"purl,omitempty"`
		Properties []property `json:"properties,omitempty"`
	}
	property struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	}
)

// billOfMaterials lists what the linker put into a program: the modules with the
// versions and sums of go.sum, and Go's standard library. Sums of modules are of
// their file tree (h1), which CycloneDX has no name for: they are properties.
func billOfMaterials(info *debug.BuildInfo, name, version string, at time.Time) ([]byte, error) {
	d := document{Format: "CycloneDX", Spec: "1.5", Version: 1}
	d.Metadata = metadata{Timestamp: at, Component: component{
		Type: "application", Ref: name, Name: name, Version: version,
	}}
	for _, s := range info.Settings {
		if s.Key == "GOOS" || s.Key == "GOARCH" {
			d.Metadata.Component.Properties = append(d.Metadata.Component.Properties, property{"go:build:" + s.Key, s.Value})
		}
	}
	goVersion := strings.TrimPrefix(info.GoVersion, "go")
	d.Components = append(d.Components, component{
		Type: "library", Ref: "pkg:golang/std@" + goVersion, Name: "std", Version: goVersion, PURL: "pkg:golang/std@" + goVersion,
	})
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		purl := "pkg:golang/" + m.Path + "@" + m.Version
		d.Components = append(d.Components, component{
			Type: "library", Ref: purl, Name: m.Path, Version: m.Version, PURL: purl,
			Properties: []property{{"go:sum", m.Sum}},
		})
	}
	text, err := json.MarshalIndent(d, "", "  ")
	return append(text, '\n'), err
}
