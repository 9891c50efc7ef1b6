package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/pvesim"
	"syslog-gateway/internal/infra/pvesim/schema"
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
other verbs need to find it. Everything is gone when it ends.

With --example it has what the declaration asks for: its nodes, storages, templates and
the snippet that would be put there over SSH. Otherwise it has one node, pve, with the
storages local and local-zfs.`,
		Args: cobra.NoArgs,
	}
	f := cmd.Flags()
	f.StringVar(&o.listen, "listen", "127.0.0.1:8006", "`address` to serve on; port 0 takes a free one")
	f.BoolVar(&o.example, "example", false, "begin with the nodes, storages and templates that the declaration needs")
	f.BoolVar(&o.tls, "tls", false, "serve HTTPS with a certificate made for this run")
	f.StringVar(&o.schema, "schema", "", "apidoc.json of pve-docs: hold every request against the official schema as well")
	f.DurationVar(&o.delay, "task-delay", 0, "how long tasks take")
	f.Uint64Var(&o.seed, "seed", 1, "of MAC addresses and task numbers")
	f.BoolVar(&o.verbose, "verbose", false, "log every request")
	cmd.RunE = does(func(cmd *cobra.Command, _ []string) error { return s.simulate(cmd, o) })
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
	var cert *tls.Certificate
	if o.tls {
		var file string
		if cert, file, err = s.certificate(listener.Addr()); err != nil {
			return errors.Join(err, listener.Close())
		}
		vars[0][1] = "https://" + listener.Addr().String()
		vars = append(vars, [2]string{"PROXMOX_VE_CACERT", file})
	}
	if err := s.printVariables(cmd, vars); err != nil {
		return errors.Join(err, listener.Close())
	}
	return errors.Join(sim.Serve(cmd.Context(), listener, cert), sim.Mismatches())
}

func (s *settings) printVariables(cmd *cobra.Command, vars [][2]string) error {
	out := cmd.OutOrStdout()
	if s.asJSON {
		named := make(map[string]string)
		for _, v := range vars {
			named[v[0]] = v[1]
		}
		return printJSON(out, named)
	}
	for _, v := range vars {
		if _, err := fmt.Fprintf(out, "export %s='%s'\n", v[0], v[1]); err != nil {
			return err
		}
	}
	return nil
}

// newSim builds the simulator, with what the declaration needs if so asked.
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
	e, err := s.checked(cmd)
	if err != nil {
		return nil, err
	}
	return seeded(e, options)
}

// seeded is a simulator with everything that an estate needs and does not make itself.
func seeded(e *declaration.Estate, options pvesim.Options) (*pvesim.Sim, error) {
	p := &preflight{estate: e}
	options.Nodes = p.usedNodes()
	content := make(map[string][]string)
	for _, node := range options.Nodes {
		for _, use := range storesOn(e, node) {
			content[use.store] = append(content[use.store], use.content)
		}
	}
	options.Storages = nil
	for store, kinds := range content {
		options.Storages = append(options.Storages, simulatedStorage(store, kinds))
	}
	sim, err := pvesim.New(options)
	if err != nil {
		return nil, err
	}
	if len(e.Containers) > 0 {
		if err := sim.AddTemplateFile(e.ContainerTemplate, 130<<20, 600<<20); err != nil {
			return nil, err
		}
	}
	made := make(map[int]bool)
	for _, v := range allVMs(e) {
		if v.Snippet != "" {
			if err := sim.AddFile(v.SnippetFile, int64(len(v.Snippet))); err != nil {
				return nil, err
			}
		}
		if v.CDROM != "" {
			if err := sim.AddFile(v.CDROM, 700<<20); err != nil {
				return nil, err
			}
		}
		if v.Template == 0 || made[v.Template] || len(v.Disks) == 0 {
			continue
		}
		made[v.Template] = true
		boot := v.Disks[0]
		err := sim.AddTemplateVM(pvesim.TemplateVM{VMID: v.Template, Node: v.Node, Store: boot.Store,
			Disks: map[string]string{boot.Interface: strconv.Itoa(min(boot.Size, 10)) + "G"}})
		if err != nil {
			return nil, err
		}
	}
	return sim, nil
}

// simulatedStorage is a directory where files are kept, else a ZFS pool.
func simulatedStorage(id string, kinds []string) pvesim.Storage {
	st := pvesim.Storage{ID: id, Type: "zfspool", Content: kinds, Path: "rpool/data", Total: 8 << 40}
	for _, kind := range kinds {
		if kind != "images" && kind != "rootdir" {
			st.Type, st.Path = "dir", "/var/lib/vz"
		}
	}
	if st.Type == "dir" {
		st.Content = append(st.Content, "iso")
	}
	return st
}

// certificate makes one for an address, and puts it where PROXMOX_VE_CACERT can name it.
func (s *settings) certificate(addr net.Addr) (*tls.Certificate, string, error) {
	host, _, err := net.SplitHostPort(addr.String())
	if err != nil {
		return nil, "", err
	}
	cert, text, err := pvesim.NewCertificate("localhost", host)
	if err != nil {
		return nil, "", err
	}
	if err := os.MkdirAll(s.state(), 0o700); err != nil {
		return nil, "", err
	}
	file, err := filepath.Abs(filepath.Join(s.state(), "simulate.pem"))
	if err != nil {
		return nil, "", err
	}
	return cert, file, replaceFile(file, text, 0o644)
}
