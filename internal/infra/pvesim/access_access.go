package pvesim

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// User can log in with a password.
type User struct{ ID, Password string }

// Token is an API token, named user@realm!name. With PrivSep its rights are the
// intersection of its user's and its own.
type Token struct {
	ID, Secret string
	PrivSep    bool
}

// ACL gives a user or token (UGID) the privileges of Role on Path, and below it
// unless NoPropagate.
type ACL struct {
	Path, UGID, Role string
	NoPropagate      bool
}

const ticketLife = 2 * time.Hour

type auth struct {
	key       []byte
	passwords map[string]string
	tokens    map[string]Token
	acl       []ACL
	roles     map[string][]string
}

func newAuth(opt Options) (*auth, error) {
	a := &auth{
		key:       fmt.Appendf(nil, "pvesim %d", opt.Seed),
		passwords: map[string]string{}, tokens: map[string]Token{}, acl: opt.ACL, roles: builtinRoles(),
	}
	maps.Copy(a.roles, opt.Roles)
	for _, u := range opt.Users {
		a.passwords[u.ID] = u.Password
	}
	for _, t := range opt.Tokens {
		if !strings.Contains(t.ID, "@") || !strings.Contains(t.ID, "!") {
			return nil, fmt.Errorf("pvesim: token %q is not of the form user@realm!name", t.ID)
		}
		a.tokens[t.ID] = t
	}
	for _, e := range opt.ACL {
		if a.roles[e.Role] == nil {
			return nil, fmt.Errorf("pvesim: ACL of %s on %s names the role %q, which does not exist", e.UGID, e.Path, e.Role)
		}
	}
	return a, nil
}

// identity is who asks.
type identity struct {
	user    string
	token   string // "" with a ticket
	privSep bool
}

// name is what UPIDs carry: root@pam, or root@pam!token.
func (i *identity) name() string {
	if i.token == "" {
		return i.user
	}
	return i.user + "!" + i.token
}

// isRoot says whether this is root@pam itself, which no token ever is.
func (i *identity) isRoot() bool { return i.user == DefaultUser && i.token == "" }

func unauthorized(reason string) error {
	return &apiError{status: 401, reason: reason, bare: true}
}

// login finds out who asks. POST /access/ticket needs no login.
func (s *Sim) login(in *incoming) (*identity, error) {
	if in.method == "POST" && in.path == "/access/ticket" {
		return nil, nil
	}
	if token, ok := strings.CutPrefix(in.req.Header.Get("Authorization"), "PVEAPIToken"); ok {
		id, secret, _ := strings.Cut(strings.TrimLeft(token, "= "), "=")
		t, known := s.auth.tokens[id]
		if !known || !hmac.Equal([]byte(t.Secret), []byte(secret)) {
			return nil, unauthorized("Authentication failed!")
		}
		user, name, _ := strings.Cut(id, "!")
		return &identity{user: user, token: name, privSep: t.PrivSep}, nil
	}
	cookie, err := in.req.Cookie("PVEAuthCookie")
	if err != nil {
		return nil, unauthorized("No ticket")
	}
	ticket, err := url.PathUnescape(cookie.Value)
	if err != nil {
		ticket = cookie.Value
	}
	user, ok := s.auth.verify("PVE", ticket, s.opt.Now())
	if !ok {
		return nil, unauthorized("permission denied - invalid PVE ticket")
	}
	if in.method != "GET" && in.method != "HEAD" {
		csrf := in.req.Header.Get("CSRFPreventionToken")
		if who, ok := s.auth.verify("CSRF", "CSRF:"+user+":"+csrf, s.opt.Now()); !ok || who != user {
			return nil, unauthorized("Permission denied - invalid csrf token")
		}
	}
	return &identity{user: user}, nil
}

func (a *auth) sign(kind, user, stamp string) string {
	mac := hmac.New(sha256.New, a.key)
	fmt.Fprintf(mac, "%s:%s:%s", kind, user, stamp)
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// verify checks kind:user:HEX8::signature, or kind:user:HEX8:signature, and its age.
func (a *auth) verify(kind, ticket string, now time.Time) (user string, ok bool) {
	fields := strings.SplitN(ticket, ":", 4)
	if len(fields) != 4 || fields[0] != kind {
		return "", false
	}
	user, stamp := fields[1], fields[2]
	at, err := strconv.ParseInt(stamp, 16, 64)
	if err != nil {
		return "", false
	}
	age := now.Sub(time.Unix(at, 0))
	good := hmac.Equal([]byte(strings.TrimPrefix(fields[3], ":")), []byte(a.sign(kind, user, stamp)))
	return user, good && age <= ticketLife && age > -5*time.Minute
}

func accessRoutes() []*route {
	return []*route{
		{method: "POST", path: "/access/ticket", params: `
			new-format bool
			otp str
			password! str
			path str len=..64 requires=privs
			privs str len=..64 requires=path
			realm str len=..32
			tfa-challenge str
			username! str len=..64`, handle: createTicket},
		{method: "GET", path: "/access/permissions", params: "path str\nuserid str", handle: listPermissions},
		{method: "GET", path: "/version", handle: func(*call) (any, error) {
			return map[string]any{"version": "9.2.11", "release": "9.2", "repoid": "14a22df35955d97d"}, nil
		}},
	}
}

func createTicket(c *call) (any, error) {
	user, password, now := c.str("username"), c.str("password"), c.opt.Now()
	if realm := c.str("realm"); realm != "" && !strings.Contains(user, "@") {
		user += "@" + realm
	}
	want, known := c.auth.passwords[user]
	who, renewed := c.auth.verify("PVE", password, now)
	if !known || !(renewed && who == user) && !hmac.Equal([]byte(want), []byte(password)) {
		return nil, &apiError{status: 401, reason: "authentication failure", bare: true}
	}
	stamp := fmt.Sprintf("%08X", now.Unix())
	capabilities := map[string]map[string]int{}
	id := &identity{user: user}
	for area, path := range map[string]string{"vms": "/vms", "storage": "/storage", "access": "/access", "nodes": "/nodes", "dc": "/", "sdn": "/sdn", "mapping": "/mapping"} {
		capabilities[area] = map[string]int{}
		for p := range id.privileges(c.Sim, path) {
			capabilities[area][p] = 1
		}
	}
	return map[string]any{
		"username":            user,
		"ticket":              "PVE:" + user + ":" + stamp + "::" + c.auth.sign("PVE", user, stamp),
		"CSRFPreventionToken": stamp + ":" + c.auth.sign("CSRF", user, stamp),
		"cap":                 capabilities,
	}, nil
}

func listPermissions(c *call) (any, error) {
	id := c.user
	if other := c.str("userid"); other != "" && other != c.user.name() {
		user, token, _ := strings.Cut(other, "!")
		if user != c.user.user && !c.user.can(c.Sim, "/access", "Sys.Audit") {
			return nil, forbidden("/access, Sys.Audit")
		}
		id = &identity{user: user, token: token, privSep: c.auth.tokens[other].PrivSep}
	}
	paths := []string{"/", "/access", "/access/groups", "/mapping", "/nodes", "/pool", "/sdn", "/storage", "/vms"}
	for _, e := range c.auth.acl {
		paths = append(paths, e.Path)
	}
	if p := c.str("path"); p != "" {
		paths = []string{p}
	}
	slices.Sort(paths)
	out := map[string]map[string]int{}
	for _, p := range slices.Compact(paths) {
		privs := map[string]int{}
		for priv, propagate := range id.privileges(c.Sim, p) {
			privs[priv] = propagate
		}
		if len(privs) > 0 || c.has("path") {
			out[p] = privs
		}
	}
	return out, nil
}
