package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"syslog-gateway/internal/cli"
	"syslog-gateway/internal/config"
	"syslog-gateway/internal/stats/screen"
)

// stateTimeout is how long a gateway may take to say how it is.
const stateTimeout = 10 * time.Second

func newStatus() *cobra.Command {
	var asJSON, short bool
	cmd := runningVerb("status", "How the running gateway is", func(cmd *cobra.Command, c config.Config) error {
		return showStatus(cmd, c, asJSON, short)
	})
	cmd.Long = `Says how the running gateway of this machine is, by its control socket beside the
queue: its health, what is wrong since when and what to do, and the numbers. Exit code 0:
all is well. 1: it does not answer or is not ready. 2: wrong usage. 3: it works, but
something is wrong.`
	cmd.Flags().BoolVar(&asJSON, "json", false, "print /api/v1/status with ready and conditions as JSON")
	cmd.Flags().BoolVar(&short, "short", false, "print one line")
	cmd.MarkFlagsMutuallyExclusive("json", "short")
	return cmd
}

func showStatus(cmd *cobra.Command, c config.Config, asJSON, short bool) error {
	ctx, cancel := context.WithTimeout(cmd.Context(), stateTimeout)
	defer cancel()
	a, err := newAsker(ctx, c, "")
	if err != nil {
		return err
	}
	defer a.close()
	s, body, err := a.state(ctx)
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	switch {
	case asJSON:
		err = writeStatusJSON(out, body, s.Conditions, s.Ready)
	case short:
		_, err = fmt.Fprintln(out, screen.Short(s))
	default:
		s.Points, _ = a.points(ctx, "15m") // a gateway of before an upgrade has none
		err = screen.WriteStatus(out, s)
	}
	switch {
	case err != nil:
		return err
	case !s.Ready:
		return fmt.Errorf("not ready: %s", strings.Join(s.Conditions, "; "))
	case s.Status.Health.Level != "ok":
		return &cli.Exit{Code: exitDegraded, Err: errors.New("degraded: " + s.Status.Health.Summary)}
	}
	return nil
}

// state asks for readiness and status. body is the latter as it came.
func (a *asker) state(ctx context.Context) (s screen.State, body []byte, err error) {
	if s.Conditions, s.Ready, err = a.readiness(ctx); err != nil {
		return s, nil, err
	}
	body, err = a.read(ctx, "/api/v1/status", nil)
	if err == nil {
		err = json.Unmarshal(body, &s.Status)
	}
	if err != nil {
		return s, nil, fmt.Errorf("read the gateway's status: %w", err)
	}
	return s, body, nil
}

// points asks for the history of a range.
func (a *asker) points(ctx context.Context, name string) ([]screen.Point, error) {
	var h struct{ Points []screen.Point }
	err := a.decode(ctx, "/api/v1/history", url.Values{"range": {name}}, &h)
	return h.Points, err
}

// decode asks for a path and reads the answer.
func (a *asker) decode(ctx context.Context, path string, query url.Values, into any) error {
	body, err := a.read(ctx, path, query)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("read %s of the gateway: %w", path, err)
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

func (a *asker) read(ctx context.Context, path string, query url.Values) ([]byte, error) {
	answer, err := a.get(ctx, path, query)
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
