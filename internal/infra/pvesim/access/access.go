package access

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"syslog-gateway/internal/infra/pvesim/conf"
	"syslog-gateway/internal/infra/pvesim/refusal"
)

// RootUser is the user whom nothing is forbidden.
const RootUser = "root@pam"

// User can log in with a password.
type User struct{ ID, Password string }

// Token is an API token, named user@realm!name. With PrivSep its rights are the
// intersection of its user's and its own.
type Token struct {
	ID, Secret string
	PrivSep    bool
	Comment    string
	Expire     int // seconds since 1970; 0: never
}

// ACL gives a user or token (UGID) the privileges of Role on Path, and below it
// unless NoPropagate.
type ACL struct {
	Path, UGID, Role string
	NoPropagate      bool
}

// Pools says which pools have a guest ("vms", VMID) or a datastore ("storage", ID).
type Pools interface {
	With(kind, id string) []string
}

// Options are the users, tokens and rights of a cluster.
type Options struct {
	Users  []User
	Tokens []Token
	ACL    []ACL
	Roles  map[string][]string // beside the built-in ones
	Seed   uint64              // of the key that signs tickets
	Now    func() time.Time
	Pools  Pools // whose rights reach their members
}

const ticketLife = 2 * time.Hour

// Access decides who a request comes from and what that user or token may do. It
// is not safe for concurrent use.
type Access struct {
	now       func() time.Time
	pools     Pools
	key       []byte
	passwords map[string]string
	tokens    map[string]Token
	accounts  map[string]conf.File
	groups    map[string]string // comments
	acl       []ACL
	roles     map[string][]string
}

// New fails when the options contradict themselves.
func New(o Options) (*Access, error) {
	a := &Access{
		now: o.Now, pools: o.Pools, key: fmt.Appendf(nil, "pvesim %d", o.Seed),
		passwords: map[string]string{}, tokens: map[string]Token{}, acl: o.ACL, roles: builtinRoles(),
		accounts: accountsOf(o.Users, o.Tokens), groups: map[string]string{},
	}
	maps.Copy(a.roles, o.Roles)
	for _, u := range o.Users {
		a.passwords[u.ID] = u.Password
	}
	for _, t := range o.Tokens {
		if !strings.Contains(t.ID, "@") || !strings.Contains(t.ID, "!") {
			return nil, fmt.Errorf("pvesim: token %q does not have the form user@realm!name", t.ID)
		}
		a.tokens[t.ID] = t
	}
	for _, e := range o.ACL {
		if a.roles[e.Role] == nil {
			return nil, fmt.Errorf("pvesim: ACL of %s on %s names the role %q, which does not exist", e.UGID, e.Path, e.Role)
		}
	}
	return a, nil
}

// Identify finds out whom a request comes from. A request that changes something and
// comes with a ticket needs the CSRF token as well.
func (a *Access) Identify(r *http.Request) (*Identity, error) {
	if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "PVEAPIToken"); ok {
		id, secret, _ := strings.Cut(strings.TrimLeft(token, "= "), "=")
		t, known := a.tokens[id]
		if !known || !hmac.Equal([]byte(t.Secret), []byte(secret)) {
			return nil, refusal.Unauthorized("Authentication failed!")
		}
		return a.Identity(id), nil
	}
	cookie, err := r.Cookie("PVEAuthCookie")
	if err != nil {
		return nil, refusal.Unauthorized("No ticket")
	}
	ticket, err := url.PathUnescape(cookie.Value)
	if err != nil {
		ticket = cookie.Value
	}
	user, ok := a.verify("PVE", ticket)
	if !ok {
		return nil, refusal.Unauthorized("permission denied - invalid PVE ticket")
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		csrf := r.Header.Get("CSRFPreventionToken")
		if who, ok := a.verify("CSRF", "CSRF:"+user+":"+csrf); !ok || who != user {
			return nil, refusal.Unauthorized("Permission denied - invalid csrf token")
		}
	}
	return a.Identity(user), nil
}

// Identity is the user or token of that ID, whether it exists or not.
func (a *Access) Identity(id string) *Identity {
	user, token, _ := strings.Cut(id, "!")
	return &Identity{access: a, User: user, token: token, privSep: a.tokens[id].PrivSep}
}

// NewTicket logs a user in by password, or by a ticket that is still valid.
func (a *Access) NewTicket(user, password string) (ticket, csrf string, err error) {
	want, known := a.passwords[user]
	who, renewed := a.verify("PVE", password)
	if !known || !(renewed && who == user) && !hmac.Equal([]byte(want), []byte(password)) {
		return "", "", refusal.Unauthorized("authentication failure")
	}
	stamp := fmt.Sprintf("%08X", a.now().Unix())
	return "PVE:" + user + ":" + stamp + "::" + a.sign("PVE", user, stamp), stamp + ":" + a.sign("CSRF", user, stamp), nil
}

func (a *Access) sign(kind, user, stamp string) string {
	mac := hmac.New(sha256.New, a.key)
	fmt.Fprintf(mac, "%s:%s:%s", kind, user, stamp)
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// verify checks kind:user:HEX8::signature, or kind:user:HEX8:signature, and its age.
func (a *Access) verify(kind, ticket string) (user string, ok bool) {
	fields := strings.SplitN(ticket, ":", 4)
	if len(fields) != 4 || fields[0] != kind {
		return "", false
	}
	user, stamp := fields[1], fields[2]
	at, err := strconv.ParseInt(stamp, 16, 64)
	if err != nil {
		return "", false
	}
	age := a.now().Sub(time.Unix(at, 0))
	good := hmac.Equal([]byte(strings.TrimPrefix(fields[3], ":")), []byte(a.sign(kind, user, stamp)))
	return user, good && age <= ticketLife && age > -5*time.Minute
}

// Paths are those that the access control list names.
func (a *Access) Paths() []string {
	paths := make([]string, len(a.acl))
	for i, e := range a.acl {
		paths[i] = e.Path
	}
	return paths
}

// Forget removes the entries of a path: what it named is gone.
func (a *Access) Forget(path string) {
	a.acl = slices.DeleteFunc(slices.Clone(a.acl), func(e ACL) bool { return e.Path == path })
}

// granted collects the ACL entries of a user or token along path: the deepest level
// that has entries decides. Guests and storages also get what their pool gives.
func (a *Access) granted(ugid, path string) map[string]int {
	out := a.alongPath(ugid, path)
	kind, id, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	for _, pool := range a.pools.With(kind, id) {
		maps.Copy(out, a.alongPath(ugid, "/pool/"+pool))
	}
	return out
}

// at are the rights that one level of a path gives; last is true where that is the object.
func (a *Access) at(level string, last bool, who []string) (here map[string]int, found bool) {
	here = map[string]int{}
	for _, e := range a.acl {
		if !slices.Contains(who, e.UGID) || e.Path != level || e.NoPropagate && !last {
			continue
		}
		found = true
		for _, p := range a.roles[e.Role] {
			here[p] = 1
			if e.NoPropagate {
				here[p] = 0
			}
		}
	}
	return here, found
}

func (a *Access) alongPath(ugid, path string) map[string]int {
	out := map[string]int{}
	levels := []string{"/"}
	for i, r := range path {
		if r == '/' && i > 0 {
			levels = append(levels, path[:i])
		}
	}
	if path != "/" {
		levels = append(levels, path)
	}
	for _, level := range levels {
		// An entry of the user itself counts in place of those of its groups.
		for _, who := range [][]string{a.groupsOf(ugid), {ugid}} {
			if here, found := a.at(level, level == path, who); found {
				out = here
			}
		}
	}
	return out
}
