package main

import (
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// listFlags take several keys: --only a b, --only a,b and --only a --only b are the same.
func listFlags() []string {
	return []string{"--only", "--allow-destroy", "--allow-replace", "--allow-reboot", "--allow-reuse"}
}

// expandLists writes --only a b as --only=a --only=b, which is what flags can be.
func expandLists(args []string) []string {
	var out []string
	list := ""
	for i, arg := range args {
		switch {
		case arg == "--":
			return append(out, args[i:]...)
		case slices.Contains(listFlags(), arg) && i+1 < len(args) && !strings.HasPrefix(args[i+1], "-"):
			list = arg
		case list != "" && !strings.HasPrefix(arg, "-"):
			out = append(out, list+"="+arg)
		default:
			list = ""
			out = append(out, arg)
		}
	}
	return out
}

// keys is the value of a list flag. One that names nothing is wrong usage: --only "$KEY"
// of a script whose variable is empty must not read as everything.
type keys []string

// Set implements pflag.Value.
func (k *keys) Set(s string) error {
	for key := range strings.SplitSeq(s, ",") {
		if key = strings.TrimSpace(key); key == "" {
			return errors.New("it names nothing; leave the flag out if nothing is meant")
		}
		*k = append(*k, key)
	}
	return nil
}

// String implements pflag.Value.
func (k *keys) String() string { return strings.Join(*k, ",") }

// Type implements pflag.Value.
func (k *keys) Type() string { return "keys" }

// allowances are the flags that lift what a plan refuses by itself.
type allowances struct{ destroy, replace, reboot, reuse keys }

func (a *allowances) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.Var(&a.destroy, "allow-destroy", "`KEY`… of guests that may be removed")
	f.Var(&a.replace, "allow-replace", "`KEY`… of guests that may be removed and made anew")
	f.Var(&a.reboot, "allow-reboot", "`KEY`… of guests that may be restarted for changes to take effect")
	f.Var(&a.reuse, "allow-reuse", "`KEY`… of guests that may take over the VMID of another one, in place")
}

// onlyFlag restricts a verb to some guests.
func onlyFlag(cmd *cobra.Command, only *keys) {
	cmd.Flags().Var(only, "only", "`KEY`… of the guests to look at; the others are left alone")
}
