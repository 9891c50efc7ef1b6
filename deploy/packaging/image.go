package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// imageUser owns the state in a container; it is no one's on a host.
const imageUser = 65532

// image makes NAME_VERSION_linux_ARCH.oci.tar: an image layout of OCI
// (https://github.com/opencontainers/image-spec/blob/v1.1.0/image-layout.md) in a tar archive,
// with the manifest.json by which `docker load` of any version finds it. It is the image of
// deploy/docker/Dockerfile.
func (t tree) image(context.Context) (string, error) {
	layer, err := t.layer()
	if err != nil {
		return "", err
	}
	img, err := t.configured(layer)
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", "syslog-gateway-image-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	at, err := layout.Write(dir, empty.Index)
	if err != nil {
		return "", err
	}
	tag := imageTag(t.version)
	err = at.AppendImage(img, layout.WithPlatform(v1.Platform{OS: t.system, Architecture: t.arch}), layout.WithAnnotations(map[string]string{
		"org.opencontainers.image.ref.name": tag,
		"io.containerd.image.name":          t.Package + ":" + tag,
	}))
	if err != nil {
		return "", err
	}
	if err := writeDockerManifest(dir, img, t.Package+":"+tag); err != nil {
		return "", err
	}
	entries, err := entriesBelow(dir)
	if err != nil {
		return "", err
	}
	packed, err := tarOf(entries, t.Epoch)
	if err != nil {
		return "", err
	}
	file := filepath.Join(t.Out, t.name()+".oci.tar")
	return file, os.WriteFile(file, packed, 0o644)
}

// imageTag is a version in the characters of a tag.
func imageTag(version string) string {
	return regexp.MustCompile(`[^A-Za-z0-9_.-]`).ReplaceAllString(version, "-")
}

// layer is the file system of the image.
func (t tree) layer() (v1.Layer, error) {
	entries := []entry{
		{name: "etc/ssl/certs/ca-certificates.crt", mode: 0o644, content: roots()},
		{name: "tmp/", mode: 0o1777},
	}
	if t.Image.State != "" {
		entries = append(entries, entry{name: strings.TrimPrefix(t.Image.State, "/") + "/", mode: 0o755, owner: imageUser})
	}
	names := []string{t.program(), t.docs() + "/copyright", t.docs() + "/third-party-licences.gz", t.docs() + "/" + billName}
	for _, name := range t.Copied {
		if strings.HasPrefix(name, "etc/") {
			names = append(names, name)
		}
	}
	for _, name := range names {
		e, err := t.entry(name, name)
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	entries = withParents(entries)
	packed, err := tarOf(entries, t.Epoch)
	if err != nil {
		return nil, err
	}
	return tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(packed)), nil },
		tarball.WithMediaType(types.OCILayer), tarball.WithCompressionLevel(gzip.DefaultCompression), tarball.WithCompressedCaching)
}

// withParents adds the folders above, and returns all in the order of their names: a folder
// stands before what it holds.
func withParents(entries []entry) []entry {
	all := make(map[string]entry)
	for _, e := range entries {
		for name := path.Dir(path.Clean(e.name)); name != "."; name = path.Dir(name) {
			all[name+"/"] = entry{name: name + "/", mode: 0o755}
		}
	}
	for _, e := range entries {
		all[e.name] = e
	}
	return slices.SortedFunc(maps.Values(all), func(a, b entry) int { return strings.Compare(a.name, b.name) })
}

// roots are the certificate authorities of Mozilla. Those that are trusted under conditions
// are left out: a file of certificates has no place for conditions.
func roots() []byte {
	var b bytes.Buffer
	for root := range bundle.Roots() {
		if root.Constraint == nil {
			b.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}))
		}
	}
	return b.Bytes()
}

// configured is an image with a layer and with what a runtime needs to know.
func (t tree) configured(layer v1.Layer) (v1.Image, error) {
	img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	created := v1.Time{Time: t.Epoch}
	img, err := mutate.Append(img, mutate.Addendum{Layer: layer, History: v1.History{Created: created, CreatedBy: "deploy/packaging"}})
	if err != nil {
		return nil, err
	}
	file, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	file = file.DeepCopy()
	file.OS, file.Architecture, file.Created = t.system, t.arch, created
	file.Config = v1.Config{
		User:       fmt.Sprintf("%d:%d", imageUser, imageUser),
		Entrypoint: []string{"/" + t.program()},
		Cmd:        t.Image.Command,
		StopSignal: "SIGTERM",
		Labels: map[string]string{
			"org.opencontainers.image.title":    t.Package,
			"org.opencontainers.image.version":  t.version,
			"org.opencontainers.image.revision": t.Commit,
			"org.opencontainers.image.licenses": "Apache-2.0",
		},
	}
	if t.Image.State != "" {
		file.Config.Volumes = map[string]struct{}{t.Image.State: {}}
	}
	for _, port := range t.Image.Ports {
		if file.Config.ExposedPorts == nil {
			file.Config.ExposedPorts = make(map[string]struct{})
		}
		file.Config.ExposedPorts[port] = struct{}{}
	}
	return mutate.ConfigFile(img, file)
}

// writeDockerManifest adds what `docker save` writes beside a layout, too.
func writeDockerManifest(dir string, img v1.Image, name string) error {
	manifest, err := img.Manifest()
	if err != nil {
		return err
	}
	blob := func(d v1.Descriptor) string { return "blobs/" + d.Digest.Algorithm + "/" + d.Digest.Hex }
	var layers []string
	for _, layer := range manifest.Layers {
		layers = append(layers, blob(layer))
	}
	text, err := json.Marshal([]struct {
		Config   string
		RepoTags []string
		Layers   []string
	}{{blob(manifest.Config), []string{name}, layers}})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "manifest.json"), text, 0o644)
}

// entriesBelow are the folders and files of a folder, in the order of their names.
func entriesBelow(dir string) (entries []entry, err error) {
	err = filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		if err != nil || file == dir {
			return err
		}
		name, err := filepath.Rel(dir, file)
		if err != nil {
			return err
		}
		e := entry{name: filepath.ToSlash(name), mode: 0o644}
		if d.IsDir() {
			e.name, e.mode = e.name+"/", 0o755
		} else if e.content, err = os.ReadFile(file); err != nil {
			return err
		}
		entries = append(entries, e)
		return nil
	})
	return entries, err
}
