// Package catalog has the packs that are part of the program: the files *.yaml beside this
// one.
package catalog

import (
	"embed"
	"errors"
	"sync"

	"syslog-gateway/internal/pack"
)

//go:embed *.yaml
var folder embed.FS

// Load returns the embedded packs. The caller must not change them.
func Load() ([]pack.Pack, error) { return load() }

var load = sync.OnceValues(func() ([]pack.Pack, error) {
	files, err := Files()
	if err != nil {
		return nil, err
	}
	packs, problems := pack.Load(files)
	if len(problems) != 0 {
		return nil, errors.New(problems[0].String())
	}
	for i := range packs {
		packs[i].Embedded = true
	}
	return packs, nil
})

// Files returns the files, as pack.Load takes them.
func Files() ([]pack.File, error) {
	entries, err := folder.ReadDir(".")
	if err != nil {
		return nil, err
	}
	var files []pack.File
	for _, e := range entries {
		data, err := folder.ReadFile(e.Name())
		if err != nil {
			return nil, err
		}
		files = append(files, pack.File{Name: "catalog/" + e.Name(), Data: data})
	}
	return files, nil
}
