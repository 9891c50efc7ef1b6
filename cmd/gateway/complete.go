package main

import (
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"syslog-gateway/internal/config"
	"syslog-gateway/internal/hec"
	"syslog-gateway/internal/wiring"
)

// completions makes the shell complete the values of flags, by the names of the flags.
func completions(root *cobra.Command) {
	for _, cmd := range root.Commands() {
		completions(cmd)
	}
	root.Flags().VisitAll(func(f *pflag.Flag) {
		if values, ok := flagValues()[f.Name]; ok {
			// It only fails for a flag that is not there, or that has one already.
			_ = root.RegisterFlagCompletionFunc(f.Name, values)
		}
	})
}

// flagValues are the values of flags by their names. A name means the same at each verb.
func flagValues() map[string]cobra.CompletionFunc {
	return map[string]cobra.CompletionFunc{
		"config":     files("yaml", "yml"),
		"path":       folders,
		"output":     folders,
		"queue.path": folders,
		"source":     byConfig(func(c config.Config) []string { return slices.Sorted(maps.Keys(c.Sources)) }),
		"class":      byConfig(everyClass),
		"reason":     words(hec.Reasons()...),
		"framing":    words("auto", "lf", "octet", "datagram"),
		"log.level":  words("debug", "info", "warn", "error"),
		"log.format": words("auto", "text", "json", "journal"),
	}
}

func words(list ...string) cobra.CompletionFunc {
	return cobra.FixedCompletions(list, cobra.ShellCompDirectiveNoFileComp)
}

// files completes files with one of these endings, and folders on the way.
func files(endings ...string) cobra.CompletionFunc {
	return cobra.FixedCompletions(endings, cobra.ShellCompDirectiveFilterFileExt)
}

func folders(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveFilterDirs
}

// byConfig completes names of the configuration that the flag -c names, or of the usual one.
// Where it is wrong, the defaults have the names.
func byConfig(names func(config.Config) []string) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, begin string) ([]cobra.Completion, cobra.ShellCompDirective) {
		file := ""
		if f := cmd.Flags().Lookup("config"); f != nil && f.Changed {
			file = f.Value.String()
		} else if _, err := os.Stat(defaultFile); err == nil {
			file = defaultFile
		}
		c, err := config.Load(file, os.Environ(), nil)
		if err != nil {
			c = config.Default()
		}
		return slices.DeleteFunc(names(c), func(name string) bool { return !strings.HasPrefix(name, begin) }), cobra.ShellCompDirectiveNoFileComp
	}
}

func everyClass(c config.Config) []string {
	names, err := wiring.ClassNames(c)
	if err != nil {
		return nil
	}
	slices.Sort(names)
	return slices.Compact(names) // some classes have several packs
}
