package access

import (
	"maps"
	"slices"
	"strings"

	"syslog-gateway/internal/infra/pvesim/conf"
	"syslog-gateway/internal/infra/pvesim/refusal"
)

// Accounts are the users by ID, with their attributes: comment, email, enable, expire,
// firstname, lastname, groups (separated by commas).
func (a *Access) Accounts() map[string]conf.File { return a.accounts }

// Account finds a user.
func (a *Access) Account(id string) (conf.File, error) {
	if u := a.accounts[id]; u != nil {
		return u, nil
	}
	return nil, refusal.Fail("no such user ('%s')", id)
}

// AddUser makes a user. Without a password nobody can log in as that user.
func (a *Access) AddUser(id, password string, attributes conf.File) error {
	if a.accounts[id] != nil {
		return refusal.Fail("create user failed: user '%s' already exists", id)
	}
	a.accounts[id] = attributes
	if password != "" {
		a.passwords[id] = password
	}
	return nil
}

// SetPassword changes the password of a user.
func (a *Access) SetPassword(id, password string) error {
	if _, err := a.Account(id); err != nil {
		return err
	}
	a.passwords[id] = password
	return nil
}

// RemoveUser takes a user away, with tokens and rights.
func (a *Access) RemoveUser(id string) error {
	if a.accounts[id] == nil {
		return refusal.Fail("delete user failed: user '%s' does not exist", id)
	}
	delete(a.accounts, id)
	delete(a.passwords, id)
	for token := range a.tokens {
		if owner, _, _ := strings.Cut(token, "!"); owner == id {
			a.RemoveToken(token)
		}
	}
	a.forgetWho(id)
	return nil
}

// forgetWho removes the rights of a user, group or token.
func (a *Access) forgetWho(ugid string) {
	a.acl = slices.DeleteFunc(slices.Clone(a.acl), func(e ACL) bool { return e.UGID == ugid })
}

// TokensOf are the tokens of a user by name.
func (a *Access) TokensOf(user string) map[string]Token {
	out := map[string]Token{}
	for id, t := range a.tokens {
		if owner, name, _ := strings.Cut(id, "!"); owner == user {
			out[name] = t
		}
	}
	return out
}

// Token finds a token by its full ID.
func (a *Access) Token(id string) (Token, error) {
	if t, ok := a.tokens[id]; ok {
		return t, nil
	}
	user, name, _ := strings.Cut(id, "!")
	return Token{}, refusal.Fail("no such token '%s' for user '%s'", name, user)
}

// PutToken makes a token, or changes one.
func (a *Access) PutToken(t Token) { a.tokens[t.ID] = t }

// RemoveToken takes a token away, with its rights.
func (a *Access) RemoveToken(id string) {
	delete(a.tokens, id)
	a.forgetWho(id)
}

// Groups are the groups with their comments.
func (a *Access) Groups() map[string]string { return a.groups }

// Members are the users of a group, sorted.
func (a *Access) Members(group string) []string {
	var out []string
	for id, u := range a.accounts {
		if slices.Contains(strings.Split(u["groups"], ","), group) {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out
}

// RemoveGroup takes a group away, out of its members and with its rights.
func (a *Access) RemoveGroup(id string) error {
	if _, ok := a.groups[id]; !ok {
		return refusal.Fail("delete group failed: group '%s' does not exist", id)
	}
	delete(a.groups, id)
	for _, u := range a.accounts {
		u["groups"] = strings.Join(slices.DeleteFunc(strings.Split(u["groups"], ","), func(g string) bool { return g == id }), ",")
	}
	a.forgetWho(GroupMark + id)
	return nil
}

// Roles are all roles with their privileges.
func (a *Access) Roles() map[string][]string { return a.roles }

// Builtin reports whether a role cannot be changed.
func Builtin(role string) bool { _, ok := builtinRoles()[role]; return ok }

// PutRole makes a role, or changes one.
func (a *Access) PutRole(id string, privs []string) error {
	for _, p := range privs {
		if !slices.Contains(allPrivileges(), p) {
			return refusal.BadParam("privs", "invalid format - invalid privilege '%s'\n", p)
		}
	}
	a.roles[id] = privs
	return nil
}

// RemoveRole takes a role away, with the rights that it gave.
func (a *Access) RemoveRole(id string) error {
	switch {
	case Builtin(id):
		return refusal.Fail("delete role failed: auto-generated role '%s' can not be deleted", id)
	case a.roles[id] == nil:
		return refusal.Fail("delete role failed: role '%s' does not exist", id)
	}
	delete(a.roles, id)
	a.acl = slices.DeleteFunc(slices.Clone(a.acl), func(e ACL) bool { return e.Role == id })
	return nil
}

// GroupMark begins the name of a group where it stands beside users: @admins.
const GroupMark = "@"

// ACL is the access control list.
func (a *Access) ACL() []ACL { return a.acl }

// Allow adds an entry to the access control list, or changes whether it goes on to what is
// below.
func (a *Access) Allow(e ACL) error {
	who, group := strings.CutPrefix(e.UGID, GroupMark)
	_, isGroup := a.groups[who]
	_, isToken := a.tokens[e.UGID]
	switch {
	case a.roles[e.Role] == nil:
		return refusal.Fail("update ACL failed: role '%s' does not exist", e.Role)
	case group && !isGroup:
		return refusal.Fail("update ACL failed: group '%s' does not exist", who)
	case strings.Contains(e.UGID, "!") && !isToken:
		return refusal.Fail("update ACL failed: no such token '%s'", e.UGID)
	case !group && !strings.Contains(e.UGID, "!") && a.accounts[e.UGID] == nil:
		return refusal.Fail("update ACL failed: user '%s' does not exist", e.UGID)
	}
	a.Deny(e)
	a.acl = append(slices.Clone(a.acl), e)
	return nil
}

// Deny removes an entry of the access control list; a missing one is fine.
func (a *Access) Deny(e ACL) {
	a.acl = slices.DeleteFunc(slices.Clone(a.acl), func(o ACL) bool { return o.Path == e.Path && o.UGID == e.UGID && o.Role == e.Role })
}

// groupsOf are the groups of a user, as the access control list names them.
func (a *Access) groupsOf(ugid string) []string {
	var out []string
	for _, g := range strings.Split(a.accounts[ugid]["groups"], ",") {
		if g != "" {
			out = append(out, GroupMark+g)
		}
	}
	return out
}

// accountsOf are the users of the options.
func accountsOf(users []User, tokens []Token) map[string]conf.File {
	out := map[string]conf.File{RootUser: {"enable": "1"}}
	for _, u := range users {
		out[u.ID] = conf.File{"enable": "1"}
	}
	for _, t := range tokens {
		if owner, _, _ := strings.Cut(t.ID, "!"); out[owner] == nil {
			out[owner] = conf.File{"enable": "1"}
		}
	}
	return maps.Clone(out)
}
