package endpoints

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
)

// Collector is the path of an HTTP Event Collector.
const Collector = "/services/collector"

// Address is where and as whom to reach one HEC. It never changes.
type Address struct {
	Name   string // the URL without user and password
	Event  *url.URL
	Ack    *url.URL
	Health *url.URL
	basic  string // the Authorization by user and password of the URL; else empty
	host   string // host and port to connect to
}

// Parse reads the configured URLs of endpoints. It returns all that is wrong with them. No
// error shows the password of a URL.
func Parse(urls []string) ([]Address, error) {
	var all []Address
	var errs []error
	seen := make(map[string]bool)
	for _, raw := range urls {
		a, err := parse(raw)
		if err == nil && seen[a.Name] {
			err = fmt.Errorf("HEC endpoint %s is named twice", a.Name)
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		seen[a.Name] = true
		all = append(all, a)
	}
	if len(urls) == 0 {
		errs = append(errs, errors.New("no HEC endpoint: name at least one, such as https://splunk:8088"))
	}
	return all, errors.Join(errs...)
}

func parse(raw string) (Address, error) {
	u, err := url.Parse(strings.TrimSpace(raw))
	if err != nil {
		return Address{}, errors.New("a HEC endpoint is not a URL such as https://splunk:8088 (it is not shown here: it may hold a password)")
	}
	if (u.Scheme != "https" && u.Scheme != "http") || u.Hostname() == "" {
		return Address{}, fmt.Errorf("HEC endpoint %q is not a URL such as https://splunk:8088", bare(u))
	}
	a := Address{host: hostPort(u)}
	if u.User != nil {
		pass, _ := u.User.Password()
		a.basic = "Basic " + base64.StdEncoding.EncodeToString([]byte(u.User.Username()+":"+pass))
	}
	base, path, err := collectorPath(u.Path)
	if err != nil {
		return Address{}, fmt.Errorf("HEC endpoint %s: %w", bare(u), err)
	}
	at := func(path, query string) *url.URL {
		return &url.URL{Scheme: u.Scheme, Host: u.Host, Path: path, RawQuery: query}
	}
	a.Event, a.Health, a.Ack = at(path, u.RawQuery), at(base+"/health", ""), at(base+"/ack", "")
	a.Name = bare(at(strings.TrimSuffix(u.Path, "/"), ""))
	return a, nil
}

// hostPort is what a URL says to connect to.
func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// collectorPath returns the collector's path without and with its last part.
func collectorPath(path string) (base, event string, err error) {
	path = strings.TrimRight(path, "/")
	i := strings.LastIndex(path, Collector)
	if i < 0 {
		return path + Collector, path + Collector + "/event", nil
	}
	base = path[:i+len(Collector)]
	switch tail := path[i+len(Collector):]; {
	case tail == "" || tail == "/event" || strings.HasPrefix(tail, "/event/"):
		return base, path, nil
	case strings.HasPrefix(tail, "/"):
		return "", "", fmt.Errorf("path %s does not take event objects; name the host only, or %s/event", path, base)
	}
	return path + Collector, path + Collector + "/event", nil
}

// bare is the URL without user, password, query and fragment.
func bare(u *url.URL) string {
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

// NeedsToken reports whether posts need a token: the URL names no user.
func (a Address) NeedsToken() bool { return a.basic == "" }

// Secrets are the parts of the URL that must not be shown.
func (a Address) Secrets() []string {
	if a.basic == "" {
		return nil
	}
	code := strings.TrimPrefix(a.basic, "Basic ")
	plain, _ := base64.StdEncoding.DecodeString(code) // parse has encoded it
	_, pass, _ := strings.Cut(string(plain), ":")
	return []string{pass, code}
}

// authorization is the header that authenticates posts.
func (a Address) authorization(token string) string {
	if a.basic != "" {
		return a.basic
	}
	return "Splunk " + token
}

// same reports whether both lead to the same host as the same user.
func (a Address) same(b Address) bool {
	return a.Name == b.Name && a.basic == b.basic && *a.Event == *b.Event
}
