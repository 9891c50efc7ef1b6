package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"syslog-gateway/internal/cli"
	"syslog-gateway/internal/durable"
	"syslog-gateway/internal/infra/pvesim"
	"syslog-gateway/internal/infra/pvesim/schema"
	"syslog-gateway/internal/infra/workflow/example"
)

// simulateOptions are the flags of `provision simulate`.
type simulateOptions struct {
	listen  string
	example bool
	tls     bool
	schema  string
	delay   time.Duration
	seed    uint64
	verbose bool
}

func newSimulate(s *settings) *cobra.Command {
	var o simulateOptions
	cmd := &cobra.Command{
		Use:   "simulate",
		Short: "An in-memory Proxmox VE API, for trying all of the above without a host",
		Long: `Serves an in-memory Proxmox VE until it is stopped, and prints the variables that the
other verbs need to find it. The login of root@pam by password is in comments. Nothing is
kept after it ends. Terraform and others want HTTPS: --tls.

With --example it has what the declaration needs: its nodes, storages, templates and the
snippet that would be uploaded over SSH. Otherwise it has one node, pve, with the storages
local and local-zfs.`,
		Args: cobra.NoArgs,
	}
	f := cmd.Flags()
	f.StringVar(&o.listen, "listen", "127.0.0.1:8006", "`address` to serve on; port 0 takes a free one")
	f.BoolVar(&o.example, "example", false, "start with the nodes, storages and templates that the declaration needs")
	f.BoolVar(&o.tls, "tls", false, "serve HTTPS with a certificate made for this run")
	f.StringVar(&o.schema, "schema", "", "apidoc.json of pve-docs: check every request against the official schema")
	f.DurationVar(&o.delay, "task-delay", 0, "how long tasks take")
	f.Uint64Var(&o.seed, "seed", 1, "seed of MAC addresses and task numbers")
	f.BoolVar(&o.verbose, "verbose", false, "log every request")
	cmd.RunE = cli.Does(func(cmd *cobra.Command, _ []string) error { return s.simulate(cmd, o) })
	return cmd
}

func (s *settings) simulate(cmd *cobra.Command, o simulateOptions) error {
	sim, err := s.newSim(cmd, o)
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(cmd.Context(), "tcp", o.listen)
	if err != nil {
		return err
	}
	vars := [][2]string{
		{"PROXMOX_VE_ENDPOINT", "http://" + listener.Addr().String()},
		{"PROXMOX_VE_API_TOKEN", pvesim.DefaultToken},
	}
	password := [][2]string{{"PROXMOX_VE_USERNAME", pvesim.DefaultUser}, {"PROXMOX_VE_PASSWORD", pvesim.DefaultPassword}}
	var cert *tls.Certificate
	if o.tls {
		var file string
		if cert, file, err = certificate(s.site().State, listener.Addr()); err != nil {
			return errors.Join(err, listener.Close())
		}
		vars[0][1] = "https://" + listener.Addr().String()
		vars = append(vars, [2]string{"PROXMOX_VE_CACERT", file})
	}
	if err := printVariables(s.output(cmd), vars, password); err != nil {
		return errors.Join(err, listener.Close())
	}
	return errors.Join(sim.Serve(cmd.Context(), listener, cert), sim.Mismatches())
}

// printVariables prints what leads to the simulator; login is the other way to it, for who asks
// for a password.
func printVariables(o output, vars, login [][2]string) error {
	if o.json {
		named := make(map[string]string)
		for _, v := range slices.Concat(vars, login) {
			named[v[0]] = v[1]
		}
		return o.document(named)
	}
	for _, v := range vars {
		if _, err := fmt.Fprintf(o.doc, "export %s='%s'\n", v[0], v[1]); err != nil {
			return err
		}
	}
	for _, v := range login {
		if _, err := fmt.Fprintf(o.doc, "# export %s='%s'\n", v[0], v[1]); err != nil {
			return err
		}
	}
	return nil
}

// newSim builds the simulator; with --example, for the declaration.
func (s *settings) newSim(cmd *cobra.Command, o simulateOptions) (*pvesim.Sim, error) {
	options := pvesim.Options{Nodes: []string{"pve"}, Seed: o.seed, TaskDelay: o.delay}
	if o.verbose {
		options.Logger = slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil))
	}
	if o.schema != "" {
		var err error
		if options.Schema, err = schema.Read(o.schema); err != nil {
			return nil, err
		}
	}
	if !o.example {
		return pvesim.New(options)
	}
	e, err := s.site().Check(cmd.Context())
	if err != nil {
		return nil, err
	}
	return example.Cluster(e, options)
}

// certificate makes a certificate for an address, and writes it to a file in the folder
// that PROXMOX_VE_CACERT can name.
func certificate(folder string, addr net.Addr) (*tls.Certificate, string, error) {
	host, _, err := net.SplitHostPort(addr.String())
	if err != nil {
		return nil, "", err
	}
	cert, text, err := pvesim.NewCertificate("localhost", host)
	if err != nil {
		return nil, "", err
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, "", err
	}
	file, err := filepath.Abs(filepath.Join(folder, "simulate.pem"))
	if err != nil {
		return nil, "", err
	}
	return cert, file, durable.WriteFile(file, text, 0o644)
}
