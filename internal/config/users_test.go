package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const hunter2 = "$2a$04$HNc7fbL1ctuD7Klz1bKMxeQdZf9lA9h7Zq1C7m3E0iNNcoyrSmdJe" // any well-formed hash

func TestStatsUsers(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"stats_password": "plain\n", "stats_admin_password": hunter2 + "\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	credentials := []string{"CREDENTIALS_DIRECTORY=" + dir}
	c := Default()
	if users, err := c.StatsUsers(credentials); err != nil || len(users) != 0 {
		t.Errorf("nobody is named: %v, %v", users, err)
	}
	c.Stats.Username, c.Stats.AdminUsername = "ops", "root"
	_, err := c.StatsUsers(nil)
	wantError(t, err, "stats.password: is empty while stats.username is set", "stats.admin_password: is empty", "GATEWAY_STATS__ADMIN_PASSWORD")
	users, err := c.StatsUsers(credentials)
	if err != nil || len(users) != 2 {
		t.Fatal(users, err)
	}
	if u := users[0]; u.Name != "ops" || u.Password != "plain" || u.Hash != "" || u.Admin {
		t.Errorf("ops: %+v", u)
	}
	if u := users[1]; u.Name != "root" || u.Password != "" || u.Hash != hunter2 || !u.Admin {
		t.Errorf("root: %+v", u)
	}
	c.Stats.Password = "of the file"
	if users, err = c.StatsUsers(credentials); err != nil || users[0].Password != "of the file" {
		t.Errorf("the file does not win: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "stats_admin_password"), []byte("$2x-broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err = c.StatsUsers(credentials); err == nil || strings.Contains(err.Error(), "broken") {
		t.Errorf("a broken hash: %v", err)
	}
	c.Stats.AdminPasswordHash, c.Stats.AdminPassword = hunter2, "both"
	wantError(t, c.Validate(), "stats.admin_password: is set, and stats.admin_password_hash as well")
}
