package main

import (
	_ "embed"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	texttemplate "text/template"
	"time"

	"github.com/spf13/cobra"

	"syslog-gateway/internal/authority"
	"syslog-gateway/internal/cli"
)

//go:embed tls_lines.txt.tmpl
var tlsLines string

func newTLS() *cobra.Command {
	cmd := &cobra.Command{Use: "tls", Short: "Make a small CA and the certificates of the gateway and its clients"}
	cmd.AddCommand(newTLSInit())
	return cmd
}

func newTLSInit() *cobra.Command {
	var names, clients []string
	cmd := &cobra.Command{
		Use:   "init DIR",
		Short: "Make a CA, a server certificate and client certificates, and print what devices need",
		Long: `Makes in DIR a CA (ca.pem, ca.key: ECDSA P-256, ten years), the certificate of the gateway
(server.pem, server.key: 825 days) and one for each client (client-NAME.pem, client-NAME.key).
It prints the lines to paste into gateway.yaml and into the configuration of devices.

If the CA is there, it is used: a certificate that is there is renewed with its key, others
are added. No key is ever overwritten, and no certificate of another CA. Keep ca.key safe:
who has it can make certificates that all devices trust.`,
		Example: `  gateway tls init /etc/syslog-gateway/tls --name gateway.example.com --name 192.0.2.50
  gateway tls init /etc/syslog-gateway/tls --client web1.example.com --client fw1.example.com`,
		Args: cobra.ExactArgs(1),
	}
	cmd.Flags().StringSliceVar(&names, "name", nil, "DNS name or IP address by which clients reach the gateway; repeat it for more")
	cmd.Flags().StringSliceVar(&clients, "client", nil, "name of a client that gets a certificate of its own; repeat it for more")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		var errs []error
		for _, name := range slices.Concat(names, clients) {
			errs = append(errs, authority.CheckName(name))
		}
		if err := errors.Join(errs...); err != nil {
			return err
		}
		if len(names)+len(clients) == 0 {
			return errors.New("give --name with each DNS name and IP address by which clients reach the gateway, or --client")
		}
		return cli.Fail(initTLS(cmd, args[0], names, clients))
	}
	return cmd
}

func initTLS(cmd *cobra.Command, dir string, names, clients []string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(dir, "server.pem")); err != nil && len(names) == 0 {
		return errors.New("there is no certificate of the gateway yet: give --name with each DNS name and IP address by which clients reach it")
	}
	ca, err := authority.Open(dir)
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	if ca.Made {
		fmt.Fprintf(out, "made     %s\n", filepath.Join(dir, "ca.pem"))
	}
	made := func(file string, until time.Time) {
		fmt.Fprintf(out, "made     %s until %s\n", filepath.Join(dir, file+".pem"), until.UTC().Format(time.DateOnly))
	}
	if len(names) > 0 {
		cert, err := ca.Server(names)
		if err != nil {
			return err
		}
		made("server", cert.NotAfter)
	}
	for _, name := range clients {
		cert, err := ca.Client(name)
		if err != nil {
			return err
		}
		made(authority.ClientFile(name), cert.NotAfter)
	}
	return texttemplate.Must(texttemplate.New("lines").Parse(tlsLines)).Execute(out, map[string]any{
		"Dir": dir, "Name": firstOf(names, "gateway.example.com"), "Address": firstOf(addresses(names), "ADDRESS"),
		"Clients": strings.Join(clients, ", "), "Client": clientFile(clients),
	})
}

func firstOf(list []string, other string) string {
	if len(list) > 0 {
		return list[0]
	}
	return other
}

// addresses returns the IP addresses among names.
func addresses(names []string) (all []string) {
	for _, name := range names {
		if net.ParseIP(name) != nil {
			all = append(all, name)
		}
	}
	return all
}

// clientFile is the name of the files of the first client, "" without one.
func clientFile(clients []string) string {
	if len(clients) == 0 {
		return ""
	}
	return authority.ClientFile(clients[0])
}
