package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"

	"syslog-gateway/internal/config"
	"syslog-gateway/internal/stats/control"
	"syslog-gateway/internal/wiring"
)

// asker asks the running gateway of a configuration: by its control socket, or over the
// network where that cannot be reached or another machine is meant.
type asker struct {
	transport      *http.Transport
	base           url.URL
	name, password string
	socket         error // why it is not by the control socket
}

// newAsker finds the way. address is the host:port of another machine's statistics page,
// or empty.
func newAsker(ctx context.Context, c config.Config, address string) (*asker, error) {
	if address == "" && os.Getenv("TAP_PASSWORD") == "" {
		conn, err := control.Dial(ctx, wiring.SocketPath(c))
		if err == nil {
			conn.Close() // it answers; each request makes its own
			dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
				return control.Dial(ctx, wiring.SocketPath(c))
			}
			return &asker{transport: &http.Transport{DialContext: dial}, base: url.URL{Scheme: "http", Host: "localhost"}}, nil
		}
		a, netErr := overNetwork(c, address)
		if netErr != nil {
			return nil, fmt.Errorf("%w; %w", noSocket(c, err), netErr)
		}
		a.socket = noSocket(c, err)
		return a, nil
	}
	return overNetwork(c, address)
}

// noSocket says why the control socket cannot be reached, and what to do.
func noSocket(c config.Config, err error) error {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("the control socket %s is for root and the gateway's own user: run this with sudo", wiring.SocketPath(c))
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("no gateway answers at the control socket %s: is it running, with this queue.path?", wiring.SocketPath(c))
	}
	return fmt.Errorf("connect to the control socket %s: %w", wiring.SocketPath(c), err)
}

func overNetwork(c config.Config, address string) (*asker, error) {
	a := &asker{transport: &http.Transport{}, base: wiring.StatsURL(c)}
	if address != "" {
		a.base.Host = address
	} else if a.base.Scheme == "https" {
		// The certificate is for a name, and this is the machine itself.
		a.transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: true}
	}
	users, err := c.StatsUsers(os.Environ())
	if err != nil {
		return nil, err
	}
	for _, u := range users {
		password := u.Password.Reveal()
		if given := os.Getenv("TAP_PASSWORD"); given != "" {
			password = given
		}
		if password != "" {
			a.name, a.password = u.Name, password
			return a, nil
		}
	}
	if len(users) > 0 {
		return nil, errors.New("the configuration has the password of the statistics page as a hash only; give it by TAP_PASSWORD")
	}
	return a, nil
}

// get asks for a path. An answer other than 200 and those of also is an error.
func (a *asker) get(ctx context.Context, path string, query url.Values, also ...int) (*http.Response, error) {
	u := a.base
	u.Path, u.RawQuery = path, query.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("ask for %s: %w", path, err)
	}
	if a.name != "" {
		request.SetBasicAuth(a.name, a.password)
	}
	answer, err := a.transport.RoundTrip(request)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("ask %s for %s: %w; is the gateway running?", u.Host, path, err), a.socket)
	}
	for _, code := range append(also, http.StatusOK) {
		if answer.StatusCode == code {
			return answer, nil
		}
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(answer.Body, 1000))
	return nil, errors.Join(fmt.Errorf("%s answers %s with %s: %s", u.Host, path, answer.Status, strings.TrimSpace(string(text))), a.socket)
}

func (a *asker) close() { a.transport.CloseIdleConnections() }
