package workflow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"syslog-gateway/internal/infra/apply"
	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/inventory"
	"syslog-gateway/internal/infra/plan"
	"syslog-gateway/internal/infra/plan/change"
	"syslog-gateway/internal/infra/state"
)

// Work is a session that holds the lock and may write. While it is open, no other run
// changes the record.
type Work struct {
	*Session
	release  func() error // of the lock
	command  string       // for the journal
	register *register
}

// Begin opens a session and takes the lock, as the options say. Close the work.
func Begin(ctx context.Context, site Site, access Access, options state.LockOptions) (*Work, error) {
	s, err := Open(ctx, site, access)
	if err != nil {
		return nil, err
	}
	w := &Work{Session: s, command: options.Command}
	if w.release, err = s.backend.Lock(ctx, options); err != nil {
		s.Close()
		return nil, err
	}
	if err := w.reload(ctx); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return w, nil
}

// reload reads the record again: another run may have changed it before the lock came
// free.
func (w *Work) reload(ctx context.Context) error {
	record, err := w.backend.Load(ctx)
	if err != nil {
		return err
	}
	if err := errors.Join(w.site.sameDeclaration(record), w.sameCluster(record)); err != nil {
		return err
	}
	if record.Deployment, err = w.site.place(); err != nil {
		return err
	}
	record.Cluster, w.record = w.id, record
	// What was done is saved, also after Ctrl-C.
	save := func(r *state.Record) error { return w.backend.Save(context.WithoutCancel(ctx), r) }
	w.register = &register{estate: w.estate, record: record, save: save}
	return nil
}

// Close ends the connections and gives the lock back.
func (w *Work) Close() error {
	w.Session.Close()
	return w.release()
}

// Settle waits for the tasks of an apply that was interrupted. If there are such steps,
// report is called first with their number.
func (w *Work) Settle(ctx context.Context, report func(steps int)) error {
	steps, err := w.backend.Dir.Interrupted()
	if err != nil || len(steps) == 0 {
		return err
	}
	report(len(steps))
	var tasks []string
	for _, e := range steps {
		if e.UPID != "" {
			tasks = append(tasks, e.UPID)
		}
	}
	return apply.Settle(ctx, w.cluster.Client, tasks)
}

// CarryOut carries a plan out, and records each change as soon as it is done. The error
// is an *apply.Refused if the plan is refused; then nothing was done. The result is never
// nil.
func (w *Work) CarryOut(ctx context.Context, p *plan.Plan, progress func(apply.Event)) (*apply.Result, error) {
	if reasons := p.Blocks(); len(reasons) > 0 {
		return &apply.Result{}, &apply.Refused{Reasons: reasons}
	}
	if p.Empty() {
		return &apply.Result{Converged: !p.Partial()}, w.endInterrupted()
	}
	if err := w.cluster.tryRoot(ctx, p); err != nil {
		return &apply.Result{}, err
	}
	if err := w.dns.ready(ctx, p); err != nil {
		return &apply.Result{}, err
	}
	if err := w.register.begin(); err != nil {
		return &apply.Result{}, err
	}
	journal, err := w.backend.Dir.Journal(w.command, "")
	if err != nil {
		return &apply.Result{}, err
	}
	options := apply.Options{Root: w.cluster.root(), Journal: journal, Done: w.register.change, Progress: progress}
	if w.dns != nil {
		options.Zone = w.dns
	}
	if w.cluster.SSH.Usable() {
		options.Upload = w.cluster.SSH.Upload
	}
	result, err := apply.Run(ctx, w.cluster.Client, p, options)
	if err != nil {
		return result, errors.Join(err, journal.Close())
	}
	return result, journal.Finish()
}

// endInterrupted ends the journal of an interrupted apply that has nothing left to do.
func (w *Work) endInterrupted() error {
	steps, err := w.backend.Dir.Interrupted()
	if err != nil || len(steps) == 0 {
		return err
	}
	journal, err := w.backend.Dir.Journal(w.command, "")
	if err != nil {
		return err
	}
	return journal.Finish()
}

// Conclude ends the apply of a whole plan that converged: it records all that is
// declared, and publishes the inventory to the declared targets and to more. by is the
// program's name in the sidecar. While a step by hand remains, nothing is published.
func (w *Work) Conclude(ctx context.Context, p *plan.Plan, more []string, by string) ([]inventory.Result, error) {
	byHand := p.Owed()
	live, err := w.cluster.Client.Resources(ctx)
	if err != nil {
		return nil, fmt.Errorf("find out which guests exist, and where: %w", err)
	}
	w.register.dropMissing(w.register.undeclared(), live)
	w.register.locate(live)
	if err := w.register.all(len(byHand) == 0); err != nil {
		return nil, err
	}
	targets := slices.Clone(w.estate.InventorySync)
	for _, path := range more {
		targets = append(targets, declaration.InventoryFile(path))
	}
	if len(targets) == 0 {
		return nil, nil
	}
	if len(byHand) > 0 {
		return nil, fmt.Errorf("the inventory is not published: these guests do not have their declared address until the step by hand is done: %s; "+
			"then run this again", strings.Join(byHand, ", "))
	}
	results, err := inventory.Publish(w.estate, w.register.nodes, targets, by)
	if err != nil {
		return nil, fmt.Errorf("the estate is as declared, but %w", err)
	}
	return results, nil
}

// Adoption is what adopt made of one guest.
type Adoption struct {
	Key     string        `json:"key"`
	VMID    int           `json:"vmid"`
	Adopted bool          `json:"adopted"`
	Says    string        `json:"says"`
	Fields  []change.Diff `json:"fields,omitempty"`
	// Blocks are why an apply would refuse the guest as it is declared.
	Blocks []change.Block `json:"blocks,omitempty"`
	// Manual is what remains to be done by hand.
	Manual  []string `json:"manual,omitempty"`
	Refused bool     `json:"-"` // the guest is live and cannot be adopted
}

// Adopt records the declared guests that are live already as ours; keys restricts it to
// some. Nothing changes on Proxmox VE.
func (w *Work) Adopt(ctx context.Context, keys []string) ([]Adoption, error) {
	p, err := w.planGuests(ctx, plan.Options{Only: keys, OnlyName: "adopt"})
	if err != nil {
		return nil, err
	}
	live, err := w.cluster.Client.Resources(ctx)
	if err != nil {
		return nil, fmt.Errorf("find out where the guests are: %w", err)
	}
	w.register.locate(live)
	changes := make(map[int]change.Change)
	for _, c := range p.Changes {
		if c.Guest() && c.Action != change.Destroy {
			changes[c.VMID] = c
		}
	}
	var all []Adoption
	for _, g := range w.estate.Guests() {
		if len(keys) > 0 && !slices.Contains(keys, g.Key) {
			continue
		}
		c, changed := changes[g.VMID]
		a := adoption(g, c, changed)
		if a.Adopted {
			w.register.remove(g.VMID) // what it was made from is what is declared from now on
			w.register.guest(g)
		}
		all = append(all, a)
	}
	return all, w.register.save(w.record)
}

// adoption judges one guest by its change in the plan. A guest without a change is live
// and as declared.
func adoption(g *declaration.Guest, c change.Change, changed bool) Adoption {
	a := Adoption{Key: g.Key, VMID: g.VMID, Fields: c.Fields, Blocks: c.Blocks, Manual: c.Manual, Refused: c.Action == change.Refuse}
	switch {
	case !changed:
		a.Adopted, a.Says = true, "as declared"
	case c.Action == change.Create || c.Action == change.Wait:
		a.Says, a.Fields, a.Manual = "does not exist: apply creates it", nil, nil
	case c.Action == change.Refuse && len(c.Blocks) > 0:
		a.Says, a.Blocks = c.Blocks[0].Why, c.Blocks[1:]
	case len(c.Blocks) > 0 && c.Action != change.Replace:
		a.Adopted, a.Says = true, differences(c)+", and apply refuses what is declared"
	case c.Action == change.Replace:
		a.Adopted, a.Says = true, differences(c)+", not all can be changed in place"
	case c.Action == change.Manual:
		a.Adopted, a.Says = true, "a step by hand remains"
	default:
		a.Adopted, a.Says = true, differences(c)
	}
	return a
}

func differences(c change.Change) string {
	switch len(c.Fields) {
	case 0:
		return "no field differs"
	case 1:
		return "1 field differs"
	}
	return fmt.Sprintf("%d fields differ", len(c.Fields))
}
