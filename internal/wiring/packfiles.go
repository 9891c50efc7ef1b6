package wiring

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"slices"

	"syslog-gateway/internal/config"
	"syslog-gateway/internal/matcher"
	"syslog-gateway/internal/pack"
	"syslog-gateway/internal/pack/catalog"
	"syslog-gateway/internal/status"
)

// PackFiles is what the files of packs say.
type PackFiles struct {
	Site, Embedded []pack.Pack
	// Problems are the mistakes in the site's files.
	Problems []pack.Problem
	hash     string
}

// ReadPacks reads the packs of a folder and the embedded ones. Mistakes in them are no error.
func ReadPacks(folder string) (p PackFiles, err error) {
	if p.Embedded, err = catalog.Load(); err != nil {
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
	p.Site, p.Problems = pack.Load(files)
	return p, nil
}

// Compare returns the conflicts between the site's packs, and what these take from embedded
// packs that are not turned off.
func (p *PackFiles) Compare(disable []string) (conflicts, warnings []pack.Problem) {
	return pack.Conflicts(p.Site, slices.DeleteFunc(slices.Clone(p.Embedded), func(one pack.Pack) bool { return slices.Contains(disable, one.Name) }))
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
func (p *PackFiles) status(c config.Config, set *matcher.Set, warnings []pack.Problem) status.Packs {
	s := status.Packs{Hash: p.hash, Folder: c.Packs.Folder, Site: []status.SitePack{}}
	names := make(map[string]bool, len(p.Site))
	for i := range p.Site {
		one := &p.Site[i]
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
	for i := range p.Embedded {
		if name := p.Embedded[i].Name; !names[name] && !slices.Contains(c.Packs.Disable, name) {
			s.InForce++
			s.Embedded++
		}
	}
	for _, class := range set.Classes() {
		if i := slices.IndexFunc(s.Site, func(one status.SitePack) bool { return one.Name == class.Pack.Name }); i >= 0 && !slices.Contains(s.Site[i].Classes, class.Name) {
			s.Site[i].Classes = append(s.Site[i].Classes, class.Name)
		}
	}
	for _, w := range warnings {
		if i := p.packAt(w.Pos); i >= 0 {
			s.Site[i].Warnings = append(s.Site[i].Warnings, fmt.Sprintf("line %d: %s", w.Line, w.Text))
		}
	}
	return s
}

// packAt returns the index of the site's pack that has a line of a file: the last that
// begins at or before it.
func (p *PackFiles) packAt(at pack.Pos) int {
	best := -1
	for i := range p.Site {
		if one := p.Site[i].Pos; one.File == at.File && one.Line <= at.Line && (best < 0 || one.Line >= p.Site[best].Line) {
			best = i
		}
	}
	return best
}
