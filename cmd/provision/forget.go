package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"syslog-gateway/internal/infra/state"
)

func newForget(s *settings) *cobra.Command {
	var wait time.Duration
	cmd := &cobra.Command{
		Use:   "forget KEY",
		Short: "Stop managing a guest, which stays as it is",
		Long: `Takes a guest or pool, named by its key, its VMID or KIND/KEY, out of the record.
Nothing is sent to Proxmox VE, and nothing changes there.

A guest counts as ours, too, as long as it is declared, or has both the tag terraform and
that of the environment: to hand one over, take it out of the declaration, take the tag
terraform off in Proxmox VE, and forget it.`,
		Args: cobra.ExactArgs(1),
	}
	waitFlag(cmd, &wait)
	cmd.RunE = does(func(cmd *cobra.Command, args []string) error { return s.forget(cmd, args[0], wait) })
	return cmd
}

func (s *settings) forget(cmd *cobra.Command, name string, wait time.Duration) error {
	var gone state.Object
	err := s.editRecord(cmd, wait, func(record *state.Record) error {
		var found []state.Object
		var kinds []string
		for _, o := range record.Objects {
			if name == o.Key || name == o.Kind+"/"+o.Key || o.VMID != 0 && name == strconv.Itoa(o.VMID) {
				found, kinds = append(found, o), append(kinds, o.Kind+"/"+o.Key)
			}
		}
		switch len(found) {
		case 0:
			return fmt.Errorf("nothing called %q is recorded in %s; `provision state list` shows what is", name, s.state())
		case 1:
			gone = found[0]
			record.Remove(gone.Kind, gone.Key)
			return nil
		}
		return fmt.Errorf("%q is recorded more than once: say %s", name, strings.Join(kinds, " or "))
	})
	if err != nil {
		return err
	}
	if s.asJSON {
		return printJSON(cmd.OutOrStdout(), gone)
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "forgotten: %s/%s. It stays as it is on Proxmox VE.\n", gone.Kind, gone.Key)
	return err
}

// editRecord changes the record under the lock, without talking to Proxmox VE.
func (s *settings) editRecord(cmd *cobra.Command, wait time.Duration, edit func(*state.Record) error) (err error) {
	dir, err := state.Open(s.state())
	if err != nil {
		return err
	}
	if wait == 0 {
		wait = -1 // for state: do not wait
	}
	lock, err := dir.Lock(cmd.Context(), state.LockOptions{Command: cmd.CommandPath(), Wait: wait})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Release()) }()
	record, err := dir.Load()
	if err != nil {
		return err
	}
	if err := edit(record); err != nil {
		return err
	}
	return dir.Save(record)
}
