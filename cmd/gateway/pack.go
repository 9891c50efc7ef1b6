package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"syslog-gateway/internal/cli"
	"syslog-gateway/internal/config"
	"syslog-gateway/internal/dialect"
	"syslog-gateway/internal/pack"
	"syslog-gateway/internal/packwhy"
	"syslog-gateway/internal/suggest"
	"syslog-gateway/internal/wiring"
)

func newPack() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "pack",
		Short: "List, show, test, explain and write packs, which recognise products",
		Long: `A pack says in YAML how the messages of a product are recognised and what becomes of
them. Packs are part of the program, or files of the site in packs.folder.

These verbs read the configuration for packs.folder and metadata. Without a configuration
file they know the packs of the program and of /etc/syslog-gateway/packs.`,
	}
	cmd.AddCommand(newPackList(), newPackShow(), newPackTest(), newPackExplain(), newPackNew())
	return cmd
}

// usualConfig reads the named file, the usual one when it is there, or the defaults. It says
// whether there is a file.
func usualConfig(cmd *cobra.Command, file string) (c config.Config, isFile bool, err error) {
	if file == "" {
		if _, err := os.Stat(defaultFile); err == nil {
			file = defaultFile
		}
	}
	c, err = config.Load(file, os.Environ(), cmd.Flags())
	return c, file != "", err
}

// packVerb returns a verb about packs, with the flag -c.
func packVerb(use, short, long string, args cobra.PositionalArgs, do func(cmd *cobra.Command, s *packSet, args []string) error) *cobra.Command {
	var file string
	cmd := &cobra.Command{Use: use, Short: short, Long: long, Args: args}
	cmd.Flags().StringVarP(&file, "config", "c", "", "configuration file (default "+defaultFile+" when it is there)")
	cmd.RunE = cli.Does(func(cmd *cobra.Command, args []string) error {
		c, _, err := usualConfig(cmd, file)
		if err != nil {
			return err
		}
		s, err := loadPacks(c)
		if err != nil {
			return err
		}
		return do(cmd, s, args)
	})
	return cmd
}

// packSet is all packs that a configuration has.
type packSet struct {
	config config.Config
	wiring.PackFiles
	// conflicts refuse the set, as Problems do; warnings do not.
	conflicts, warnings []pack.Problem
}

// loadPacks reads the site's packs and the embedded ones. Problems are no error.
func loadPacks(c config.Config) (*packSet, error) {
	files, err := wiring.ReadPacks(c.Packs.Folder)
	if err != nil {
		return nil, err
	}
	s := &packSet{config: c, PackFiles: files}
	s.compare()
	return s, nil
}

// compare finds the conflicts and warnings of the set.
func (s *packSet) compare() {
	s.conflicts, s.warnings = s.Compare(s.config.Packs.Disable)
}

// on returns the packs that are not turned off.
func (s *packSet) on(packs []pack.Pack) []pack.Pack {
	return slices.DeleteFunc(slices.Clone(packs), func(p pack.Pack) bool { return s.off(&p) })
}

func (s *packSet) off(p *pack.Pack) bool { return slices.Contains(s.config.Packs.Disable, p.Name) }

// test runs the tests of all packs that are on.
func (s *packSet) test() (*packwhy.Report, error) {
	return packwhy.Test(s.on(s.Site), s.on(s.Embedded))
}

// all returns the packs that count, sorted by name: a pack of the site takes the place of the
// embedded one with its name.
func (s *packSet) all() []*pack.Pack {
	var all []*pack.Pack
	own := make(map[string]bool, len(s.Site))
	for i := range s.Site {
		own[s.Site[i].Name] = true
		all = append(all, &s.Site[i])
	}
	for i := range s.Embedded {
		if !own[s.Embedded[i].Name] {
			all = append(all, &s.Embedded[i])
		}
	}
	slices.SortStableFunc(all, func(a, b *pack.Pack) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// refuse prints what is wrong with the set. Its error chooses the exit code only.
func (s *packSet) refuse(w io.Writer) error {
	for _, p := range slices.Concat(s.Problems, s.conflicts) {
		fmt.Fprintln(w, p)
	}
	if len(s.Problems)+len(s.conflicts) == 0 {
		return nil
	}
	return &cli.Exit{Code: cli.Failed}
}

func (s *packSet) warn(w io.Writer) {
	for _, p := range s.warnings {
		fmt.Fprintln(w, "warning: "+p.String())
	}
}

// names returns the names of all packs and built-in families.
func (s *packSet) names() []string {
	var all []string
	for _, f := range families {
		all = append(all, f.name)
	}
	for _, p := range s.all() {
		all = append(all, p.Name)
	}
	return all
}

// completePacks completes the name of a pack.
func completePacks(cmd *cobra.Command, args []string, begin string) ([]string, cobra.ShellCompDirective) {
	if len(args) != 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	file, _ := cmd.Flags().GetString("config")
	c, _, err := usualConfig(cmd, file)
	if err != nil {
		c = config.Default()
	}
	s, err := loadPacks(c)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	names := slices.DeleteFunc(s.names(), func(name string) bool { return !strings.HasPrefix(name, begin) })
	return names, cobra.ShellCompDirectiveNoFileComp
}

func unknownPack(name string, known []string) error {
	return fmt.Errorf("%q is not a pack; did you mean %s?", name, strings.Join(suggest.Closest(name, known, 1), ""))
}

// family is a vendor family that the program knows by code, shown as a pack.
type family struct{ name, about, by string }

var families = []family{
	{"cisco_asa", "Cisco ASA, FTD, PIX, FWSM, IOS and Firepower", "message id"},
	{"linux", "Programs of Linux and Unix systems: what no pack knows by name", "program, port"},
	{"palo_alto", "Palo Alto Networks PAN-OS, Traps and XSOAR", "columns, CEF, LEEF, JSON"},
	{"unifi", "Ubiquiti UniFi gateways, access points, switches and consoles", "device tag, program, CEF"},
	{"windows", "Windows event logs as XML, Snare, NXLog JSON and CEF", "XML, Snare, JSON, CEF"},
}

// classes returns the classes of the family.
func (f *family) classes() []dialect.Class {
	return slices.DeleteFunc(dialect.Classes(nil), func(c dialect.Class) bool { return c.Family != f.name })
}

// packRow is a row of pack list.
type packRow struct {
	Name      string `json:"name"`
	Kind      string `json:"kind"`
	About     string `json:"about,omitempty"`
	Classes   int    `json:"classes"`
	MatchedBy string `json:"matched_by"`
	Tests     int    `json:"tests"`
	Failed    int    `json:"tests_failed"`
	Off       bool   `json:"off,omitempty"`
	File      string `json:"file,omitempty"`
	Line      int    `json:"line,omitempty"`
}

// packList is what pack list prints.
type packList struct {
	Packs     []packRow `json:"packs"`
	Classes   int       `json:"classes"`
	Problems  []string  `json:"problems"`
	Conflicts []string  `json:"conflicts"`
	Warnings  []string  `json:"warnings"`
}

func newPackList() *cobra.Command {
	var asJSON bool
	cmd := packVerb("list", "List all packs; exit 1 if the site's own conflict or cannot be understood",
		`Lists the packs of the program, those of the site, and the built-in families. What a pack
of the site takes from one of the program is a warning on stderr; replaces: in the pack
says that it is meant.

The exit code is 1 if a pack of the site cannot be understood, or if two of them conflict.`,
		cobra.NoArgs, func(cmd *cobra.Command, s *packSet, _ []string) error {
			list, err := s.list()
			if err != nil {
				return err
			}
			if asJSON {
				enc := json.NewEncoder(cmd.OutOrStdout())
				enc.SetIndent("", "  ")
				err = enc.Encode(list)
			} else {
				err = list.print(cmd.OutOrStdout())
			}
			if err != nil {
				return err
			}
			s.warn(cmd.ErrOrStderr())
			return s.refuse(cmd.ErrOrStderr())
		})
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (s *packSet) list() (*packList, error) {
	report, err := s.test()
	if err != nil {
		return nil, err
	}
	failed := make(map[string]int)
	for _, f := range report.Failed {
		failed[f.Pack.Name]++
	}
	for _, t := range report.Thefts {
		failed[t.From.Pack.Name]++
	}
	l := &packList{Problems: lines(s.Problems), Conflicts: lines(s.conflicts), Warnings: lines(s.warnings)}
	for i := range families {
		f := &families[i]
		l.Packs = append(l.Packs, packRow{Name: f.name, Kind: "built in", About: f.about, Classes: len(f.classes()), MatchedBy: f.by})
	}
	for _, p := range s.all() {
		row := packRow{
			Name: p.Name, Kind: kindOf(p), About: p.About, Classes: len(classNames(p)), MatchedBy: s.matchedBy(p),
			Tests: len(p.Tests), Failed: failed[p.Name], Off: s.off(p), File: p.File, Line: p.Line,
		}
		l.Packs = append(l.Packs, row)
	}
	slices.SortStableFunc(l.Packs, func(a, b packRow) int { return cmp.Compare(a.Name, b.Name) })
	for i := range l.Packs {
		l.Classes += l.Packs[i].Classes
	}
	return l, nil
}

func lines(problems []pack.Problem) []string {
	all := make([]string, len(problems))
	for i, p := range problems {
		all[i] = p.String()
	}
	return all
}

func kindOf(p *pack.Pack) string {
	if p.Embedded {
		return "embedded"
	}
	return "yours"
}

// classNames returns the names of a pack's classes. One that is different in the two profiles
// counts once.
func classNames(p *pack.Pack) []string {
	var names []string
	for i := range p.Classes {
		if name := p.Classes[i].Name; !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// matchedBy says by what messages of a pack are found, pins of the site included.
func (s *packSet) matchedBy(p *pack.Pack) string {
	if p.RulesOnly() {
		return "rules only"
	}
	by := s.pins(p.Name)
	if own := p.MatchedBy(); own != "" {
		by = append(by, own)
	}
	switch {
	case p.RulesOnly():
		return "rules only"
	case len(by) == 0:
		return "pin only"
	}
	return strings.Join(by, ", ")
}

// pins returns the senders and sources that are pinned to a pack.
func (s *packSet) pins(name string) []string {
	var senders, sources []string
	for network, pinned := range s.config.Packs.Senders {
		if pinned == name {
			senders = append(senders, "sender "+network)
		}
	}
	for source, c := range s.config.Sources {
		if slices.Contains(c.Packs, name) {
			sources = append(sources, "source "+source)
		}
	}
	slices.Sort(senders)
	slices.Sort(sources)
	return append(senders, sources...)
}

func (l *packList) print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "pack\tkind\tclasses\tmatched by\ttests\tfile")
	for i := range l.Packs {
		r := &l.Packs[i]
		tests, file := "-", ""
		switch {
		case r.Off:
			tests = "off"
		case r.Failed != 0:
			tests = fmt.Sprintf("%d of %d ok", r.Tests-r.Failed, r.Tests)
		case r.Tests != 0:
			tests = fmt.Sprintf("%d ok", r.Tests)
		}
		if r.Kind == "yours" {
			file = r.File
		}
		fmt.Fprintf(t, "%s\t%s\t%d\t%s\t%s\t%s\n", r.Name, r.Kind, r.Classes, r.MatchedBy, tests, file)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "%s, %s, %s\n", count(len(l.Packs), "pack"), count(l.Classes, "class"), count(len(l.Conflicts), "conflict"))
	return err
}

// count writes a number of things.
func count(n int, thing string) string {
	switch {
	case n == 1:
		return "1 " + thing
	case strings.HasSuffix(thing, "s"):
		return fmt.Sprintf("%d %ses", n, thing)
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

func newPackTest() *cobra.Command {
	return packVerb("test [PATH…]", "Run the tests of packs; exit 1 if one fails",
		`Runs the tests of the packs of the program and of the site. With PATHs, files or folders,
it runs the tests of the packs there, as if they were in packs.folder; the tests of all
others show whether they take a line of another pack.`,
		cobra.ArbitraryArgs, func(cmd *cobra.Command, s *packSet, paths []string) error {
			tested, err := s.include(paths)
			if err != nil {
				return err
			}
			s.warn(cmd.ErrOrStderr())
			if err := s.refuse(cmd.ErrOrStderr()); err != nil {
				return err
			}
			return s.runTests(cmd.OutOrStdout(), tested)
		})
}

// include adds the packs of files and folders to those of the site. In the place of packs
// that are there already, by the same file or name, they count. It returns the names of what
// is to be tested: all packs, if there are no paths.
func (s *packSet) include(paths []string) ([]string, error) {
	if len(paths) == 0 {
		var names []string
		for _, p := range s.all() {
			names = append(names, p.Name)
		}
		return names, nil
	}
	var files []pack.File
	for _, path := range paths {
		more, err := filesOf(path)
		if err != nil {
			return nil, err
		}
		files = append(files, more...)
	}
	packs, problems := pack.Load(files)
	var names []string
	for i := range packs {
		names = append(names, packs[i].Name)
	}
	same := func(at pack.Pos) bool {
		return slices.ContainsFunc(files, func(f pack.File) bool { return absolute(f.Name) == absolute(at.File) })
	}
	s.Site = slices.DeleteFunc(s.Site, func(p pack.Pack) bool { return same(p.Pos) || slices.Contains(names, p.Name) })
	s.Problems = slices.DeleteFunc(s.Problems, func(p pack.Problem) bool { return same(p.Pos) })
	s.Site, s.Problems = append(s.Site, packs...), append(s.Problems, problems...)
	s.compare()
	if len(names) == 0 && len(problems) == 0 {
		return nil, errors.New("there is no pack in " + strings.Join(paths, " "))
	}
	return names, nil
}

// filesOf reads the packs of a file or folder.
func filesOf(path string) ([]pack.File, error) {
	if info, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("read packs: %w", err)
	} else if info.IsDir() {
		return pack.Folder(path)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read packs: %w", err)
	}
	return []pack.File{{Name: path, Data: data}}, nil
}

func absolute(path string) string {
	if full, err := filepath.Abs(path); err == nil {
		return full
	}
	return path
}

// runTests runs all tests and prints those that fail: those of the packs of these names, and
// what these packs take from others.
func (s *packSet) runTests(w io.Writer, tested []string) error {
	report, err := s.test()
	if err != nil {
		return err
	}
	failed := 0
	for _, f := range report.Failed {
		if slices.Contains(tested, f.Pack.Name) {
			failed++
			fmt.Fprintln(w, f)
		}
	}
	for i := range report.Thefts {
		if t := &report.Thefts[i]; slices.Contains(tested, t.By) {
			failed++
			fmt.Fprintln(w, t)
		}
	}
	packs, tests := 0, 0
	for _, p := range s.all() {
		if slices.Contains(tested, p.Name) && !s.off(p) {
			packs, tests = packs+1, tests+len(p.Tests)
		}
	}
	if _, err := fmt.Fprintf(w, "%s, %s, %d failed\n", count(packs, "pack"), count(tests, "test"), failed); err != nil {
		return err
	}
	if failed != 0 {
		return &cli.Exit{Code: cli.Failed}
	}
	return nil
}
