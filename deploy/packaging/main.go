package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
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
	Formats  []string // deb, rpm
	Systems  []string // of archives of provision, by Go's names
	NFPM     string   // the program
	Epoch    time.Time
}

func newCommand() *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use:   "packaging",
		Short: "Build the .deb and .rpm packages, and archives of provision",
		Args:  cobra.NoArgs,
	}
	f := cmd.Flags()
	f.StringVar(&o.Root, "root", ".", "folder of the repository")
	f.StringVar(&o.Out, "out", "dist", "where the packages go")
	f.StringVar(&o.Describe, "version", "dev", "version as `git describe` says it: v1.2.0, v1.2.0-3-gabc1234 or abc1234")
	f.StringVar(&o.Commit, "commit", "unknown", "commit that `gateway version` prints")
	f.StringSliceVar(&o.Packages, "package", nil, "packages to build, by name; all of them without it")
	f.StringSliceVar(&o.Archs, "arch", []string{"amd64", "arm64"}, "architectures, by Go's names")
	f.StringSliceVar(&o.Formats, "format", []string{"deb", "rpm"}, "formats to build")
	f.StringSliceVar(&o.Systems, "archive", []string{"linux", "darwin"}, "systems that archives of provision are for, by Go's names")
	f.StringVar(&o.NFPM, "nfpm", "bin/tools/nfpm", "the nfpm program")
	cmd.RunE = cli.Does(func(cmd *cobra.Command, _ []string) error {
		var err error
		if o.Root, err = filepath.Abs(o.Root); err != nil {
			return err
		}
		if o.Epoch, err = epoch(cmd.Context(), o.Root); err != nil {
			return err
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

// build makes all packages and archives, and returns their files.
func build(ctx context.Context, o options) (files []string, err error) {
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
		for _, arch := range o.Archs {
			t := tree{options: o, product: p, arch: arch, version: packageVersion(o.Describe, o.Epoch), dir: filepath.Join(work, p.Package, arch)}
			made, err := t.build(ctx)
			files = append(files, made...)
			if err != nil {
				return files, fmt.Errorf("%s, %s: %w", p.Package, arch, err)
			}
		}
	}
	if len(o.Packages) != 0 { // archives were not asked for
		return files, nil
	}
	for _, arch := range o.Archs {
		t := tree{options: o, arch: arch, version: packageVersion(o.Describe, o.Epoch), dir: filepath.Join(work, "archives", arch)}
		for _, system := range o.Systems {
			file, err := t.archive(ctx, system)
			if err != nil {
				return files, fmt.Errorf("%s, %s: %w", system, arch, err)
			}
			files = append(files, file)
		}
	}
	return files, nil
}

// chosen returns the packages that are to be built.
func (o options) chosen() ([]product, error) {
	all := products()
	if len(o.Packages) == 0 {
		return all, nil
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
