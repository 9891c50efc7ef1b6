package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"syslog-gateway/internal/cli"
	"syslog-gateway/internal/durable"
	"syslog-gateway/internal/infra/render"
)

func newRender(s *settings) *cobra.Command {
	cmd := &cobra.Command{Use: "render", Short: "Configuration files that follow from the declaration", Args: cobra.NoArgs}
	cmd.AddCommand(newRenderGateway(s), newRenderSplunk(s), newRenderCertificates(s))
	return cmd
}

func newRenderGateway(s *settings) *cobra.Command {
	var endpoints []string
	var folder string
	cmd := &cobra.Command{
		Use:   "gateway [KEY]",
		Short: "gateway.yaml of a container tagged syslog-gateway",
		Args:  cobra.MaximumNArgs(1),
	}
	cmd.Flags().StringArrayVar(&endpoints, "hec", nil, "`URL` of an HEC endpoint, instead of the Splunk VM; may be given several times")
	outputFlag(cmd, &folder)
	cmd.RunE = cli.Does(func(cmd *cobra.Command, args []string) error {
		e, err := s.site().Load(cmd.Context())
		if err != nil {
			return err
		}
		o := render.GatewayOptions{Endpoints: endpoints}
		if len(args) > 0 {
			o.Key = args[0]
		}
		text, err := render.Gateway(e, o)
		if err != nil {
			return err
		}
		return deliver(s.output(cmd), folder, []render.File{{Name: "gateway.yaml", Text: text}})
	})
	return cmd
}

func newRenderSplunk(s *settings) *cobra.Command {
	var withToken bool
	var folder string
	cmd := &cobra.Command{
		Use:   "splunk",
		Short: "indexes.conf and inputs.conf (HEC) of the Splunk VM",
		Args:  cobra.NoArgs,
	}
	cmd.Flags().BoolVar(&withToken, "with-token", false, "write the HEC token of SPLUNK_HEC_TOKEN into inputs.conf instead of a reference to it")
	outputFlag(cmd, &folder)
	cmd.RunE = cli.Does(func(cmd *cobra.Command, _ []string) error {
		token := ""
		if withToken {
			if token = os.Getenv("SPLUNK_HEC_TOKEN"); token == "" {
				return fmt.Errorf("--with-token: SPLUNK_HEC_TOKEN is not set")
			}
		}
		e, err := s.site().Load(cmd.Context())
		if err != nil {
			return err
		}
		files, err := render.Splunk(e, token)
		if err != nil {
			return err
		}
		return deliver(s.output(cmd), folder, files)
	})
	return cmd
}

func newRenderCertificates(s *settings) *cobra.Command {
	var folder string
	cmd := &cobra.Command{
		Use:   "certificates [KEY…]",
		Short: "certbot's configuration, or the internal CA's command, for guest_certificates",
	}
	outputFlag(cmd, &folder)
	cmd.RunE = cli.Does(func(cmd *cobra.Command, keys []string) error {
		e, err := s.site().Load(cmd.Context())
		if err != nil {
			return err
		}
		files, err := render.Certificates(e, keys)
		if err != nil {
			return err
		}
		return deliver(s.output(cmd), folder, files)
	})
	return cmd
}

func outputFlag(cmd *cobra.Command, folder *string) {
	cmd.Flags().StringVarP(folder, "output", "o", "", "write into this folder instead of standard output")
}

// deliver prints rendered files, or writes them into a folder.
func deliver(o output, folder string, files []render.File) error {
	switch {
	case folder != "":
		return writeFiles(o, folder, files)
	case o.json:
		texts := make(map[string]string)
		for _, f := range files {
			texts[f.Name] = string(f.Text)
		}
		return o.document(texts)
	}
	for i, f := range files {
		if len(files) > 1 {
			fmt.Fprintf(o.doc, "### %s\n", f.Name)
		}
		if _, err := o.doc.Write(f.Text); err != nil {
			return err
		}
		if i < len(files)-1 {
			fmt.Fprintln(o.doc)
		}
	}
	return nil
}

// writeFiles replaces files in a folder, and prints their paths.
func writeFiles(o output, folder string, files []render.File) error {
	if st, err := os.Stat(folder); err != nil || !st.IsDir() {
		return fmt.Errorf("there is no folder %s: make it first", folder)
	}
	for _, f := range files {
		mode := os.FileMode(0o644)
		if f.Secret {
			mode = 0o600
		}
		path := filepath.Join(folder, f.Name)
		if err := durable.WriteFile(path, f.Text, mode); err != nil {
			return err
		}
		fmt.Fprintln(o.doc, path)
	}
	return nil
}
