package pve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// auth signs requests.
type auth interface {
	// sign returns the headers that authenticate a request. They must not be changed.
	sign(ctx context.Context) (http.Header, error)
	// refused is called when a request with these headers was answered 401. It returns
	// whether another attempt may succeed.
	refused(signed http.Header) bool
	user() string
}

func newAuth(o Options, t *transport) (auth, error) {
	switch {
	case o.Token != "":
		return newToken(o.Token)
	case o.Ticket != "":
		return newTicket(o, t)
	case o.Username == "" && o.Password == "":
		return nil, errors.New("pve: no credentials: set PROXMOX_VE_API_TOKEN (user@realm!name=secret), or PROXMOX_VE_USERNAME and PROXMOX_VE_PASSWORD")
	case o.Username == "" || o.Password == "":
		return nil, errors.New("pve: half a login: PROXMOX_VE_USERNAME and PROXMOX_VE_PASSWORD go together")
	case !strings.Contains(o.Username, "@"):
		return nil, fmt.Errorf("pve: user %q has no realm: PROXMOX_VE_USERNAME is like root@pam", o.Username)
	}
	return &login{t: t, name: o.Username, password: o.Password, now: time.Now}, nil
}

// token is an API token. It needs no CSRF prevention.
type token struct {
	id     string
	header http.Header
}

func newToken(s string) (*token, error) {
	s = strings.TrimPrefix(strings.TrimSpace(s), "PVEAPIToken=")
	id, secret, ok := strings.Cut(s, "=")
	owner, name, named := strings.Cut(id, "!")
	if !ok || !named || secret == "" || name == "" || !strings.Contains(owner, "@") || strings.ContainsAny(s, "\r\n") {
		return nil, errors.New("pve: the API token is not of the form user@realm!name=secret (PROXMOX_VE_API_TOKEN)")
	}
	return &token{id: id, header: http.Header{"Authorization": {"PVEAPIToken=" + s}}}, nil
}

func (a *token) sign(context.Context) (http.Header, error) { return a.header, nil }
func (a *token) refused(http.Header) bool                  { return false }
func (a *token) user() string                              { return a.id }

const (
	ticketRenew = time.Hour       // age at which a ticket is renewed by itself
	ticketLife  = 2 * time.Hour   // the API's; renewing by the ticket works until then
	ticketSlack = 5 * time.Minute // clocks differ
)

// login is a user with a password, or with a ticket made elsewhere. Its ticket is
// fetched when first needed and renewed before it ends.
type login struct {
	t        *transport
	name     string
	password string // "": there is only the ticket
	now      func() time.Time

	mu     sync.Mutex
	ticket string
	since  time.Time
	header http.Header
}

func newTicket(o Options, t *transport) (*login, error) {
	fields := strings.SplitN(o.Ticket, ":", 3) // PVE:user@realm:…
	if len(fields) != 3 || fields[0] != "PVE" || !strings.Contains(fields[1], "@") || strings.ContainsAny(o.Ticket, "\r\n;") {
		return nil, errors.New("pve: the ticket is not of the form PVE:user@realm:… (PROXMOX_VE_AUTH_TICKET)")
	}
	a := &login{t: t, name: fields[1], password: "", now: time.Now}
	if o.Username == fields[1] {
		a.password = o.Password
	}
	a.take(o.Ticket, o.CSRF)
	return a, nil
}

func (a *login) user() string { return a.name }

func (a *login) take(ticket, csrf string) {
	a.ticket, a.since = ticket, a.now()
	a.header = http.Header{"Cookie": {"PVEAuthCookie=" + url.QueryEscape(ticket)}, "Csrfpreventiontoken": {csrf}}
}

func (a *login) sign(ctx context.Context) (http.Header, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.header != nil && a.now().Sub(a.since) < ticketRenew {
		return a.header, nil
	}
	if a.header != nil && a.now().Sub(a.since) < ticketLife-ticketSlack {
		if err := a.fetch(ctx, a.ticket); err != nil {
			a.t.log.Debug("the ticket was not renewed, it is still good", "reason", err)
		}
		return a.header, nil
	}
	if a.password == "" {
		return nil, errors.New("pve: the ticket has ended, and there is no password to fetch another (PROXMOX_VE_AUTH_TICKET)")
	}
	if err := a.fetch(ctx, a.password); err != nil {
		return nil, err
	}
	return a.header, nil
}

// refused drops the ticket unless somebody else has fetched a new one meanwhile.
func (a *login) refused(signed http.Header) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.header != nil && signed.Get("Cookie") == a.header.Get("Cookie") {
		a.header, a.ticket = nil, ""
	}
	return a.header != nil || a.password != ""
}

// fetch logs in. A ticket is renewed by giving it in place of the password.
func (a *login) fetch(ctx context.Context, password string) error {
	form := url.Values{"username": {a.name}, "password": {password}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.t.base+"/access/ticket", strings.NewReader(encode(form)))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", formType)
	res, failed := a.t.once(req, nil)
	if failed != nil {
		failed.Unknown = false // a login may be repeated
		scrub(failed, form)
		if failed.Status == http.StatusUnauthorized {
			return fmt.Errorf("pve: log in as %s: %s: check PROXMOX_VE_USERNAME and PROXMOX_VE_PASSWORD: %w", a.name, failed.Reason, failed)
		}
		return fmt.Errorf("pve: log in as %s: %w", a.name, failed)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	var answer struct {
		Data struct{ Ticket, CSRFPreventionToken string }
	}
	if err := json.Unmarshal(body, &answer); err != nil || answer.Data.Ticket == "" {
		return fmt.Errorf("pve: log in as %s: the answer holds no ticket: is %s a Proxmox VE?", a.name, a.t.base)
	}
	if strings.HasPrefix(answer.Data.Ticket, "PVE:!tfa!") {
		return fmt.Errorf("pve: log in as %s: a second factor is asked for, which cannot be given here: use an API token, or a ticket in PROXMOX_VE_AUTH_TICKET", a.name)
	}
	a.take(answer.Data.Ticket, answer.Data.CSRFPreventionToken)
	return nil
}
