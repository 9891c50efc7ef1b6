package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// listFlags take several keys: --only a b, --only a,b and --only a --only b are the same.
func listFlags() []string {
	return []string{"--only", "--allow-destroy", "--allow-replace", "--allow-reboot"}
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

// allowances are the flags that lift what a plan refuses by itself.
type allowances struct{ destroy, replace, reboot []string }

func (a *allowances) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringSliceVar(&a.destroy, "allow-destroy", nil, "`KEY`… of guests that may be removed")
	f.StringSliceVar(&a.replace, "allow-replace", nil, "`KEY`… of guests that may be removed and made anew")
	f.StringSliceVar(&a.reboot, "allow-reboot", nil, "`KEY`… of guests that may be restarted for changes to take effect")
}

// onlyFlag restricts a verb to some guests.
func onlyFlag(cmd *cobra.Command, only *[]string) {
	cmd.Flags().StringSliceVar(only, "only", nil, "`KEY`… of the guests to look at; the others are left alone")
}
