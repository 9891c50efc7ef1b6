package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"syslog-gateway/internal/cli"
	"syslog-gateway/internal/config"
	"syslog-gateway/internal/printable"
	"syslog-gateway/internal/stats/monitor"
)

// stateTimeout is how long a gateway may take to say how it is.
const stateTimeout = 10 * time.Second

func newStatus() *cobra.Command {
	var asJSON bool
	cmd := runningVerb("status", "How the running gateway is", func(cmd *cobra.Command, c config.Config) error {
		return showStatus(cmd, c, asJSON)
	})
	cmd.Long = `Says how the running gateway of this machine is, by its control socket beside the
queue. Exit code 0: all is well. 1: it does not answer or is not ready. 2: wrong usage.
3: it works, but something is wrong.`
	cmd.Flags().BoolVar(&asJSON, "json", false, "print /api/v1/status with ready and conditions as JSON")
	return cmd
}

func showStatus(cmd *cobra.Command, c config.Config, asJSON bool) error {
	ctx, cancel := context.WithTimeout(cmd.Context(), stateTimeout)
	defer cancel()
	a, err := newAsker(ctx, c, "")
	if err != nil {
		return err
	}
	defer a.close()
	conditions, ready, err := a.readiness(ctx)
	if err != nil {
		return err
	}
	body, err := a.read(ctx, "/api/v1/status")
	if err != nil {
		return err
	}
	var s monitor.Status
	if err := json.Unmarshal(body, &s); err != nil {
		return fmt.Errorf("read the gateway's status: %w", err)
	}
	if asJSON {
		err = writeStatusJSON(cmd.OutOrStdout(), body, conditions, ready)
	} else {
		err = writeStatus(cmd.OutOrStdout(), s, conditions)
	}
	switch {
	case err != nil:
		return err
	case !ready:
		return fmt.Errorf("not ready: %s", strings.Join(conditions, "; "))
	case s.Health.Level != "ok":
		return &cli.Exit{Code: exitDegraded, Err: errors.New("degraded: " + s.Health.Summary)}
	}
	return nil
}

// readiness returns the lines of /readyz.
func (a *asker) readiness(ctx context.Context) (conditions []string, ready bool, err error) {
	answer, err := a.get(ctx, "/readyz", nil, http.StatusServiceUnavailable)
	if err != nil {
		return nil, false, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, false, fmt.Errorf("read the gateway's readiness: %w", err)
	}
	return strings.Split(strings.TrimSpace(string(text)), "\n"), answer.StatusCode == http.StatusOK, nil
}

func (a *asker) read(ctx context.Context, path string) ([]byte, error) {
	answer, err := a.get(ctx, path, nil)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, fmt.Errorf("read %s of the gateway: %w", path, err)
	}
	return body, nil
}

// writeStatusJSON adds the readiness to what /api/v1/status says.
func writeStatusJSON(w io.Writer, status []byte, conditions []string, ready bool) error {
	var all map[string]any
	if err := json.Unmarshal(status, &all); err != nil {
		return fmt.Errorf("read the gateway's status: %w", err)
	}
	all["ready"], all["conditions"] = ready, conditions
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(all)
}

func writeStatus(w io.Writer, s monitor.Status, conditions []string) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintf(t, "%s: %s\n", s.Health.Level, printable.Dots(s.Health.Summary))
	fmt.Fprintf(t, "version %s, up %s\n", s.Version, (time.Duration(s.UptimeSeconds) * time.Second).String())
	for _, line := range append(conditions, s.Problems...) {
		fmt.Fprintln(t, printable.Dots(line))
	}
	clustered := len(s.Streams) > 0
	fmt.Fprint(t, "\nsource\treceived/s\tdelivered/s\treceived\tdelivered\tpending\tdead-lettered\tdropped")
	if clustered {
		fmt.Fprint(t, "\tsecured\ttaken\tgiven back")
	}
	fmt.Fprintln(t)
	for _, src := range s.Sources {
		fmt.Fprintf(t, "%s\t%.0f\t%.0f\t%d\t%d\t%d\t%d\t%d", src.Balance.Source, src.Rates.Received, src.Rates.Delivered,
			src.Received, src.Delivered, src.Pending, src.Deadlettered, src.Dropped)
		if clustered {
			fmt.Fprintf(t, "\t%d\t%d\t%d", src.Secured, src.Taken, src.GivenBack)
		}
		fmt.Fprintln(t)
	}
	if clustered {
		fmt.Fprintln(t, "\nstream\tstate\tleader\treplicas\trecords\tbytes\tcapacity")
	}
	for _, st := range s.Streams {
		fmt.Fprintf(t, "%s\t%s\t%s\t%d/%d\t%d\t%d\t%d\n", st.Name, st.Word(), cmp.Or(printable.Dots(st.Leader), "-"), st.Current, st.Replicas, st.Records, st.Bytes, st.CapacityBytes)
	}
	fmt.Fprintln(t, "\nendpoint\tstate\tlast answer")
	for _, e := range s.Endpoints {
		fmt.Fprintf(t, "%s\t%s\t%s\n", e.URL, e.Word(), printable.Dots(e.LastAnswer))
	}
	return t.Flush()
}
