package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// version and commit are set by the linker: Makefile, deploy/packaging and deploy/docker do so.
var version, commit string

// Build says which build of the project a program is.
type Build struct{ Version, Commit string }

// ThisBuild returns what the linker was told, else what the go command recorded: the module's
// version and the revision of the source tree, or "dev" and "unknown".
func ThisBuild() Build {
	b := Build{Version: version, Commit: commit}
	info, ok := debug.ReadBuildInfo()
	if b.Version == "" && ok && info.Main.Version != "(devel)" {
		b.Version = info.Main.Version
	}
	for i := 0; b.Commit == "" && ok && i < len(info.Settings); i++ {
		if s := info.Settings[i]; s.Key == "vcs.revision" {
			b.Commit = s.Value
		}
	}
	if b.Version == "" {
		b.Version = "dev"
	}
	if b.Commit == "" {
		b.Commit = "unknown"
	}
	return b
}

// Text is what the verb "version" of a program prints.
func (b Build) Text(program string) string {
	return fmt.Sprintf("%s %s\ncommit %s\n%s %s/%s\n", program, b.Version, b.Commit, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
