package runner

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"time"
)

// Options say what to measure.
type Options struct {
	// Scenarios are run in this order.
	Scenarios []Scenario
	// Gateway is the program under test; it is started as `GATEWAY run -c FILE`.
	Gateway string
	// Bench is this program, for its verbs load and sink.
	Bench string
	// Messages replaces the scenarios' number of messages; 0 keeps it.
	Messages uint64
	// Repeat is how often each scenario is run.
	Repeat int
	// Dir is where the temporary folders are made, "" the system's place. The queue
	// lies there, so its file system matters.
	Dir string
	// Keep leaves the temporary folders.
	Keep bool
	// Quiet ends a run in which nothing has moved for so long.
	Quiet time.Duration
	// Idle is how long the scenario idle watches.
	Idle time.Duration
	// Progress receives one line for each run.
	Progress io.Writer
}

// Report is all runs of a suite.
type Report struct {
	Taken   time.Time `json:"taken"`
	Machine Machine   `json:"machine"`
	Gateway string    `json:"gateway_sha256"`
	Runs    []Run     `json:"runs"`
}

// Run makes all runs. Beside an error, the report holds those made before it.
func (o Options) Run(ctx context.Context) (rep Report, err error) {
	if o.Repeat < 1 || o.Quiet <= 0 || o.Idle <= 0 {
		return rep, fmt.Errorf("repeat %d, quiet %v, idle %v: all must be positive", o.Repeat, o.Quiet, o.Idle)
	}
	// Without a slash, exec would look for the program in PATH.
	if o.Gateway, err = filepath.Abs(o.Gateway); err != nil {
		return rep, err
	}
	rep = Report{Taken: time.Now().UTC(), Machine: machine(runtime.NumCPU())}
	if rep.Gateway, err = digest(o.Gateway); err != nil {
		return rep, fmt.Errorf("read the gateway: %w (build it with: go build -o %s ./cmd/gateway)", err, o.Gateway)
	}
	for _, sc := range o.Scenarios {
		for i := range o.Repeat {
			run, err := measure(ctx, &o, sc.scaled(o.Messages), i+1)
			if err != nil {
				return rep, fmt.Errorf("run %d of %s: %w", i+1, sc.Name, err)
			}
			rep.Runs = append(rep.Runs, run)
			if _, err := fmt.Fprintln(o.Progress, run.line()); err != nil {
				return rep, fmt.Errorf("report progress: %w", err)
			}
		}
	}
	return rep, nil
}

// digest identifies a program.
func digest(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	_, err = io.Copy(h, f)
	return hex.EncodeToString(h.Sum(nil)), errors.Join(err, f.Close())
}

// Problems counts the runs that have any.
func (rep Report) Problems() (n int) {
	for _, r := range rep.Runs {
		if len(r.Problems) > 0 {
			n++
		}
	}
	return n
}
