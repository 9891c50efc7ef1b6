package pvesim

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
	"time"

	"syslog-gateway/internal/testkit"
)

func TestTokenLogin(t *testing.T) {
	r := newRig(t, Options{})
	for token, want := range map[string]int{DefaultToken: 200, "root@pam!sim=wrong": 401, "nobody@pve!x=1": 401, "": 401} {
		r.token = token
		if a := r.do("GET", "/version"); a.Status != want || want == 401 && a.Raw != "" {
			t.Errorf("token %q: %d %q %q", token, a.Status, a.Reason, a.Raw)
		}
	}
	r.token = ""
	r.refused(401, "No ticket", r.do("GET", "/version"))
}

// session logs in and returns ticket and CSRF token.
func session(r *rig, password string) (ticket, csrf string) {
	r.Helper()
	r.token = ""
	var out struct{ Ticket, CSRFPreventionToken, Username string }
	testkit.Must(r, json.Unmarshal([]byte(r.ok("POST", "/access/ticket", "username", DefaultUser, "password", password)), &out))
	return out.Ticket, out.CSRFPreventionToken
}

func withTicket(r *rig, method, path, ticket, csrf string) reply {
	r.Helper()
	req := testkit.Try(http.NewRequest(method, r.url+"/api2/json"+path, nil))(r)
	req.Header.Set("Cookie", "PVEAuthCookie="+ticket)
	if csrf != "" {
		req.Header.Set("CSRFPreventionToken", csrf)
	}
	return r.send(req)
}

func TestTicketLogin(t *testing.T) {
	r := newRig(t, Options{})
	ticket, csrf := session(r, DefaultPassword)
	for _, cookie := range []string{ticket, url.QueryEscape(ticket)} {
		if a := withTicket(r, "GET", "/version", cookie, ""); a.Status != 200 {
			t.Errorf("cookie %q: %d %s", cookie, a.Status, a.Reason)
		}
	}
	const path = "/pools?poolid=a"
	r.refused(401, "Permission denied - invalid csrf token", withTicket(r, "POST", path, ticket, ""))
	r.refused(401, "Permission denied - invalid csrf token", withTicket(r, "POST", path, ticket, csrf+"x"))
	r.refused(200, "OK", withTicket(r, "POST", path, ticket, csrf))
	r.refused(401, "permission denied - invalid PVE ticket", withTicket(r, "GET", "/version", ticket+"x", ""))
	r.refused(401, "authentication failure", r.do("POST", "/access/ticket", "username", DefaultUser, "password", "wrong"))

	r.clock.advance(90 * time.Minute)
	renewed, _ := session(r, ticket)
	r.clock.advance(time.Hour)
	r.refused(401, "permission denied - invalid PVE ticket", withTicket(r, "GET", "/version", ticket, ""))
	r.refused(200, "OK", withTicket(r, "GET", "/version", renewed, ""))
}

// TestPrivileges: what is missing is named, a separated token has the intersection, a
// pool's rights reach its guests.
func TestPrivileges(t *testing.T) {
	r := newRig(t, Options{
		Users:  []User{{ID: "root@pam", Password: "x"}, {ID: "prov@pve", Password: "x"}},
		Tokens: []Token{{ID: "prov@pve!t", Secret: "1", PrivSep: true}, {ID: "prov@pve!whole", Secret: "1"}, {ID: "root@pam!sim", Secret: "1"}},
		Roles:  map[string][]string{"Audit": {"VM.Audit", "Pool.Audit"}, "Make": {"VM.Audit", "VM.Allocate", "VM.Config.Memory"}},
		ACL: []ACL{{Path: "/", UGID: "prov@pve", Role: "Audit"}, {Path: "/", UGID: "prov@pve!t", Role: "Make"},
			{Path: "/pool/mine", UGID: "prov@pve", Role: "Make"}},
	})
	testkit.Must(t, r.sim.AddGuest("lxc", 100, "", map[string]string{"hostname": "a", "rootfs": "local-zfs:1"}))
	testkit.Must(t, r.sim.AddGuest("lxc", 101, "", map[string]string{"hostname": "b", "rootfs": "local-zfs:1"}))
	r.sim.AddPool("mine", "", 101)
	r.token = "prov@pve!whole=1"
	r.refused(403, "Permission check failed (/vms/100, VM.Config.Disk|VM.Config.CPU|VM.Config.Memory|VM.Config.Network|VM.Config.Options)", r.do("PUT", "/nodes/pve1/lxc/100/config", "memory", "64"))
	r.ok("PUT", "/nodes/pve1/lxc/101/config", "memory", "64")
	r.refused(403, "Permission check failed (/vms/101, VM.Config.CPU)", r.do("PUT", "/nodes/pve1/lxc/101/config", "cores", "2"))
	r.refused(403, "Permission check failed (/, Sys.Modify)", r.do("PUT", "/cluster/firewall/options", "enable", "1"))
	r.token = "prov@pve!t=1"
	r.refused(403, "Permission check failed (/vms/100, VM.Allocate)", r.do("DELETE", "/nodes/pve1/lxc/100"))
	if got := r.object("/access/permissions")["/vms"]; len(got.(map[string]any)) != 1 {
		t.Errorf("the separated token may %v on /vms, want VM.Audit alone", got)
	}
	r.refused(403, "Permission check failed (user != root@pam)", r.do("GET", "/cluster/acme/account/default"))
}

// TestOnlyRoot: a token of root@pam is not root@pam.
func TestOnlyRoot(t *testing.T) {
	r := newRig(t, Options{})
	features := "Permission check failed (changing feature flags (except nesting) is only allowed for root@pam)"
	ct := []string{"vmid", "300", "ostemplate", "local:vztmpl/debian.tar.zst", "rootfs", "local-zfs:1", "unprivileged", "1"}
	r.refused(403, features, r.do("POST", "/nodes/pve1/lxc", append(ct, "features", "nesting=1,keyctl=1")...))
	r.refused(403, "Permission check failed (mount point type bind is only allowed for root@pam)", r.do("POST", "/nodes/pve1/lxc", append(ct, "mp0", "/mnt,mp=/mnt")...))
	r.ends("OK", "POST", "/nodes/pve1/lxc", append(ct, "features", "nesting=1")...)
	r.refused(403, features, r.do("PUT", "/nodes/pve1/lxc/300/config", "features", "nesting=1,fuse=1"))
	r.ok("PUT", "/nodes/pve1/lxc/300/config", "features", "nesting=1", "memory", "600")
	r.ends("OK", "POST", "/nodes/pve1/lxc", "vmid", "301", "ostemplate", "local:vztmpl/debian.tar.zst", "rootfs", "local-zfs:1")
	r.refused(403, "Permission check failed (changing feature flags for privileged container is only allowed for root@pam)", r.do("PUT", "/nodes/pve1/lxc/301/config", "features", "nesting=1"))

	ticket, csrf := session(r, DefaultPassword)
	if a := withTicket(r, "PUT", "/nodes/pve1/lxc/301/config?features="+url.QueryEscape("nesting=1,keyctl=1"), ticket, csrf); a.Status != 200 {
		t.Errorf("root@pam itself: %d %s", a.Status, a.Reason)
	}
	for _, q := range r.sim.Journal() {
		testkit.Lacks(t, "the journal", q.String(), DefaultPassword)
	}
}
