package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"syslog-gateway/internal/cli"
	"syslog-gateway/internal/infra/declaration"
)

// question is something that a first declaration needs: a flag, or what is typed.
type question struct{ flag, ask, def string }

// questions are asked in this order.
func questions() []question {
	return []question{
		{"network", "The network of the guests, its first three octets (such as 192.168.0)", ""},
		{"node", "The name of the Proxmox VE node", "pve"},
		{"datastore", "The datastore for disks", "local-zfs"},
		{"template-store", "The datastore for container templates", "local"},
		{"bridge", "The bridge of the guests", "vmbr0"},
		{"vmid", "The VMID of the gateway, which is also the last octet of its address", "175"},
		{"queue", "The size of its queue's disk", "110G"},
		{"ssh-key", "The file of the SSH public key that guests let in", "~/.ssh/id_ed25519.pub"},
		{"firewall", "Switch on the firewall of the cluster: yes, or no to leave it as it is", "no"},
	}
}

func newInit(s *settings) *cobra.Command {
	answers := map[string]*string{}
	var yes bool
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Write a first declaration: one gateway in a container",
		Long: `Writes a small deployment.json: a pool and a container for the gateway. What no flag says
is asked, or with --yes the default. Nothing is sent to Proxmox VE. A file that is there
stays as it is.`,
		Args: cobra.NoArgs,
	}
	for _, q := range questions() {
		answers[q.flag] = cmd.Flags().String(q.flag, q.def, q.ask)
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask: take the defaults")
	cmd.RunE = cli.Does(func(cmd *cobra.Command, _ []string) error {
		if _, err := os.Stat(s.deployment()); err == nil {
			return fmt.Errorf("%s is there already: name another file with -f, or move it away", s.deployment())
		}
		if !yes {
			if err := askAll(cmd, answers); err != nil {
				return err
			}
		}
		document, err := firstDeclaration(answers)
		if err != nil {
			return err
		}
		return s.initialize(cmd, document)
	})
	return cmd
}

// askAll asks for what no flag says.
func askAll(cmd *cobra.Command, answers map[string]*string) error {
	lines := bufio.NewReader(cmd.InOrStdin())
	for _, q := range questions() {
		if cmd.Flags().Changed(q.flag) {
			continue
		}
		fmt.Fprint(cmd.ErrOrStderr(), q.ask)
		if q.def != "" {
			fmt.Fprintf(cmd.ErrOrStderr(), " [%s]", q.def)
		}
		fmt.Fprint(cmd.ErrOrStderr(), ": ")
		line, err := lines.ReadString('\n')
		if line = strings.TrimSpace(line); line != "" {
			*answers[q.flag] = line
		}
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("the answers end at --%s: give it, or --yes for the defaults", q.flag)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// firstDeclaration is a declaration of one gateway.
func firstDeclaration(answers map[string]*string) (map[string]any, error) {
	get := func(flag string) string { return *answers[flag] }
	network := strings.TrimSuffix(get("network"), ".0/24")
	if a, err := netip.ParseAddr(network + ".0"); err != nil || !a.Is4() {
		return nil, fmt.Errorf("--network %q: write the first three octets of the guests' network, such as 192.168.0", get("network"))
	}
	vmid, err := strconv.Atoi(get("vmid"))
	if err != nil {
		return nil, fmt.Errorf("--vmid %q is not a number", get("vmid"))
	}
	d := map[string]any{
		"network_prefix": network, "proxmox_node": get("node"), "datastore_default": get("datastore"), "datastore_iso": get("template-store"),
		"vm_ssh_public_key_path": get("ssh-key"),
		"pools":                  map[string]any{"logging": map[string]any{"comment": "Logging"}},
		"containers": map[string]any{"gateway": map[string]any{
			"vm_id": vmid, "hostname": "gateway", "tags": []string{"terraform", "container", "syslog-gateway"}, "pool_id": "logging",
			"unprivileged": true, "cpu_cores": 2, "memory_dedicated": 1024, "memory_swap": 0, "root_disk": map[string]any{"size": 8},
			"mount_points":       []any{map[string]any{"volume": get("datastore"), "size": get("queue"), "path": "/var/lib/syslog-gateway"}},
			"network_interfaces": []any{map[string]any{"name": "eth0", "bridge": get("bridge"), "firewall": true}},
		}},
	}
	switch get("firewall") {
	case "yes", "true":
		d["firewall"] = map[string]any{"manage_cluster": true}
	case "no", "false":
		d["firewall"] = map[string]any{"manage_cluster": false}
	default:
		return nil, fmt.Errorf("--firewall %q: write yes or no", get("firewall"))
	}
	if own := netip.MustParsePrefix(network + ".0/24"); !own.Addr().IsPrivate() {
		d["internal_networks"] = []string{own.String()} // the firewall's classes let the private ones in
	}
	return d, nil
}

// initialize writes the declaration, if it is right.
func (s *settings) initialize(cmd *cobra.Command, document map[string]any) error {
	file := s.deployment()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	o := s.output(cmd)
	if err := writeDeclaration(o, file, document); err != nil {
		return err
	}
	e, err := s.site().Check(cmd.Context())
	if err != nil {
		var problems declaration.Problems
		if errors.As(err, &problems) {
			return errors.Join(fmt.Errorf("some answers are wrong, and nothing is written:\n%w", err), os.Remove(file))
		}
		return err
	}
	for _, n := range e.Notes {
		fmt.Fprintf(o.messages, "note: %v\n", n)
	}
	_, err = fmt.Fprintln(o.messages, "next: provision check, provision plan, provision apply")
	return err
}
