package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"syslog-gateway/internal/infra/plan"
)

func newDestroy(s *settings) *cobra.Command {
	var yes bool
	var wait time.Duration
	cmd := &cobra.Command{
		Use:   "destroy KEY…",
		Short: "Remove declared guests with their disks; protected ones are refused",
		Long: `Shuts guests down and removes them with their disks. Protected ones and those with data
are refused until "protection": false is declared, Splunk always. The guests remain
declared: the next apply makes them anew, unless they are taken out of the declaration.`,
		Args: cobra.MinimumNArgs(1),
	}
	yesFlag(cmd, &yes)
	waitFlag(cmd, &wait)
	cmd.RunE = does(func(cmd *cobra.Command, keys []string) error { return s.destroy(cmd, keys, yes, wait) })
	return cmd
}

func (s *settings) destroy(cmd *cobra.Command, keys []string, yes bool, wait time.Duration) error {
	ctx := cmd.Context()
	w, err := s.begin(cmd, wait)
	if err != nil {
		return err
	}
	err = w.settle(ctx)
	if err == nil {
		var p *plan.Plan
		if p, err = plan.MakeDestroy(ctx, w.client, w.estate, keys, w.planOptions(nil, allowances{})); err == nil {
			_, err = w.do(ctx, p, yes)
		}
	}
	if err == nil {
		fmt.Fprintf(w.talk, "still declared, and made anew by the next apply: %s\n", strings.Join(keys, ", "))
	}
	return errors.Join(err, w.end())
}
