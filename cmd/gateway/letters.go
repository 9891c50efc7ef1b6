package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"syslog-gateway/internal/cli"
	"syslog-gateway/internal/config"
	"syslog-gateway/internal/deadletter"
	"syslog-gateway/internal/hec"
	"syslog-gateway/internal/printable"
	"syslog-gateway/internal/suggest"
)

// letterFilter chooses dead letters. Empty fields choose all.
type letterFilter struct {
	reason, source, text, since string
}

func (f *letterFilter) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.reason, "reason", "", "only with this reason, such as incorrect_index")
	cmd.Flags().StringVar(&f.source, "source", "", "only of this source")
	cmd.Flags().StringVar(&f.text, "text", "", "only with this text in the event or in what Splunk said")
	cmd.Flags().StringVar(&f.since, "since", "", "only refused since then: a time (RFC 3339) or how long ago, such as 24h")
}

// choice returns what chooses a letter: the filter, and the IDs unless there are none.
func (f *letterFilter) choice(ids []string) (func(deadletter.Letter) bool, error) {
	var errs []error
	if known := hec.Reasons(); f.reason != "" && !slices.Contains(known, f.reason) {
		errs = append(errs, fmt.Errorf("--reason %q is none of %s; did you mean %s?", f.reason, strings.Join(known, ", "), suggest.Closest(f.reason, known, 1)[0]))
	}
	since, err := momentOf(f.since)
	if err != nil {
		errs = append(errs, fmt.Errorf("--since %q is neither a time such as 2026-03-14T14:00:00Z nor how long ago, such as 24h", f.since))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, &cli.Exit{Code: cli.Usage, Err: err}
	}
	want := make(map[string]bool, len(ids))
	for _, id := range ids {
		want[id] = true
	}
	return func(l deadletter.Letter) bool {
		return (len(want) == 0 || want[l.ID]) && (f.reason == "" || l.Reason == f.reason) && (f.source == "" || l.Source == f.source) &&
			!l.Time.Before(since) && (f.text == "" || strings.Contains(l.Text, f.text) || strings.Contains(string(l.Event), f.text))
	}, nil
}

// momentOf reads a time, or how long ago it was; "" is the zero time.
func momentOf(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return time.Now().Add(-ago), nil
	}
	return time.Parse(time.RFC3339Nano, text)
}

// counted returns choose, which also shows how many of the chosen letters are read.
func counted(store *deadletter.Store, far *progress, choose func(deadletter.Letter) bool) func(deadletter.Letter) bool {
	if far.to == nil {
		return choose
	}
	var total, done int64
	for l, err := range store.All() {
		if err == nil && choose(l) {
			total++
		}
	}
	return func(l deadletter.Letter) bool {
		ok := choose(l)
		if ok {
			done++
			far.count(done, total)
		}
		return ok
	}
}

// letterList are the flags of `gateway deadletter list`.
type letterList struct {
	letterFilter
	limit int
	group bool
}

func (o *letterList) list(cmd *cobra.Command, c config.Config, _ []string) error {
	choose, err := o.choice(nil)
	if err == nil && o.limit < 0 {
		err = &cli.Exit{Code: cli.Usage, Err: errors.New("--limit is a number from 0 on; 0 lists all")}
	}
	if err != nil {
		return err
	}
	store, err := openDeadLetters(cmd.Context(), c)
	if err != nil {
		return err
	}
	var rows interface {
		add(l deadletter.Letter)
		write(w io.Writer) (left int, err error)
	} = &letterRows{limit: o.limit}
	if o.group {
		rows = &letterGroups{limit: o.limit}
	}
	var errs []error
	for l, err := range store.All() {
		switch {
		case err != nil:
			errs = append(errs, err)
		case choose(l):
			l.Event, l.Body = nil, nil
			rows.add(l)
		}
	}
	left, err := rows.write(cmd.OutOrStdout())
	if left > 0 {
		fmt.Fprintf(cmd.ErrOrStderr(), "%d more are not listed; --limit 0 lists all, --group sums them up\n", left)
	}
	return errors.Join(append(errs, err)...)
}

// letterRows are the newest letters, at most limit; all with 0.
type letterRows struct {
	letters     []deadletter.Letter // a ring where there is a limit
	limit, seen int
}

func (r *letterRows) add(l deadletter.Letter) {
	if r.limit > 0 && len(r.letters) == r.limit {
		r.letters[r.seen%r.limit] = l
	} else {
		r.letters = append(r.letters, l)
	}
	r.seen++
}

func (r *letterRows) write(w io.Writer) (left int, err error) {
	begin := 0
	if len(r.letters) > 0 {
		begin = r.seen % len(r.letters)
	}
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "id\ttime\treason\tsource\tevents\tSplunk said")
	for _, l := range slices.Concat(r.letters[begin:], r.letters[:begin]) {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%d\t%s\n", l.ID, moment(l.Time), l.Reason, l.Source, l.Events, answerOf(l))
	}
	return r.seen - len(r.letters), t.Flush()
}

// answerOf is what Splunk said, fit for a terminal.
func answerOf(l deadletter.Letter) string {
	return printable.Fold(printable.Dots(fmt.Sprintf("%d %s", l.Status, l.Text)))
}

// maxGroups bounds the memory for groups: an answer of a proxy may be another one each time.
const maxGroups = 10000

// letterGroups are letters by what they have in common.
type letterGroups struct {
	groups map[letterKey]*letterGroup
	limit  int
	other  int // letters beyond maxGroups
}

type letterKey struct{ reason, source, answer string }

type letterGroup struct {
	letterKey
	events      int
	first, last time.Time
	example     string // the ID of the last one
}

func (g *letterGroups) add(l deadletter.Letter) {
	key := letterKey{l.Reason, l.Source, answerOf(l)}
	one := g.groups[key]
	if one == nil {
		if len(g.groups) == maxGroups {
			g.other++
			return
		}
		if g.groups == nil {
			g.groups = make(map[letterKey]*letterGroup)
		}
		one = &letterGroup{letterKey: key, first: l.Time}
		g.groups[key] = one
	}
	one.events, one.last, one.example = one.events+l.Events, l.Time, l.ID
}

// write writes the groups, the one with most events first.
func (g *letterGroups) write(w io.Writer) (left int, err error) {
	all := slices.SortedFunc(maps.Values(g.groups), func(a, b *letterGroup) int {
		return cmp.Or(b.events-a.events, strings.Compare(a.reason+a.source+a.answer, b.reason+b.source+b.answer))
	})
	shown := all
	if g.limit > 0 {
		shown = all[:min(g.limit, len(all))]
	}
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "events\treason\tsource\tfirst\tlast\texample\tSplunk said")
	for _, one := range shown {
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\t%s\t%s\n", one.events, one.reason, one.source, moment(one.first), moment(one.last), one.example, one.answer)
	}
	return len(all) - len(shown) + g.other, t.Flush()
}
