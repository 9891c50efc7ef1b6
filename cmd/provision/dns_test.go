package main

import (
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"syslog-gateway/internal/infra/amazon/amazontest"
	"syslog-gateway/internal/infra/pvesim"
	"syslog-gateway/internal/testkit"
)

// zoneWorld is a world whose declaration has records in the zone Z1, lab.example.
func zoneWorld(t *testing.T, records string) (*world, *amazontest.Amazon) {
	t.Helper()
	w, a := newWorld(t, pvesim.Options{}), amazontest.Start(t)
	a.AddZone("Z1", "lab.example")
	w.Edit(`"domain"`, `"dns": {"route53": {"zone": "lab.example", "zone_id": "Z1", "ttl": 300, "records": {`+records+`}}},
  "domain"`)
	for k, v := range a.Env(w.Dir) {
		w.set(k + "=" + v)
	}
	w.set("AWS_REGION=") // Route 53 has no regions
	return w, a
}

const oneOfEach = `"gateway": {"guest": "gateway"},
  "pve": {"a": ["192.0.2.10"], "aaaa": ["2001:DB8:0::10"], "ttl": 60},
  "hec.lab.example": {"cname": "splunk"}, "splunk": {"guest": "splunk"}, "@": {"a": ["192.0.2.1", "192.0.2.2"]}, "*": {"cname": "pve"}`

func TestRecordsFromNothingToDeclaredAndOn(t *testing.T) {
	t.Parallel()
	w, a := zoneWorld(t, oneOfEach)
	a.Route53.Page, a.Route53.Pending = 3, 1
	a.SetRecord("Z1", amazontest.Set{Name: "lab.example.", Type: "MX", TTL: 60, Values: amazontest.Values("10 mx.example.")})
	w.expect(0, nil, "validate")
	w.expect(0, []string{"zone lab.example (Z1), 2 records"}, "check")
	w.expect(2, []string{"+ dns-record gateway.lab.example will be created", "10.20.30.175 ttl 300", "hec.lab.example", "splunk.lab.example ttl 300"}, "plan")
	w.expect(0, []string{"done dns-record *.lab.example"}, "apply", "--yes")
	mark := func(name, types string) string {
		return "_provision." + name + `lab.example. TXT 300 "heritage=provision,owner=homelab,types=` + types + `"`
	}
	want := []string{
		`\052.lab.example. CNAME 300 pve.lab.example.`, mark("_wildcard.", "CNAME"), mark("gateway.", "A"), mark("hec.", "CNAME"), mark("", "A"), mark("pve.", "A+AAAA"), mark("splunk.", "A"),
		"gateway.lab.example. A 300 10.20.30.175", "hec.lab.example. CNAME 300 splunk.lab.example.", "lab.example. A 300 192.0.2.1,192.0.2.2", "lab.example. MX 60 10 mx.example.",
		"pve.lab.example. A 60 192.0.2.10", "pve.lab.example. AAAA 60 2001:db8::10", "splunk.lab.example. A 300 10.20.30.200",
	}
	testkit.Equal(t, "records", strings.Join(a.Sets("Z1"), "\n"), strings.Join(want, "\n"))
	w.expect(0, []string{"Nothing to do"}, "plan")

	// Drift, and a change of the declaration.
	a.SetRecord("Z1", amazontest.Set{Name: "gateway.lab.example.", Type: "A", TTL: 5, Values: amazontest.Values("203.0.113.1")})
	a.SetRecord("Z1", amazontest.Set{Name: "pve.lab.example.", Type: "AAAA"})
	w.Edit(`"hec.lab.example": {"cname": "splunk"}`, `"hec": {"a": ["192.0.2.7"]}`)
	w.expect(2, []string{"203.0.113.1 ttl 5 -> 10.20.30.175 ttl 300", "2001:db8::10 ttl 60", "CNAME  splunk.lab.example ttl 300"}, "plan")
	a.Requests()
	w.expect(0, []string{"3 done"}, "apply", "--yes")
	writes := 0
	for _, name := range a.Names() {
		if strings.HasPrefix(name, "ChangeResourceRecordSets") {
			writes++
		}
	}
	testkit.Equal(t, "writes for three names", writes, 3)
	want[3], want[8] = mark("hec.", "A"), "hec.lab.example. A 300 192.0.2.7"
	testkit.Equal(t, "records after drift", strings.Join(a.Sets("Z1"), "\n"), strings.Join(want, "\n"))

	// What is no longer declared goes when it is named, and nothing else.
	w.Edit(`"hec": {"a": ["192.0.2.7"]}, `, "")
	w.expect(2, []string{"- dns-record hec.lab.example will be destroyed", "--allow-destroy dns/hec.lab.example"}, "plan")
	w.expect(1, []string{"nothing was done"}, "apply", "--yes")
	w.expect(1, []string{"no record of that name is ours and no longer declared"}, "apply", "--yes", "--allow-destroy", "dns/pve.lab.example")
	a.SetRecord("Z1", amazontest.Set{Name: "pve.lab.example.", Type: "AAAA"})
	w.expect(1, []string{"no record of that name is ours and no longer declared"}, "plan", "--allow-destroy", "dns/pve.lab.example") // it is changed, not removed
	w.expect(0, []string{"2 done"}, "apply", "--yes", "--allow-destroy", "dns/hec.lab.example")
	testkit.Lacks(t, "records", strings.Join(a.Sets("Z1"), "\n"), "hec")
	testkit.Equal(t, "number of records", len(a.Sets("Z1")), len(want)-2)
	w.expect(1, []string{"leave out --only"}, "plan", "--only", "dns", "--allow-destroy", "dns/pve.lab.example")
	a.Requests()
	w.expect(0, nil, "plan", "--only", "dns")
	w.expect(0, nil, "adopt")
	w.expect(0, nil, "orphans")
	testkit.Equal(t, "requests of verbs that need no DNS", len(a.Names()), 0)
}

// TestForeignRecordsStay: what has no mark of this estate is never changed.
func TestForeignRecordsStay(t *testing.T) {
	t.Parallel()
	txt := func(name, text string) amazontest.Set {
		return amazontest.Set{Name: name, Type: "TXT", TTL: 60, Values: amazontest.Values(`"` + text + `"`)}
	}
	set := func(kind string, values ...string) amazontest.Set {
		return amazontest.Set{Name: "x.lab.example.", Type: kind, TTL: 60, Values: amazontest.Values(values...)}
	}
	for _, c := range []struct {
		name, record string
		there        []amazontest.Set
		says         string
	}{
		{"no mark", `"x": {"a": ["192.0.2.1"]}`, []amazontest.Set{set("A", "203.0.113.9")},
			"x.lab.example: it exists in Route 53 as A (203.0.113.9 ttl 60) and is not ours: use another name, or take it over (--allow-reuse dns/x.lab.example)"},
		{"another estate's", `"x": {"a": ["192.0.2.1"]}`, []amazontest.Set{txt("_provision.x.lab.example.", "heritage=provision,owner=other,types=A"), set("A", "203.0.113.9")},
			`it belongs to the owner "other" of another estate`},
		{"another program's mark", `"x": {"a": ["192.0.2.1"]}`, []amazontest.Set{txt("_provision.x.lab.example.", "v=spf1 -all")},
			"the TXT record _provision.x.lab.example is not one of provision"},
		{"an alias", `"x": {"a": ["192.0.2.1"]}`, []amazontest.Set{{Name: "x.lab.example.", Type: "A", Alias: &amazontest.Alias{DNSName: "lb.example."}}}, "alias of lb.example"},
		{"one of several", `"x": {"a": ["192.0.2.1"]}`, []amazontest.Set{{Name: "x.lab.example.", Type: "A", SetIdentifier: "east", TTL: 60, Values: amazontest.Values("203.0.113.9")}}, "set east"},
		{"a CNAME beside others", `"x": {"cname": "example.net"}`, []amazontest.Set{set("MX", "10 mx.example.")}, "a CNAME stands alone"},
		{"an address beside a CNAME", `"x": {"a": ["192.0.2.1"]}`, []amazontest.Set{set("CNAME", "example.net.")}, "a CNAME stands alone"},
		{"a type that is not marked", `"x": {"a": ["192.0.2.1"], "aaaa": ["2001:db8::1"]}`,
			[]amazontest.Set{txt("_provision.x.lab.example.", "heritage=provision,owner=homelab,types=A"), set("A", "192.0.2.1"), set("AAAA", "2001:db8::9")}, "it exists in Route 53 as AAAA (2001:db8::9 ttl 60) and is not ours"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w, a := zoneWorld(t, c.record)
			for _, s := range c.there {
				a.SetRecord("Z1", s)
			}
			before := strings.Join(a.Sets("Z1"), "\n")
			w.expect(1, []string{c.says}, "apply", "--yes")
			testkit.Equal(t, "records", strings.Join(a.Sets("Z1"), "\n"), before)
			if writes := w.Sim.Writes(); len(writes) > 0 {
				t.Errorf("written nevertheless: %v", writes)
			}
		})
	}
	t.Run("taken over", func(t *testing.T) {
		t.Parallel()
		w, a := zoneWorld(t, `"x": {"a": ["203.0.113.9"], "ttl": 60}`)
		a.SetRecord("Z1", set("A", "203.0.113.9"))
		a.SetRecord("Z1", set("TXT", `"keep"`))
		w.expect(1, []string{"--allow-reuse dns/y.lab.example: no record of that name is declared"}, "plan", "--allow-reuse", "dns/y.lab.example")
		w.expect(0, []string{"done dns-record x.lab.example"}, "apply", "--yes", "--allow-reuse", "dns/x.lab.example")
		testkit.Equal(t, "records", strings.Join(a.Sets("Z1"), "; "),
			`_provision.x.lab.example. TXT 300 "heritage=provision,owner=homelab,types=A"; x.lab.example. A 60 203.0.113.9; x.lab.example. TXT 60 "keep"`)
		w.expect(0, []string{"Nothing to do"}, "plan")
	})
}

// TestDNSBadInput: one sentence each, and nothing half done.
func TestDNSBadInput(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		spoil func(w *world, a *amazontest.Amazon)
		says  string
	}{
		{"a zone of somebody else", func(w *world, a *amazontest.Amazon) { a.AddZone("Z2", "example.org"); w.Edit(`"Z1"`, `"Z2"`) }, `the Route 53 zone Z2 is "example.org", not lab.example`},
		{"no such zone", func(w *world, _ *amazontest.Amazon) { w.Edit(`"Z1"`, `"Z9"`) }, "NoSuchHostedZone"},
		{"no credentials", func(w *world, _ *amazontest.Amazon) { w.set("AWS_ACCESS_KEY_ID="); w.set("AWS_SECRET_ACCESS_KEY=") }, "aws-vault exec PROFILE --"},
		{"no rights", func(_ *world, a *amazontest.Amazon) { a.Always("ListResourceRecordSets", amazontest.Denied) }, "`provision check` prints the IAM policy"},
		{"credentials that end soon", func(w *world, _ *amazontest.Amazon) {
			w.set("AWS_CREDENTIAL_EXPIRATION=" + time.Now().Add(time.Minute).UTC().Format(time.RFC3339))
		}, "nothing was begun"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w, a := zoneWorld(t, `"x": {"a": ["192.0.2.1"]}`)
			c.spoil(w, a)
			got := w.expect(1, []string{c.says}, "apply", "--yes")
			testkit.Equal(t, "lines of the error", strings.Count(strings.TrimSpace(got.errs), "\n"), 0)
			if writes := w.Sim.Writes(); len(writes) > 0 || len(a.Sets("Z1")) > 0 {
				t.Errorf("written nevertheless: %v %v", writes, a.Sets("Z1"))
			}
		})
	}
	t.Run("credentials that end in the middle", func(t *testing.T) {
		t.Parallel()
		w, a := zoneWorld(t, oneOfEach)
		changes := 0
		a.Fault(func(name string) amazontest.Fault {
			if strings.HasPrefix(name, "ChangeResourceRecordSets") {
				if changes++; changes > 2 {
					return amazontest.Expired
				}
			}
			return amazontest.None
		})
		got := w.expect(1, []string{"the AWS credentials have ended: run it within a new `aws-vault exec PROFILE --`"}, "apply", "--yes", "--json")
		var said struct {
			Outcomes []struct{ State string }
		}
		testkit.Must(t, json.Unmarshal([]byte(got.out), &said))
		marks, names := 0, map[string]bool{}
		for _, s := range a.Sets("Z1") {
			name, _, _ := strings.Cut(s, " ")
			if rest, ok := strings.CutPrefix(name, "_provision."); ok {
				marks++
				names[rest] = true
			}
		}
		testkit.Equal(t, "names that are done", marks, 2)
		for _, s := range a.Sets("Z1") {
			if name, _, _ := strings.Cut(s, " "); !strings.HasPrefix(name, "_") && !names[strings.Replace(name, `\052`, "_wildcard", 1)] {
				t.Errorf("%s has no mark", s)
			}
		}
		a.Always("none", amazontest.None)
		w.expect(0, []string{"done"}, "apply", "--yes")
		w.expect(0, []string{"Nothing to do"}, "plan")
	})
}

// TestRecordThatChangesAfterThePlan: between the plan and the answer somebody changes the
// record. His change stays.
func TestRecordThatChangesAfterThePlan(t *testing.T) {
	t.Parallel()
	w, a := zoneWorld(t, `"x": {"a": ["192.0.2.1"]}`)
	w.expect(0, nil, "apply", "--yes")
	w.Edit("192.0.2.1", "192.0.2.2")
	cmd := w.command("apply")
	in := testkit.Try(cmd.StdinPipe())(t)
	out := testkit.Try(cmd.StdoutPipe())(t)
	var errs strings.Builder
	cmd.Stderr = &errs
	testkit.Must(t, cmd.Start())
	said, buffer := "", make([]byte, 4096)
	for !strings.Contains(said, "Type yes") {
		n := testkit.Try(out.Read(buffer))(t)
		said += string(buffer[:n])
	}
	a.SetRecord("Z1", amazontest.Set{Name: "x.lab.example.", Type: "A", TTL: 60, Values: amazontest.Values("203.0.113.9")})
	_ = testkit.Try(in.Write([]byte("yes\n")))(t)
	_, _ = io.Copy(io.Discard, out)
	if err := cmd.Wait(); err == nil {
		t.Fatal("it succeeds")
	}
	testkit.Holds(t, "error", errs.String(), "somebody changed it after it was planned, nothing of it was done: plan again")
	testkit.Equal(t, "records", strings.Join(a.Sets("Z1"), "; "),
		`_provision.x.lab.example. TXT 300 "heritage=provision,owner=homelab,types=A"; x.lab.example. A 60 203.0.113.9`)
	w.expect(2, []string{"203.0.113.9 ttl 60 -> 192.0.2.2 ttl 300"}, "plan")
	w.expect(0, nil, "apply", "--yes")
	w.expect(0, []string{"Nothing to do"}, "plan")
}

// TestKilledBetweenRecords: a kill leaves each name as before or done with its mark, and the
// next apply does the rest.
func TestKilledBetweenRecords(t *testing.T) {
	t.Parallel()
	w, a := zoneWorld(t, oneOfEach)
	came, changes := make(chan struct{}), 0
	a.Fault(func(name string) amazontest.Fault {
		if strings.HasPrefix(name, "ChangeResourceRecordSets") {
			if changes++; changes == 3 {
				close(came)
			}
			if changes >= 3 {
				return amazontest.Hung
			}
		}
		return amazontest.None
	})
	cmd := w.command("apply", "--yes")
	testkit.Must(t, cmd.Start())
	<-came
	testkit.Must(t, cmd.Process.Kill())
	_ = cmd.Wait()
	marks := 0
	for _, s := range a.Sets("Z1") {
		if strings.HasPrefix(s, "_provision.") {
			marks++
		}
	}
	testkit.Equal(t, "names that are done", marks, 2)
	a.Always("none", amazontest.None)
	w.expect(0, []string{"finishing it"}, "apply", "--yes")
	w.expect(0, []string{"Nothing to do"}, "plan")
	testkit.Equal(t, "records and marks", len(a.Sets("Z1")), 7+6)
}
