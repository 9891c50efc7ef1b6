package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"syslog-gateway/internal/cli"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(cli.Run(ctx, newCommand(), os.Args[1:], cli.Std(), nil))
}

// options are what a build is made from.
type options struct {
	Root     string   // of the repository
	Out      string   // where packages go
	Describe string   // the version as `git describe` says it
	Commit   string   // short, for gateway version
	Packages []string // names; all if there is none
	Archs    []string // Go's names
	Formats  []string // deb, rpm, archive, image, apt
	NFPM     string   // the program
	Epoch    time.Time
	Keys     keys
}

func newCommand() *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use:   "packaging",
		Short: "Build packages, archives, container images and the apt folder of a release",
		Args:  cobra.NoArgs,
	}
	f := cmd.Flags()
	f.StringVar(&o.Root, "root", ".", "folder of the repository")
	f.StringVar(&o.Out, "out", "dist", "where the files go")
	f.StringVar(&o.Describe, "version", "dev", "version as `git describe` says it: v1.2.0, v1.2.0-3-gabc1234 or abc1234")
	f.StringVar(&o.Commit, "commit", "unknown", "commit that `gateway version` prints")
	f.StringSliceVar(&o.Packages, "package", nil, "what to build, by the name of the package; everything without it")
	f.StringSliceVar(&o.Archs, "arch", []string{"amd64", "arm64"}, "architectures, by Go's names")
	f.StringSliceVar(&o.Formats, "format", append(slices.Clone(formats), formatAPT), "formats to build")
	f.StringVar(&o.NFPM, "nfpm", "bin/tools/nfpm", "the nfpm program")
	cmd.RunE = cli.Does(func(cmd *cobra.Command, _ []string) error {
		var err error
		if o.Root, err = filepath.Abs(o.Root); err != nil {
			return err
		}
		if o.Epoch, err = epoch(cmd.Context(), o.Root); err != nil {
			return err
		}
		if o.Keys, err = takeKeys(); err != nil {
			return err
		}
		if missing := o.Keys.missing(); missing != "" {
			fmt.Fprintln(cmd.ErrOrStderr(), missing)
		}
		files, err := build(cmd.Context(), o)
		for _, f := range files {
			fmt.Fprintln(cmd.OutOrStdout(), f)
		}
		return err
	})
	return cmd
}

// epoch is the one time that all files of a package have: SOURCE_DATE_EPOCH
// (https://reproducible-builds.org/specs/source-date-epoch/), else the commit's.
func epoch(ctx context.Context, root string) (time.Time, error) {
	text := os.Getenv("SOURCE_DATE_EPOCH")
	if text == "" {
		out, err := exec.CommandContext(ctx, "git", "-C", root, "log", "-1", "--format=%ct").Output()
		if err != nil {
			return time.Time{}, fmt.Errorf("no SOURCE_DATE_EPOCH, and git says no commit time in %s: set the variable (%w)", root, err)
		}
		text = string(out)
	}
	seconds, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH is %q: seconds since 1970 are needed", text)
	}
	return time.Unix(seconds, 0).UTC(), nil
}

// build makes everything that was asked for, and returns the files but those of the apt folder.
func build(ctx context.Context, o options) (files []string, err error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.Out, 0o755); err != nil {
		return nil, err
	}
	work, err := os.MkdirTemp("", "syslog-gateway-package-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	all, err := o.chosen()
	if err != nil {
		return nil, err
	}
	for _, p := range all {
		made, err := o.product(ctx, p, filepath.Join(work, p.Package))
		files = append(files, made...)
		if err != nil {
			return files, err
		}
	}
	if slices.Contains(o.Formats, formatAPT) {
		var debs []string
		for _, file := range files {
			if filepath.Ext(file) == ".deb" {
				debs = append(debs, file)
			}
		}
		if err := aptRepository(o, debs); err != nil {
			return files, fmt.Errorf("make the apt folder: %w", err)
		}
	}
	sealed, err := seal(o, files)
	return append(files, sealed...), err
}

// product makes the files of one product in a folder to work in.
func (o options) product(ctx context.Context, p product, work string) (files []string, err error) {
	t := tree{options: o, product: p, version: packageVersion(o.Describe, o.Epoch), native: filepath.Join(work, "native", p.Binary)}
	if err := t.compileFor(ctx, runtime.GOOS, runtime.GOARCH, t.native); err != nil {
		return nil, err
	}
	for _, system := range systems {
		for _, arch := range o.Archs {
			t.system, t.arch, t.dir = system, arch, filepath.Join(work, system, arch)
			if len(t.formats()) == 0 {
				continue
			}
			made, err := t.build(ctx)
			files = append(files, made...)
			if err != nil {
				return files, fmt.Errorf("%s, %s, %s: %w", p.Package, system, arch, err)
			}
		}
	}
	return files, nil
}

// check refuses formats that there are not.
func (o options) check() error {
	for _, format := range o.Formats {
		if format != formatAPT && !slices.Contains(formats, format) {
			return fmt.Errorf("there is no format %q: use %s or %s", format, strings.Join(formats, ", "), formatAPT)
		}
	}
	if slices.Contains(o.Formats, formatAPT) && !slices.Contains(o.Formats, formatDeb) {
		return fmt.Errorf("format %s needs %s, too", formatAPT, formatDeb)
	}
	return nil
}

// chosen returns the products that are to be built.
func (o options) chosen() ([]product, error) {
	all, err := products(o.Root)
	if err != nil || len(o.Packages) == 0 {
		return all, err
	}
	var some []product
	for _, name := range o.Packages {
		i := slices.IndexFunc(all, func(p product) bool { return p.Package == name })
		if i < 0 {
			return nil, fmt.Errorf("there is no package %q", name)
		}
		some = append(some, all[i])
	}
	return some, nil
}
