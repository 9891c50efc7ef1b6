// Package preflight looks for what would stop a gateway on this machine, before it starts:
// ports, limits of the kernel, files and folders as the service's user sees them, room on the
// disk, and the way to each HEC endpoint. It knows nothing of the configuration file. It
// changes nothing; no event is sent unless [HEC.SendEvents] asks for it.
//
// A [Check] returns findings. [Run] carries out a list of checks side by side, so whoever
// reaches something else adds a Check of their own to the list.
package preflight

import (
	"context"
	"sync"
)

// Result is what a check has found.
type Result string

// The results. Failed means that the gateway does not start or does not deliver. A Warning is
// probably not meant. NotChecked says what to do so that it is checked.
const (
	OK         Result = "ok"
	Warning    Result = "warning"
	Failed     Result = "failed"
	NotChecked Result = "not checked"
)

// Finding is what one check says about one thing.
type Finding struct {
	Name   string // what was checked, such as "port 1514/udp"
	Result Result
	Text   string // a sentence; for all but OK it says what to do
}

// A Check returns what it has found. It ends soon after its context, except for calls of the
// file system.
type Check func(ctx context.Context) []Finding

// Run carries out the checks side by side and returns their findings in the order of the list.
func Run(ctx context.Context, checks []Check) []Finding {
	found := make([][]Finding, len(checks))
	var all sync.WaitGroup
	for i, check := range checks {
		all.Go(func() { found[i] = check(ctx) })
	}
	all.Wait()
	var list []Finding
	for _, f := range found {
		list = append(list, f...)
	}
	return list
}

// one is the result of a check that has a single finding.
func one(name string, result Result, text string) []Finding {
	return []Finding{{name, result, text}}
}
