// Package github sets the secrets that workflows of a GitHub repository read (REST API,
// version 2022-11-28: Actions secrets).
//
// A value leaves this program sealed for the repository's public key alone, as an
// anonymous box of NaCl. GitHub gives no value back. The token and what GitHub says are
// cleaned before they reach an error.
package github

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/nacl/box"

	"syslog-gateway/internal/printable"
	"syslog-gateway/internal/redact"
)

const (
	publicAPI  = "https://api.github.com"
	apiVersion = "2022-11-28"
	timeout    = 30 * time.Second // of one request
	maxAnswer  = 4 << 20          // bytes of one answer
	perPage    = 100
	maxPages   = 20
	keySize    = 32
	maxSaid    = 300 // characters of what GitHub says
	// MaxValue is the size of a secret that GitHub takes, in bytes.
	MaxValue = 48 << 10
)

// Options say which repository, and who asks.
type Options struct {
	Repository string        // OWNER/REPO
	Token      redact.Secret // with the right to read and write the repository's secrets
	API        string        // "": https://api.github.com
}

// Repository is where secrets are set.
type Repository struct {
	base   string // URL, as far as /repos/OWNER/REPO/actions
	name   string
	token  redact.Secret
	client *http.Client
	hidden redact.Secrets
}

var fullName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100}$`)

// New checks the options. Nothing is sent.
func New(o Options) (*Repository, error) {
	if !fullName.MatchString(o.Repository) || strings.HasSuffix(o.Repository, "/.") || strings.HasSuffix(o.Repository, "/..") {
		return nil, fmt.Errorf("%.140q is not the name of a GitHub repository: write OWNER/REPO", o.Repository)
	}
	if o.Token == "" {
		return nil, errors.New("there is no GitHub token: set GH_TOKEN or GITHUB_TOKEN, such as by `GH_TOKEN=$(gh auth token)`")
	}
	if strings.ContainsAny(o.Token.Reveal(), "\r\n \t") {
		return nil, errors.New("the GitHub token has a blank or a line end in it: copy it again")
	}
	if o.API == "" {
		o.API = publicAPI
	}
	u, err := url.Parse(o.API)
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
		return nil, errors.New("GITHUB_API_URL is not an https URL, such as https://api.github.com or https://HOST/api/v3")
	}
	r := &Repository{base: strings.TrimSuffix(o.API, "/") + "/repos/" + o.Repository + "/actions", name: o.Repository, token: o.Token}
	r.hidden.Add(o.Token.Reveal())
	// A redirect would make a read of a write, or carry the token elsewhere.
	r.client = &http.Client{Timeout: timeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return r, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Names gives the names of the secrets that workflows of the repository can read: its own,
// and those that its organization shares with it. Secrets of environments are not among them.
func (r *Repository) Names(ctx context.Context) (map[string]bool, error) {
	names := make(map[string]bool)
	if err := r.list(ctx, "/secrets", names); err != nil {
		return nil, err
	}
	// A user's repository has no organization, and the token may not be allowed to see it.
	err := r.list(ctx, "/organization-secrets", names)
	if a, ok := errors.AsType[*answerError](err); ok && (a.status == http.StatusNotFound || a.status == http.StatusForbidden) {
		err = nil
	}
	return names, err
}

func (r *Repository) list(ctx context.Context, path string, names map[string]bool) error {
	for page := 1; page <= maxPages; page++ {
		var got struct {
			Secrets []struct {
				Name string `json:"name"`
			} `json:"secrets"`
		}
		query := "?per_page=" + strconv.Itoa(perPage) + "&page=" + strconv.Itoa(page)
		if _, err := r.do(ctx, http.MethodGet, path+query, "read the names of the secrets", nil, &got); err != nil {
			return err
		}
		for _, s := range got.Secrets {
			names[strings.ToUpper(s.Name)] = true
		}
		if len(got.Secrets) < perPage {
			return nil
		}
	}
	return fmt.Errorf("read the names of the secrets of %s: there are more than %d", r.name, maxPages*perPage)
}

// Key is the public key of a repository.
type Key struct {
	id     string
	public [keySize]byte
}

// Key reads the key that values are sealed for.
func (r *Repository) Key(ctx context.Context) (Key, error) {
	var got struct {
		ID  string `json:"key_id"`
		Key string `json:"key"`
	}
	const what = "read the public key"
	if _, err := r.do(ctx, http.MethodGet, "/secrets/public-key", what, nil, &got); err != nil {
		return Key{}, err
	}
	raw, err := base64.StdEncoding.DecodeString(got.Key)
	if err != nil || len(raw) != keySize || got.ID == "" {
		return Key{}, fmt.Errorf("%s of %s: the answer is no key of %d bytes: is GITHUB_API_URL right?", what, r.name, keySize)
	}
	return Key{got.ID, [keySize]byte(raw)}, nil
}

// Set seals a value and sets the secret of that name. new says that there was none.
func (r *Repository) Set(ctx context.Context, key Key, name string, value redact.Secret) (new bool, err error) {
	sealed, err := box.SealAnonymous(nil, []byte(value.Reveal()), &key.public, rand.Reader)
	if err != nil {
		return false, fmt.Errorf("seal %s: %w", name, err)
	}
	body, err := json.Marshal(map[string]string{"encrypted_value": base64.StdEncoding.EncodeToString(sealed), "key_id": key.id})
	if err != nil {
		return false, err
	}
	status, err := r.do(ctx, http.MethodPut, "/secrets/"+url.PathEscape(name), "set the secret "+name, body, nil)
	return status == http.StatusCreated, err
}

// do sends one request and decodes the answer into out; nil for none.
func (r *Repository) do(ctx context.Context, method, path, what string, body []byte, out any) (status int, err error) {
	what += " of " + r.name
	req, err := http.NewRequestWithContext(ctx, method, r.base+path, bytes.NewReader(body))
	if err != nil {
		return 0, fmt.Errorf("%s: %w", what, err)
	}
	req.Header.Set("Accept", "application/vnd.github+json")
	req.Header.Set("X-GitHub-Api-Version", apiVersion)
	req.Header.Set("User-Agent", "provision")
	req.Header.Set("Authorization", "Bearer "+r.token.Reveal())
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := r.client.Do(req)
	if err != nil {
		return 0, fmt.Errorf("%s: no answer: %s", what, r.clean(err.Error()))
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return resp.StatusCode, fmt.Errorf("%s: the answer was cut off: %s", what, r.clean(err.Error()))
	}
	if resp.StatusCode >= http.StatusMultipleChoices {
		return resp.StatusCode, r.refused(what, resp, data)
	}
	if out != nil {
		if err := json.Unmarshal(data, out); err != nil {
			return resp.StatusCode, fmt.Errorf("%s: the answer is not GitHub's JSON: is GITHUB_API_URL right?", what)
		}
	}
	return resp.StatusCode, nil
}

// clean removes the token and control characters, and cuts.
func (r *Repository) clean(text string) string {
	return printable.Cut(printable.Escape(printable.Fold(r.hidden.Text(text))), maxSaid)
}

// IsRefused says that GitHub answered, and did not do what was asked. Of other errors that
// is not known.
func IsRefused(err error) bool {
	_, ok := errors.AsType[*answerError](err)
	return ok
}

// answerError is a refusal of GitHub's.
type answerError struct {
	status int
	text   string
}

func (e *answerError) Error() string { return e.text }

func (r *Repository) refused(what string, resp *http.Response, data []byte) error {
	var said struct {
		Message string `json:"message"`
	}
	_ = json.Unmarshal(data, &said) // another answer has no message
	e := &answerError{status: resp.StatusCode, text: what + ": GitHub answers " + strconv.Itoa(resp.StatusCode)}
	if said.Message != "" {
		e.text += " " + r.clean(said.Message)
	}
	if hint := hint(resp); hint != "" {
		e.text += ": " + hint
	}
	return e
}

// hint says what to do.
func hint(resp *http.Response) string {
	limited := resp.Header.Get("X-RateLimit-Remaining") == "0" || resp.Header.Get("Retry-After") != ""
	switch status := resp.StatusCode; {
	case status == http.StatusTooManyRequests, status == http.StatusForbidden && limited:
		return "too many requests: run it again " + later(resp.Header)
	case status == http.StatusUnauthorized:
		return "the token is wrong, or has expired: make a new one and set GH_TOKEN"
	case status == http.StatusForbidden:
		return "the token lacks a right: a fine-grained one needs Secrets (read and write) for this repository, a classic one the scope repo"
	case status == http.StatusNotFound:
		return "there is no such repository, or the token may not see it: check OWNER/REPO, and that the token has Secrets (read and write) for it"
	case status < http.StatusBadRequest:
		return "the repository was renamed or moved: write OWNER/REPO as it is now"
	case status >= http.StatusInternalServerError:
		return "GitHub has a fault: run it again in a few minutes"
	}
	return ""
}

// later says when a limit ends (REST API, Rate limits).
func later(h http.Header) string {
	if s, err := strconv.Atoi(h.Get("Retry-After")); err == nil && s > 0 {
		return fmt.Sprintf("in %d s", s)
	}
	if at, err := strconv.ParseInt(h.Get("X-RateLimit-Reset"), 10, 64); err == nil && at > 0 {
		return "after " + time.Unix(at, 0).Format(time.DateTime)
	}
	return "in a minute"
}
