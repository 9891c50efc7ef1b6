package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"syslog-gateway/internal/config"
)

// tapOptions are the flags of `gateway tap`.
type tapOptions struct {
	source, sender, class, text, address string
	limit                                int
	raw                                  bool
}

func newTap() *cobra.Command {
	var o tapOptions
	cmd := configVerb("tap", "Show some of the messages that go through a running gateway",
		cobra.NoArgs, func(cmd *cobra.Command, c config.Config, _ []string) error { return o.run(cmd, c) })
	cmd.Long = `Shows a sample of the messages that the running gateway receives, each as a JSON line:
the raw line beside the event that Splunk gets. Ends with Ctrl-C, or after --limit.

It asks the statistics page (stats.listen of the configuration) and logs in as its
user, whose password it needs as it is: a hash will not do. TAP_PASSWORD wins
over the configuration.`
	f := cmd.Flags()
	f.StringVar(&o.source, "source", "", "only this source")
	f.StringVar(&o.sender, "sender", "", "only this address, network or host name")
	f.StringVar(&o.class, "class", "", "only this class (docs/metadata.md)")
	f.StringVar(&o.text, "text", "", "only lines with this text in them")
	f.IntVar(&o.limit, "limit", 0, "end after so many; 0: never")
	f.BoolVar(&o.raw, "raw", false, "only the raw lines")
	f.StringVar(&o.address, "address", "", "host:port of the statistics page, when it is not this machine")
	return cmd
}

// url is where the tap is.
func (o *tapOptions) url(c config.Config) string {
	host, port, _ := net.SplitHostPort(c.Stats.Listen)
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	u := url.URL{Scheme: "http", Host: net.JoinHostPort(host, port), Path: "/api/v1/tap"}
	if o.address != "" {
		u.Host = o.address
	}
	if c.Stats.TLS.CertFile != "" {
		u.Scheme = "https"
	}
	q := url.Values{"format": {"ndjson"}}
	for name, value := range map[string]string{"source": o.source, "sender": o.sender, "class": o.class, "text": o.text} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if o.limit > 0 {
		q.Set("limit", strconv.Itoa(o.limit))
	}
	u.RawQuery = q.Encode()
	return u.String()
}

func (o *tapOptions) run(cmd *cobra.Command, c config.Config) error {
	ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, o.url(c), nil)
	if err != nil {
		return fmt.Errorf("ask for the tap: %w", err)
	}
	if err := o.logIn(request, c); err != nil {
		return err
	}
	transport := &http.Transport{}
	if c.Stats.TLS.CertFile != "" && o.address == "" {
		// The certificate is for a name, and this is the machine itself.
		transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: true}
	}
	defer transport.CloseIdleConnections()
	answer, err := transport.RoundTrip(request)
	if err != nil {
		return fmt.Errorf("ask %s for the tap: %w; is the gateway running?", request.URL.Host, err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(answer.Body, 1000))
		return fmt.Errorf("%s gives no tap: %s: %s", request.URL.Host, answer.Status, strings.TrimSpace(string(text)))
	}
	err = o.show(cmd.OutOrStdout(), answer.Body)
	if ctx.Err() != nil || errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// logIn puts the user and password of the configuration into a request.
func (o *tapOptions) logIn(r *http.Request, c config.Config) error {
	users, err := c.StatsUsers(os.Environ())
	if err != nil {
		return err
	}
	for _, u := range users {
		password := u.Password.Reveal()
		if given := os.Getenv("TAP_PASSWORD"); given != "" {
			password = given
		}
		if password != "" {
			r.SetBasicAuth(u.Name, password)
			return nil
		}
	}
	if len(users) > 0 {
		return errors.New("the configuration has the password of the statistics page as a hash only; give it by TAP_PASSWORD")
	}
	return nil
}

// show writes the lines as they come.
func (o *tapOptions) show(out io.Writer, lines io.Reader) error {
	r := bufio.NewReader(lines)
	for {
		line, err := r.ReadBytes('\n')
		if len(line) > 0 && err == nil {
			if o.raw {
				var m struct{ Raw string }
				if err := json.Unmarshal(line, &m); err != nil {
					return fmt.Errorf("read what the tap sent: %w", err)
				}
				line = append([]byte(printable(m.Raw)), '\n')
			}
			if _, err := out.Write(line); err != nil {
				return fmt.Errorf("write a line: %w", err)
			}
		}
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return fmt.Errorf("the tap broke off: %w", err)
		}
	}
}

// printable takes out what would drive a terminal.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return '.'
		}
		return r
	}, text)
}
