package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"syslog-gateway/internal/redact"
)

// StatsUser is a user of the statistics page.
type StatsUser struct {
	Name     string
	Password redact.Secret // or
	Hash     redact.Secret // of bcrypt
	Admin    bool          // may also change the state of shards and endpoints

	key string // prefix of its keys and its credential: "" or "admin_"
}

// users returns both users as configured, even if they have no name.
func (s Stats) users() []StatsUser {
	return []StatsUser{
		{Name: s.Username, Password: s.Password, Hash: s.PasswordHash, Admin: s.Admin},
		{Name: s.AdminUsername, Password: s.AdminPassword, Hash: s.AdminPasswordHash, Admin: true, key: "admin_"},
	}
}

// StatsUsers returns the users of the statistics page. A password that is not
// configured is read from the systemd credential stats_password or
// stats_admin_password, which contains it in plain text or as a bcrypt hash. No error
// shows a password.
func (c Config) StatsUsers(env []string) ([]StatsUser, error) {
	var users []StatsUser
	var errs []error
	for _, u := range c.Stats.users() {
		if u.Name == "" {
			continue
		}
		if err := u.credential(env); err != nil {
			errs = append(errs, err)
			continue
		}
		users = append(users, u)
	}
	return users, errors.Join(errs...)
}

func (u *StatsUser) credential(env []string) error {
	name := "stats_" + u.key + "password"
	if dir := lookupEnv(env, "CREDENTIALS_DIRECTORY"); u.Password == "" && u.Hash == "" && dir != "" {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("systemd credential %s: read: %w", name, cause(err))
		}
		if text := redact.Secret(strings.TrimSpace(string(data))); strings.HasPrefix(text.Reveal(), "$2") {
			u.Hash = text
		} else {
			u.Password = text
		}
	}
	key := "stats." + u.key + "password"
	switch {
	case isPlaceholder(u.Password) || isPlaceholder(u.Hash):
		return fmt.Errorf("%s: is the placeholder that `gateway config` prints; put the password there", key)
	case bcryptHash().check(u.Hash) != "":
		return fmt.Errorf("systemd credential %s: is not a bcrypt hash", name)
	case u.Password == "" && u.Hash == "":
		return fmt.Errorf("%s: is empty while stats.%susername is set; give it, %s_hash, or the systemd credential %s "+
			"(GATEWAY_STATS__%sPASSWORD keeps it out of the file), or unset both", key, u.key, key, name, strings.ToUpper(u.key))
	}
	return nil
}
