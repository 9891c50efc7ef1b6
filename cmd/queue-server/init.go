package main

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/template"

	"github.com/spf13/cobra"

	"syslog-gateway/internal/authority"
	"syslog-gateway/internal/cli"
	"syslog-gateway/internal/durable"
)

//go:embed node.conf.tmpl
var nodeConf string

//go:embed gateway.yaml.tmpl
var gatewayYAML string

// cluster is what the templates are filled with.
type cluster struct {
	Nodes, Gateways []string
	Name            string // of the node or gateway that the file is for
	MaxFileStore    string
	StoreDir        string
}

// Listen is the address that a node listens at: its own, or all of the machine.
func (c cluster) Listen() string {
	if a, err := netip.ParseAddr(c.Name); err == nil {
		return hostOf(a.String())
	}
	return "0.0.0.0"
}

// Monitor is the address of the pages for this machine.
func (c cluster) Monitor() string {
	if a, err := netip.ParseAddr(c.Name); err == nil && a.IsLoopback() { // several nodes on one machine
		return hostOf(a.String())
	}
	return "127.0.0.1"
}

// Peers are the addresses of all nodes with a port.
func (c cluster) Peers(port string) string {
	var all []string
	for _, n := range c.Nodes {
		all = append(all, fmt.Sprintf("tls://%s:%s", hostOf(n), port))
	}
	return strings.Join(all, ", ")
}

// Replicas is how many nodes hold each record.
func (c cluster) Replicas() int { return min(len(c.Nodes), 3) }

func hostOf(name string) string {
	if strings.Contains(name, ":") {
		return "[" + name + "]"
	}
	return name
}

func newInit() *cobra.Command {
	c := cluster{}
	cmd := &cobra.Command{
		Use:   "init DIR --node NAME… --gateway NAME…",
		Short: "Make the certificates and configurations of a new cluster",
		Long: `Makes in DIR a CA, and a folder for each machine:

  ca/              the CA; keep it, and nowhere near the machines
  node-NAME/       queue.conf, node.pem, node.key, ca.pem: to /etc/syslog-gateway-queue of that node
  gateway-NAME/    queue.yaml, client.pem, client.key, ca.pem: to /etc/syslog-gateway/queue of that gateway

Three or five nodes survive the loss of one or two. Names are DNS names or IP addresses at
which the machines reach each other. Run it again with more --gateway to add gateways: the
queue.conf of all nodes then changes, and SIGHUP makes them read it.`,
		Example: "  syslog-gateway-queue init cluster --node q1.example.com --node q2.example.com --node q3.example.com --gateway gw1 --gateway gw2",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.check(); err != nil {
				return err
			}
			return cli.Fail(c.write(cmd, args[0]))
		},
	}
	cmd.Flags().StringSliceVar(&c.Nodes, "node", nil, "DNS name or IP address of a node; repeat it for each")
	cmd.Flags().StringSliceVar(&c.Gateways, "gateway", nil, "name of a gateway, its queue.jetstream.gateway_id; repeat it for each")
	cmd.Flags().StringVar(&c.MaxFileStore, "max-file-store", "450GB", "disk space that a node gives to the streams; more than queue.jetstream.max_size, less than its file system has")
	cmd.Flags().StringVar(&c.StoreDir, "store-dir", "/var/lib/syslog-gateway-queue", "folder of the streams on each node")
	return cmd
}

// check says what is wrong with the names.
func (c cluster) check() error {
	if n := len(c.Nodes); n != 1 && n != 3 && n != 5 {
		return fmt.Errorf("%d nodes: give --node 3 or 5 times (1 is for trying things out); a majority must stay when one is lost", n)
	}
	if len(c.Gateways) == 0 {
		return errors.New("give --gateway with the name of each gateway")
	}
	all := slices.Concat(c.Nodes, c.Gateways)
	for i, name := range all {
		if err := authority.CheckName(name); err != nil {
			return err
		}
		if strings.HasPrefix(name, "*") || slices.Contains(all[:i], name) {
			return fmt.Errorf("%q: each node and gateway needs a name of its own", name)
		}
	}
	return nil
}

// write makes all files. A CA that is there stays; certificates are made anew, and those that
// machines have remain valid.
func (c cluster) write(cmd *cobra.Command, dir string) error {
	ca, err := authority.Open(filepath.Join(dir, "ca"))
	if err != nil {
		return err
	}
	for _, name := range c.Nodes {
		if _, err := ca.Peer(name); err != nil {
			return err
		}
		if err := c.machine(cmd, dir, "node", name, authority.PeerFile(name), "queue.conf", nodeConf); err != nil {
			return err
		}
	}
	for _, name := range c.Gateways {
		if _, err := ca.Client(name); err != nil {
			return err
		}
		if err := c.machine(cmd, dir, "gateway", name, authority.ClientFile(name), "queue.yaml", gatewayYAML); err != nil {
			return err
		}
	}
	return nil
}

// machine writes the folder of one machine: its certificate, its key, the CA and a
// configuration.
func (c cluster) machine(cmd *cobra.Command, dir, kind, name, file, config, text string) error {
	to := filepath.Join(dir, kind+"-"+strings.ReplaceAll(name, ":", "_"))
	if err := os.MkdirAll(to, 0o755); err != nil {
		return fmt.Errorf("make the folder of %s: %w", name, err)
	}
	leaf := map[string]string{"node": "node", "gateway": "client"}[kind]
	for from, as := range map[string]string{file + ".pem": leaf + ".pem", file + ".key": leaf + ".key", "ca.pem": "ca.pem"} {
		data, err := os.ReadFile(filepath.Join(dir, "ca", from))
		if err != nil {
			return fmt.Errorf("read a certificate of %s: %w", name, err)
		}
		mode := os.FileMode(0o644)
		if strings.HasSuffix(as, ".key") {
			mode = 0o600
		}
		if err := durable.WriteFile(filepath.Join(to, as), data, mode); err != nil {
			return fmt.Errorf("write the files of %s: %w", name, err)
		}
	}
	c.Name = name
	var out bytes.Buffer
	if err := template.Must(template.New(config).Parse(text)).Execute(&out, c); err != nil {
		return fmt.Errorf("write %s of %s: %w", config, name, err)
	}
	if err := durable.WriteFile(filepath.Join(to, config), out.Bytes(), 0o644); err != nil {
		return fmt.Errorf("write the files of %s: %w", name, err)
	}
	fmt.Fprintf(cmd.OutOrStdout(), "made %s\n", to)
	return nil
}
