package amazon

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"syslog-gateway/internal/infra/amazon/amazontest"
	"syslog-gateway/internal/infra/zone"
	"syslog-gateway/internal/testkit"
)

// zoneRig is a zone example.com with the ID Z1, at Route 53's stand-in.
func zoneRig(t *testing.T, o Options) (*amazontest.Amazon, *HostedZone) {
	t.Helper()
	a := amazontest.Start(t)
	a.Setenv(t)
	t.Setenv("AWS_REGION", "")
	o.Global = true
	account := testkit.Try(Open(t.Context(), o))(t)
	a.AddZone("Z1", "example.com")
	z := account.HostedZone("Z1", "Example.com.")
	z.pause = time.Millisecond
	return a, z
}

func record4(name string, values ...string) zone.Record {
	return zone.Record{Name: name, Type: "A", TTL: 300, Values: values}
}

func TestRecordsOfAZone(t *testing.T) {
	a, z := zoneRig(t, Options{})
	a.Route53.Page = 2
	a.SetRecord("Z1", amazontest.Set{Name: `\052.example.com.`, Type: "A", TTL: 60, Values: amazontest.Values("192.0.2.9")})
	a.SetRecord("Z1", amazontest.Set{Name: "www.example.com.", Type: "A", Alias: &amazontest.Alias{DNSName: "lb.example.net."}})
	for _, name := range []string{"a", "b", "c", "d"} {
		testkit.Must(t, z.Change(t.Context(), []zone.Edit{{Record: record4(name+".example.com", "192.0.2.1", "192.0.2.2")}}))
	}
	a.Requests()
	all := testkit.Try(z.Records(t.Context()))(t)
	testkit.Equal(t, "requests for 7 records in pages of 2", len(a.Names()), 1+4)
	var names []string
	for _, r := range all {
		names = append(names, r.Name+" "+r.Type+" "+r.Special)
	}
	testkit.Equal(t, "records", strings.Join(names, "; "),
		"example.com SOA ; *.example.com A ; a.example.com A ; b.example.com A ; c.example.com A ; d.example.com A ; www.example.com A alias of lb.example.net")
	testkit.Equal(t, "values", all[2].String(), "192.0.2.1,192.0.2.2 ttl 300")
}

func TestChangeOfRecords(t *testing.T) {
	a, z := zoneRig(t, Options{})
	a.Route53.Pending = 3
	old, wild := record4("x.example.com", "192.0.2.1"), record4("*.example.com", "192.0.2.3")
	testkit.Must(t, z.Change(t.Context(), []zone.Edit{{Record: old}, {Record: wild}}))
	testkit.Equal(t, "requests until it is in sync", len(a.Names()), 1+4)
	next := record4("x.example.com", "192.0.2.2")
	testkit.Must(t, z.Change(t.Context(), []zone.Edit{{Remove: true, Record: old}, {Record: next}}))

	// Somebody changed it: nothing of the change is done.
	err := z.Change(t.Context(), []zone.Edit{{Remove: true, Record: old}, {Record: record4("x.example.com", "192.0.2.4")}, {Record: record4("y.example.com", "192.0.2.5")}})
	if !errors.Is(err, ErrConflict) {
		t.Errorf("got %v", err)
	}
	testkit.Holds(t, "error", err.Error(), "change x.example.com, y.example.com in the Route 53 zone example.com (Z1)", "do not match the current values", "plan again")
	testkit.Equal(t, "records after it", strings.Join(a.Sets("Z1"), "; "), `\052.example.com. A 300 192.0.2.3; x.example.com. A 300 192.0.2.2`)
}

// TestRoute53Faults: what is done, and what is said, in each fault.
func TestRoute53Faults(t *testing.T) {
	edits := []zone.Edit{{Record: record4("x.example.com", "192.0.2.1")}}
	for _, c := range []struct {
		name  string
		fault amazontest.Fault
		once  bool
		want  []string // of the error; none: it succeeds
	}{
		{"throttled once", amazontest.Throttled, true, nil},
		{"busy once", amazontest.Busy, true, nil},
		{"lost answer", amazontest.Lost, true, nil},
		{"expired", amazontest.Expired, false, []string{"The provided token has expired", "the AWS credentials have ended: run it within a new `aws-vault exec PROFILE --`"}},
		{"denied", amazontest.Denied, false, []string{"AccessDenied", "`provision check` prints the IAM policy"}},
		{"hung", amazontest.Hung, false, []string{"no answer in time", "is the endpoint right"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := Options{}
			if c.fault == amazontest.Hung {
				o.Timeout = 300 * time.Millisecond
			}
			a, z := zoneRig(t, o)
			if c.once {
				a.Once("ChangeResourceRecordSets", c.fault)
			} else {
				a.Always("ChangeResourceRecordSets", c.fault)
			}
			err := z.Change(t.Context(), edits)
			if len(c.want) == 0 {
				testkit.Must(t, err)
				testkit.Equal(t, "records", strings.Join(a.Sets("Z1"), "; "), "x.example.com. A 300 192.0.2.1")
				return
			}
			if err == nil {
				t.Fatal("it succeeds")
			}
			testkit.Holds(t, "error", err.Error(), c.want...)
			testkit.Lacks(t, "error", err.Error(), "\n", "s3cr3t")
			testkit.Equal(t, "records", len(a.Sets("Z1")), 0)
		})
	}
}

// TestEveryRequestMayBeThrottled: once each, and the answer to a replacement may be lost.
func TestEveryRequestMayBeThrottled(t *testing.T) {
	a, z := zoneRig(t, Options{})
	a.Route53.Page, a.Route53.Pending = 1, 2
	old := record4("x.example.com", "192.0.2.1")
	testkit.Must(t, z.Change(t.Context(), []zone.Edit{{Record: old}}))
	for _, request := range []string{"GetHostedZone", "ListResourceRecordSets"} {
		a.Once(request, amazontest.Throttled)
		testkit.Equal(t, request, len(testkit.Try(z.Records(t.Context()))(t)), 2)
	}
	for i, c := range []struct {
		request string
		fault   amazontest.Fault
	}{{"GetChange", amazontest.Throttled}, {"ChangeResourceRecordSets", amazontest.Lost}} {
		next := record4("x.example.com", "192.0.2.1"+strconv.Itoa(i))
		a.Once(c.request, c.fault)
		testkit.Must(t, z.Change(t.Context(), []zone.Edit{{Remove: true, Record: old}, {Record: next}}))
		testkit.Equal(t, "records", strings.Join(a.Sets("Z1"), "; "), "x.example.com. A 300 192.0.2.1"+strconv.Itoa(i))
		old = next
	}
}

// TestTryZone: it asks whether records may be changed, and changes none.
func TestTryZone(t *testing.T) {
	a, z := zoneRig(t, Options{})
	a.SetRecord("Z1", amazontest.Set{Name: "_provision.x.example.com.", Type: "TXT", TTL: 60, Values: amazontest.Values(`"keep"`)})
	for _, name := range []string{"_provision.x.example.com", "_provision.y.example.com"} {
		testkit.Must(t, z.Try(t.Context(), name))
		testkit.Equal(t, "records", strings.Join(a.Sets("Z1"), "; "), `_provision.x.example.com. TXT 60 "keep"`)
	}
	for _, request := range []string{"ChangeResourceRecordSets", "GetChange"} {
		a.Always(request, amazontest.Denied)
		if err := z.Try(t.Context(), "_provision.x.example.com"); !errors.Is(err, ErrDenied) {
			t.Errorf("%s: %v", request, err)
		}
	}
}

// TestThrottledForGood: the SDK repeats a request, then it is said what to do.
func TestThrottledForGood(t *testing.T) {
	a, _ := zoneRig(t, Options{})
	t.Setenv("AWS_MAX_ATTEMPTS", "2")
	z := testkit.Try(Open(t.Context(), Options{Global: true}))(t).HostedZone("Z1", "example.com")
	for fault, says := range map[amazontest.Fault]string{amazontest.Throttled: "AWS asks for fewer requests", amazontest.Busy: "still busy with an earlier change"} {
		a.Requests()
		a.Always("ChangeResourceRecordSets", fault)
		err := z.Change(t.Context(), []zone.Edit{{Record: record4("x.example.com", "192.0.2.1")}})
		if err == nil || len(a.Names()) != 2 {
			t.Fatalf("%v: %v", fault, err)
		}
		testkit.Holds(t, "error", err.Error(), says)
	}
}

// TestEndOfCredentialsWhilePending: the change is there, and the error says so.
func TestEndOfCredentialsWhilePending(t *testing.T) {
	a, z := zoneRig(t, Options{})
	a.Route53.Pending = 5
	a.Always("GetChange", amazontest.Expired)
	err := z.Change(t.Context(), []zone.Edit{{Record: record4("x.example.com", "192.0.2.1")}})
	if err == nil {
		t.Fatal("it succeeds")
	}
	testkit.Holds(t, "error", err.Error(), "Route 53 has the change C1 of example.com (Z1)", "the AWS credentials have ended", "apply again")
	testkit.Equal(t, "records", len(a.Sets("Z1")), 1)

	a.Always("none", amazontest.None)
	a.Route53.Pending = 1 << 30
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := z.Change(ctx, []zone.Edit{{Record: record4("y.example.com", "192.0.2.1")}}); err == nil || !strings.Contains(err.Error(), "Route 53 has the change") {
		t.Errorf("got %v", err)
	}
}

// TestZoneOfSomebodyElse: an ID that leads to another zone, or to none.
func TestZoneOfSomebodyElse(t *testing.T) {
	a, z := zoneRig(t, Options{})
	a.AddZone("Z2", "example.org")
	for id, want := range map[string]string{
		"Z2": `the Route 53 zone Z2 is "example.org", not example.com: correct dns.route53.zone or zone_id; nothing was done`,
		"Z3": "read the Route 53 zone example.com (Z3): NoSuchHostedZone: No hosted zone found with ID: Z3 (is dns.route53.zone_id right, and is the zone in this AWS account?)",
	} {
		_, err := z.account.HostedZone(id, "example.com").Records(t.Context())
		if err == nil {
			t.Fatalf("%s is read", id)
		}
		testkit.Equal(t, id, err.Error(), want)
	}
}
