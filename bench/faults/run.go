package faults

import (
	"context"
	"fmt"
	"io"
	"strings"
	"syslog-gateway/internal/testkit/abort"
	"time"
)

// Options say what to run.
type Options struct {
	Gateway  string   // path of the program
	Queue    string   // path of the server of a cluster's queue
	Only     []string // rows whose name holds one of these; empty: all
	Quick    bool     // fewer messages and shorter storms, and no long rows unless Only names them
	Dir      string   // where to make the folders; "" is the system's temporary folder
	Keep     bool     // leave the folders of rows that fail
	Progress io.Writer
}

// Row is one fault.
type Row struct {
	Name string
	long bool
	run  func(context.Context, *Options, *Result) error
}

// Rows are all rows in the order of the table.
func Rows() []Row {
	var rows []Row
	for _, group := range [][]Row{
		answerRows(),
		poisonRows(),
		endpointRows(),
		ackRows(),
		balancedRows(),
		processRows(),
		restartRows(),
		connectionRows(),
		relpRows(),
		hoarderRows(),
		statsRows(),
		diskRows(),
		readRows(),
		clusterRows(),
		powerRows(),
	} {
		rows = append(rows, group...)
	}
	return rows
}

func (o *Options) wanted(row Row) bool {
	for _, only := range o.Only {
		if strings.Contains(row.Name, only) {
			return true
		}
	}
	return len(o.Only) == 0 && !(o.Quick && row.long)
}

// pick is the first when quick, else the second.
func (o *Options) pick(quick, full int) int {
	if o.Quick {
		return quick
	}
	return full
}

// Run runs the rows one after the other. The error is one of usage, or ctx's; a row
// that fails is in the report.
func (o *Options) Run(ctx context.Context) (Report, error) {
	var rep Report
	for _, row := range Rows() {
		if !o.wanted(row) {
			continue
		}
		res := Result{Fault: row.Name}
		began := time.Now()
		if err := row.run(ctx, o, &res); err != nil {
			res.problem("%v", err)
		}
		if err := ctx.Err(); err != nil {
			return rep, err
		}
		res.Took = time.Since(began)
		if o.Progress != nil {
			fmt.Fprintf(o.Progress, "%-40s %-6s %5.1fs %s\n", row.Name, res.verdict(), res.Took.Seconds(), strings.Join(res.Problems, "; "))
		}
		rep = append(rep, res)
	}
	if len(rep) == 0 {
		return nil, fmt.Errorf("no row is named like %q", o.Only)
	}
	return rep, nil
}

// on makes a row out of a layout and what happens on it.
func on(name string, l func(*Options) layout, happen func(context.Context, *rig) error) Row {
	return Row{Name: name, run: func(ctx context.Context, o *Options, res *Result) (err error) {
		r, err := newRig(o, res, l(o))
		if err != nil {
			return err
		}
		defer func() {
			if err != nil {
				res.problem("%v", err) // before close, which keeps the files of failures
			}
			if cerr := r.close(); cerr != nil {
				res.problem("%v", cerr)
			}
			err = nil
		}()
		defer abort.Catch(&err)
		return happen(ctx, r)
	}}
}
