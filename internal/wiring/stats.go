package wiring

import (
	"net"
	"net/url"
	"os"
	"path/filepath"

	"syslog-gateway/internal/config"
	"syslog-gateway/internal/stats/auth"
	"syslog-gateway/internal/stats/control"
)

// StatsUsers are the users of the statistics page.
func StatsUsers(c config.Config) ([]auth.User, error) {
	found, err := c.StatsUsers(os.Environ())
	var users []auth.User
	for _, u := range found {
		users = append(users, auth.User{Name: u.Name, Password: u.Password.Reveal(), Hash: u.Hash.Reveal(), Admin: u.Admin})
	}
	return users, err
}

// SocketPath is where a gateway has its control socket.
func SocketPath(c config.Config) string { return filepath.Join(c.Queue.Path, control.Name) }

// HistoryPath is where a gateway keeps its history. The lock of the queue guards it.
func HistoryPath(c config.Config) string { return filepath.Join(c.Queue.Path, "history") }

// StatsURL is the statistics page as this machine reaches it.
func StatsURL(c config.Config) url.URL {
	host, port, _ := net.SplitHostPort(c.Stats.Listen)
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	u := url.URL{Scheme: "http", Host: net.JoinHostPort(host, port)}
	if c.Stats.TLS.On() {
		u.Scheme = "https"
	}
	return u
}
