package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"syslog-gateway/internal/infra/pve"
	"syslog-gateway/internal/infra/state"
)

// rootCA is the certificate of the authority that every cluster makes for itself and all
// its nodes share (Proxmox VE Administration Guide, Certificate Management).
const rootCA = "pve-root-ca.pem"

// identity tells one Proxmox VE from another: the fingerprint of its root CA, which any
// user may read, or its address where it shows none.
func identity(ctx context.Context, client *pve.Client) (string, error) {
	var certificates []struct{ Filename, Fingerprint string }
	// The node that answers calls itself localhost.
	if err := client.Get(ctx, pve.Path("nodes", "localhost", "certificates", "info"), nil, &certificates); err != nil {
		return "", fmt.Errorf("which cluster this is: %w", err)
	}
	for _, c := range certificates {
		if c.Filename == rootCA && c.Fingerprint != "" {
			return "root CA " + c.Fingerprint, nil
		}
	}
	return "address " + os.Getenv("PROXMOX_VE_ENDPOINT"), nil
}

// sameCluster refuses a record of another cluster: its VMIDs are other guests' here.
func (r *session) sameCluster() error {
	if r.record.Cluster == "" || r.record.Cluster == r.cluster {
		return nil
	}
	return fmt.Errorf("the record in %s is of another Proxmox VE (%s) than this one (%s): use another --state-dir for this one; "+
		"if it is the same one, installed anew or with a new CA, move record.json away and run `provision adopt`",
		r.state(), shorten(r.record.Cluster, 32), shorten(r.cluster, 32))
}

// place is the declaration's as the record has it: relative to the folder of the record,
// so that both can be moved together.
func (s *settings) place() (string, error) {
	dir, err := filepath.Abs(s.state())
	if err != nil {
		return "", err
	}
	file, err := filepath.Abs(s.deployment())
	if err != nil {
		return "", err
	}
	return filepath.Rel(dir, file)
}

// sameDeclaration refuses a record of another declaration: the guests of the one would
// read as declared no more in the other. One that is there no more has been renamed.
func (s *settings) sameDeclaration(record *state.Record) error {
	place, err := s.place()
	if err != nil || record.Deployment == "" || record.Deployment == place {
		return err
	}
	other := filepath.Join(s.state(), record.Deployment)
	recorded, err := os.Stat(other)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("the declaration that the record in %s is of: %w", s.state(), err)
	}
	if mine, err := os.Stat(s.deployment()); err == nil && os.SameFile(mine, recorded) {
		return nil
	}
	return fmt.Errorf("the record in %s is of %s, not of %s: give each declaration a --state-dir of its own", s.state(), other, s.deployment())
}
