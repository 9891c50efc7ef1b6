package main

import (
	"errors"
	"fmt"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/plan"
	"syslog-gateway/internal/infra/plan/change"
	"syslog-gateway/internal/printable"
)

func newAdopt(s *settings) *cobra.Command {
	var wait time.Duration
	cmd := &cobra.Command{
		Use:   "adopt [KEY…]",
		Short: "Take over guests that exist already: record them, say what differs",
		Long: `Finds the declared guests that are live already, by VMID, and records them as ours.
Nothing is changed on Proxmox VE: what differs is shown, and the next apply changes it in
place. A guest of another kind or name under a declared VMID is not taken over.`,
	}
	waitFlag(cmd, &wait)
	cmd.RunE = does(func(cmd *cobra.Command, keys []string) error {
		w, err := s.begin(cmd, wait)
		if err != nil {
			return err
		}
		return errors.Join(w.adopt(cmd, keys), w.end())
	})
	return cmd
}

// adoption is what became of one guest.
type adoption struct {
	Key     string        `json:"key"`
	VMID    int           `json:"vmid"`
	Adopted bool          `json:"adopted"`
	Says    string        `json:"says"`
	Fields  []change.Diff `json:"fields,omitempty"`
}

func (w *work) adopt(cmd *cobra.Command, keys []string) error {
	options := w.planOptions(keys, allowances{})
	options.OnlyName = "adopt"
	p, err := plan.Make(cmd.Context(), w.client, w.estate, options)
	if err != nil {
		return err
	}
	changes := make(map[int]change.Change)
	for _, c := range p.Changes {
		if c.Guest() && c.Action != change.Destroy {
			changes[c.VMID] = c
		}
	}
	var all []adoption
	refused := 0
	for _, g := range w.estate.Guests() {
		if len(keys) > 0 && !slices.Contains(keys, g.Key) {
			continue
		}
		a := judge(g, changes)
		if a.Adopted {
			w.recordGuest(g)
		}
		if c := changes[g.VMID]; c.Action == change.Refuse {
			refused++
		}
		all = append(all, a)
	}
	if err := w.save(); err != nil {
		return err
	}
	if err := w.printAdoptions(all); err != nil {
		return err
	}
	if refused > 0 {
		return fmt.Errorf("not taken over: %s, since another one has the VMID or something else speaks against it", count(refused, "guest"))
	}
	return nil
}

// judge says what a plan makes of one guest: without a change it is live and as declared.
func judge(g *declaration.Guest, changes map[int]change.Change) adoption {
	c, changed := changes[g.VMID]
	a := adoption{Key: g.Key, VMID: g.VMID, Fields: c.Fields}
	switch {
	case !changed:
		a.Adopted, a.Says = true, "as declared"
	case c.Action == change.Create || c.Action == change.Wait:
		a.Says, a.Fields = "is not there: apply makes it", nil
	case c.Action == change.Refuse && len(c.Blocks) > 0:
		a.Says = c.Blocks[0].Why
	case c.Action == change.Replace:
		a.Adopted, a.Says = true, differs(c)+", not all can be changed in place"
	default:
		a.Adopted, a.Says = true, differs(c)
	}
	return a
}

// differs counts what does.
func differs(c change.Change) string {
	if len(c.Fields) == 1 {
		return "1 field differs"
	}
	return fmt.Sprintf("%d fields differ", len(c.Fields))
}

func (w *work) printAdoptions(all []adoption) error {
	if w.asJSON {
		return printJSON(w.out, all)
	}
	t := tabwriter.NewWriter(w.out, 0, 8, 2, ' ', 0)
	for _, a := range all {
		verb := "left"
		if a.Adopted {
			verb = "adopted"
		}
		fmt.Fprintf(t, "%s\t%s\t%d\t%s\n", verb, a.Key, a.VMID, printable.Escape(a.Says))
		for _, f := range a.Fields {
			fmt.Fprintf(t, "\t\t\t  %s\n", field(f))
		}
	}
	return t.Flush()
}
