package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"syslog-gateway/internal/cli"
	"syslog-gateway/internal/infra/plan"
	"syslog-gateway/internal/infra/plan/change"
	"syslog-gateway/internal/infra/workflow"
	"syslog-gateway/internal/infra/workflow/preflight"
	"syslog-gateway/internal/printable"
)

func newCheck(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "check",
		Short: "Preflight: API, credentials, rights, nodes, storages, templates, certificates, S3, DNS, SSH",
		Long: `Checks everything that an apply will need, and changes nothing: the API's version, the
user and its rights, nodes, datastores and their content types, templates, when the
certificates of nodes end, the shared state, the zone of DNS records, and the SSH key for
what the API cannot do. Exit code 1 if a check fails.

In S3 and DynamoDB it writes beside the record and the lock, under a name of its own with
.check-, what an apply writes there, and deletes it. Route 53 is asked to delete a record
that does not exist. If a right is missing, the IAM policy with all of them is printed.`,
		Args: cobra.NoArgs,
		RunE: cli.Does(func(cmd *cobra.Command, _ []string) error {
			e, err := s.site().Check(cmd.Context())
			if err != nil {
				return err
			}
			c, err := workflow.Connect(access(), e)
			if err != nil {
				return err
			}
			defer c.Close()
			aws := func(ctx context.Context) []preflight.Finding { return s.site().TryAWS(ctx, e) }
			return printFindings(s.output(cmd), preflight.Run(cmd.Context(),
				preflight.Options{Estate: e, Client: c.Client, Root: c.Root, SSH: c.SSH, Endpoint: c.Endpoint, AWS: aws, Plan: s.changes}))
		}),
	}
}

// changes are those of a plan of everything.
func (s *settings) changes(ctx context.Context) ([]change.Change, error) {
	session, err := workflow.Open(ctx, s.site(), access())
	if err != nil {
		return nil, err
	}
	defer session.Close()
	p, err := session.Plan(ctx, plan.Options{})
	if err != nil {
		return nil, err
	}
	return p.Changes, nil
}

func printFindings(o output, all []preflight.Finding) error {
	colours := map[string]printable.Colour{preflight.Fine: printable.Green, preflight.Warn: printable.Yellow, preflight.Fail: printable.Red}
	failed := 0
	for _, f := range all {
		if f.State == preflight.Fail {
			failed++
		}
		if o.json {
			continue
		}
		state := o.paint(colours[f.State], fmt.Sprintf("%-4s", f.State))
		if _, err := fmt.Fprintf(o.messages, "%s %s: %s\n", state, printable.Escape(f.What), printable.Escape(f.Says)); err != nil {
			return err
		}
	}
	if o.json {
		if err := o.document(all); err != nil {
			return err
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %s failed", failed, printable.Count(len(all), "check"))
	}
	return nil
}
