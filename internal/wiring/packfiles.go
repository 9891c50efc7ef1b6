package wiring

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"syslog-gateway/internal/config"
	"syslog-gateway/internal/matcher"
	"syslog-gateway/internal/pack"
	"syslog-gateway/internal/pack/catalog"
	"syslog-gateway/internal/status"
)

// packFiles is what the files of packs say.
type packFiles struct {
	site, embedded []pack.Pack
	warnings       []pack.Problem // what the site's packs take from embedded ones
	hash           string
}

// readPacks reads the packs of a folder and the embedded ones.
func readPacks(folder string) (p packFiles, err error) {
	p.embedded, err = catalog.Load()
	if err != nil {
		return p, err
	}
	own, err := catalog.Files()
	if err != nil {
		return p, err
	}
	files, err := pack.Folder(folder)
	if err != nil {
		return p, fmt.Errorf("packs.folder: %w", err)
	}
	p.hash = hashOf(files, own)
	site, problems := pack.Load(files)
	conflicts, warnings := pack.Conflicts(site, p.embedded)
	p.site, p.warnings = site, warnings
	var errs []error
	for _, problem := range append(problems, conflicts...) {
		errs = append(errs, errors.New(problem.String()))
	}
	return p, errors.Join(errs...)
}

// hashDigits is how much of a hash is shown: enough to compare gateways.
const hashDigits = 12

// hashOf returns the begin of the SHA-256 over the names and the bytes of files, each with
// its length in front. The folder of the site's files makes no difference.
func hashOf(site, embedded []pack.File) string {
	h := sha256.New()
	add := func(data []byte) {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(data))))
		h.Write(data)
	}
	for _, f := range site {
		add([]byte(filepath.Base(f.Name)))
		add(f.Data)
	}
	for _, f := range embedded {
		add([]byte(f.Name))
		add(f.Data)
	}
	return hex.EncodeToString(h.Sum(nil))[:hashDigits]
}

// status is what is shown of the packs of a set.
func (p *packFiles) status(c config.Config, set *matcher.Set) status.Packs {
	s := status.Packs{Hash: p.hash, Folder: c.Packs.Folder, Site: []status.SitePack{}}
	names := make(map[string]bool, len(p.site))
	for i := range p.site {
		one := &p.site[i]
		names[one.Name] = true
		shown := status.SitePack{
			Name: one.Name, About: one.About, File: one.File, Line: one.Line,
			Disabled: slices.Contains(c.Packs.Disable, one.Name), Classes: []string{}, Warnings: []string{},
		}
		if !shown.Disabled {
			s.InForce++
		}
		s.Site = append(s.Site, shown)
	}
	for i := range p.embedded {
		if name := p.embedded[i].Name; !names[name] && !slices.Contains(c.Packs.Disable, name) {
			s.InForce++
			s.Embedded++
		}
	}
	for _, class := range set.Classes() {
		if i := slices.IndexFunc(s.Site, func(one status.SitePack) bool { return one.Name == class.Pack.Name }); i >= 0 && !slices.Contains(s.Site[i].Classes, class.Name) {
			s.Site[i].Classes = append(s.Site[i].Classes, class.Name)
		}
	}
	for _, w := range p.warnings {
		if i := p.packAt(w.Pos); i >= 0 {
			s.Site[i].Warnings = append(s.Site[i].Warnings, fmt.Sprintf("line %d: %s", w.Line, w.Text))
		}
	}
	return s
}

// packAt returns the index of the site's pack that has a line of a file: the last that
// begins at or before it.
func (p *packFiles) packAt(at pack.Pos) int {
	best := -1
	for i := range p.site {
		if one := p.site[i].Pos; one.File == at.File && one.Line <= at.Line && (best < 0 || one.Line >= p.site[best].Line) {
			best = i
		}
	}
	return best
}
