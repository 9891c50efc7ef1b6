package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"syslog-gateway/bench/runner"
)

// WriteMarkdown writes the machine, the table, the comparisons, the problems, and how the
// peers were set up.
func WriteMarkdown(w io.Writer, rep *runner.Report) error {
	var b strings.Builder
	all := groups(rep)
	b.WriteString(where(rep) + "\n")
	b.WriteString(paragraphs(ceilings(rep)...))
	if len(all) > 0 {
		b.WriteString("Medians, with the lowest and the highest of the runs in parentheses.\n\n")
		b.WriteString(markdown(table(all, columns())) + "\n")
	}
	b.WriteString(paragraphs(limits(rep, all)...))
	for _, c := range comparisons(rep, all) {
		fmt.Fprintf(&b, "## %s: the gateway beside others\n\n", c.Scenario)
		if c.Refused != "" {
			b.WriteString(c.Refused + "\n\n")
			continue
		}
		b.WriteString(markdown(c.Rows) + "\n")
	}
	b.WriteString(paragraphs(problems(rep)...))
	if len(rep.About) > 0 {
		b.WriteString("## Scenarios\n\n")
		for _, s := range rep.About {
			fmt.Fprintf(&b, "- %s: %s\n", s.Name, s.About)
		}
	}
	for _, p := range rep.Peers {
		fmt.Fprintf(&b, "\n## Peer %s\n\n%s\n", p.Name, p.About)
		if p.Missing != "" {
			fmt.Fprintf(&b, "\nLeft out: %s\n", p.Missing)
			continue
		}
		fmt.Fprintf(&b, "\n%s\n\n```\n%s```\n", p.Version, p.Config)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// paragraphs writes each text with an empty line behind it.
func paragraphs(texts ...string) string {
	var b strings.Builder
	for _, t := range texts {
		b.WriteString(t + "\n\n")
	}
	return b.String()
}

// where says on what and how the figures were taken.
func where(rep *runner.Report) string {
	m := rep.Machine
	text := fmt.Sprintf("Taken %s on %d cores of %s, %s, Linux %s, net.core.rmem_max %s",
		rep.Taken.Format("2006-01-02 15:04 UTC"), m.Cores, m.CPU, m.Memory, m.Kernel, m.RmemMax)
	if rep.Gateway != "" {
		text += fmt.Sprintf("; gateway sha256 %.12s", rep.Gateway)
	}
	if rep.Before != "" {
		text += fmt.Sprintf("; before sha256 %.12s", rep.Before)
	}
	text += ".\n"
	if rep.Command != "" {
		text += "By: `" + rep.Command + "`\n"
	}
	return text
}

// problems are those of all runs.
func problems(rep *runner.Report) (found []string) {
	for _, r := range rep.Runs {
		for _, p := range r.Problems {
			found = append(found, fmt.Sprintf("Problem in %s run %d of %s: %s", strings.TrimSpace(r.Scenario+" "+r.Point), r.Number, r.Subject, p))
		}
	}
	return found
}

// The lines of the README between which its table stands.
const (
	readmeBegin = "<!-- bench: begin -->"
	readmeEnd   = "<!-- bench: end -->"
)

// Readme returns the text with a short table between its two markers made anew: the gateway
// beside its peers, and the fastest UDP of which nothing was lost. all is where the reader
// finds every figure.
func Readme(text string, rep *runner.Report, all string) (string, error) {
	head, rest, ok := strings.Cut(text, readmeBegin)
	_, tail, ended := strings.Cut(rest, readmeEnd)
	if !ok || !ended {
		return "", fmt.Errorf("put the table into the README: it lacks the lines %s and %s", readmeBegin, readmeEnd)
	}
	var few []column
	for _, c := range columns() {
		switch c.title {
		case "scenario", "subject", "lost", "msgs/s", "CPU us/msg", "RSS high MiB", "p99 ms":
			few = append(few, c)
		}
	}
	found := groups(rep)
	rows := slices.DeleteFunc(of(found, "peers-tcp"), func(g group) bool { return g.subject == before })
	if fastest, ok := fastestUDP(rep, found); ok {
		rows = append(rows, fastest)
	}
	taken, _, _ := strings.Cut(where(rep), "By: ")
	return head + readmeBegin + "\n" + markdown(table(rows, few)) + "\n" + taken +
		fmt.Sprintf("All figures, what they do not say, and the command that took them: [%s](%[1]s).\n", all) + readmeEnd + tail, nil
}

// fastestUDP is the gateway at the highest rate of UDP that lost nothing, and for which
// the harness was not the limit.
func fastestUDP(rep *runner.Report, all []group) (fastest group, ok bool) {
	for _, g := range of(all, "udp-ramp") {
		if g.subject == gateway && spreadOf(g.runs, loss).high == 0 && len(limits(rep, []group{g})) == 0 {
			fastest, ok = g, true
		}
	}
	return fastest, ok
}
