package pvesim

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"syslog-gateway/internal/infra/pvesim/schema"
	"syslog-gateway/internal/testkit"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestBodies(t *testing.T) {
	r := newRig(t, Options{})
	for i, c := range []struct{ kind, body, comment string }{
		{form, "comment=a=b", "a"},
		{form, "comment=z;foo", ""},
		{form, "comment=a+b", "a b"},
		{form, "comment=%C3%A9", "é"},
		{form + ";charset=UTF-8", "comment=x", "x"},
		{"application/json", `"comment":"a=b;c"`, "a=b;c"},
		{"application/json", `"comment":12`, "12"},
		{"application/json", `"comment":null`, ""},
	} {
		id := fmt.Sprintf("p%d", i)
		body := "poolid=" + id + "&" + c.body
		if strings.HasSuffix(c.kind, "json") {
			body = `{"poolid":"` + id + `",` + c.body + "}"
		}
		a := r.raw("POST", "/api2/json/pools", c.kind, body)
		if strings.Contains(c.body, "foo") {
			if a.Status != 400 || a.Errors["foo"] != schema.UnknownParam {
				t.Errorf("%s: %d %v", body, a.Status, a.Errors)
			}
			continue
		}
		got := fmt.Sprint(r.object("/pools/" + id)["comment"])
		if got != c.comment && (c.comment != "" || got != "<nil>") {
			t.Errorf("%s: comment %q, want %q", body, got, c.comment)
		}
	}
	if a := r.raw("POST", "/api2/json/pools?poolid=inquery", form, "comment=x"); a.Status != 200 {
		t.Errorf("query and body together: %d %s", a.Status, a.Reason)
	}
	if a := r.raw("POST", "/api2/json/pools", "application/json", `{"poolid":"q","comment":`); a.Status != 400 {
		t.Errorf("torn JSON: %d", a.Status)
	}
	r.createCT("300")
	if a := r.raw("PUT", "/api2/json/nodes/pve1/lxc/300/config", "application/json", `{"onboot":true,"cores":2}`); a.Status != 200 {
		t.Errorf("JSON booleans: %d %v", a.Status, a.Errors)
	}
	r.wrong("onboot", "type check ('boolean') failed - got 'true'", r.raw("PUT", "/api2/json/nodes/pve1/lxc/300/config", form, "onboot=true"))
}

func TestHTTPRefusals(t *testing.T) {
	r := newRig(t, Options{})
	r.refused(501, "Unexpected content for method 'DELETE'", r.raw("DELETE", "/api2/json/pools?poolid=x", form, "x=1"))
	r.refused(501, "Method 'GET /nope' not implemented", r.do("GET", "/nope"))
	r.refused(501, "method 'PATCH' not available", r.raw("PATCH", "/api2/json/pools", form, ""))
	r.refused(501, "Method 'GET /pve2/' not implemented", r.raw("GET", "/pve2/", "", ""))
	if a := r.raw("POST", "/api2/json/pools", "multipart/form-data; boundary=x", "--x--"); a.Status != 506 {
		t.Errorf("multipart: %d", a.Status)
	}
	if a := r.raw("POST", "/api2/json/pools", form, strings.Repeat("a", 512<<10+1)); a.Status != 501 {
		t.Errorf("a body over the limit: %d", a.Status)
	}
	a := r.raw("DELETE", "/api2/extjs/pools?poolid=none", "", "")
	if a.Status != 200 || a.Raw != `{"data":null,"message":"delete pool failed: pool 'none' does not exist\n","status":500,"success":0}` {
		t.Errorf("extjs: %d %s", a.Status, a.Raw)
	}
	a = r.raw("POST", "/api2/extjs/pools", form, "")
	if !strings.Contains(a.Raw, `"status":"400"`) || a.Errors["poolid"] != schema.MissingParam {
		t.Errorf("extjs parameters: %s", a.Raw)
	}
}

// TestRecorder: without a connection to take over, status and body still come.
func TestRecorder(t *testing.T) {
	rec := record(testkit.Try(New(Options{}))(t), "GET", "/api2/json/pools?poolid=none")
	if rec.Code != 500 || !strings.Contains(rec.Body.String(), "pool 'none' does not exist") {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
}

// TestServeTLS: HTTPS with a generated certificate, HTTP/1.1, ends with its context.
func TestServeTLS(t *testing.T) {
	sim := testkit.Try(New(Options{}))(t)
	cert, pem, err := NewCertificate("127.0.0.1", "localhost")
	if err != nil {
		t.Fatal(err)
	}
	ln := testkit.Try(net.Listen("tcp", "127.0.0.1:0"))(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- sim.Serve(ctx, ln, cert) }()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}
	client := &http.Client{Transport: transport, Timeout: 5 * time.Second}
	req := testkit.Try(http.NewRequest("GET", "https://"+ln.Addr().String()+"/api2/json/nodes/nosuch/status", nil))(t)
	req.Header.Set("Authorization", "PVEAPIToken="+DefaultToken)
	resp := testkit.Try(client.Do(req))(t)
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	if resp.ProtoMajor != 1 || !strings.HasPrefix(resp.Status, "500 hostname lookup 'nosuch' failed") {
		t.Errorf("%s %s", resp.Proto, resp.Status)
	}
	transport.CloseIdleConnections()
	cancel()
	testkit.Must(t, <-done)
}

// FuzzRequest: whatever comes in, the answer is well-formed, and after a refused write
// the state is what it was.
func FuzzRequest(f *testing.F) {
	f.Add("POST", "/api2/json/pools", form, []byte("poolid=a;comment=b=c"))
	f.Add("POST", "/api2/json/nodes/pve1/lxc", form, []byte("vmid=300&ostemplate=local:vztmpl/x.tar.zst&rootfs=local-zfs:4&net0=name%3Deth0%2Cbridge%3Dvmbr0"))
	f.Add("PUT", "/api2/json/nodes/pve1/qemu/9000/config", "application/json", []byte(`{"cores":4,"delete":"net0","scsi1":"local-zfs:1,ssd=on"}`))
	f.Add("PUT", "/api2/json/nodes/pve1/qemu/9000/resize", form, []byte("disk=scsi0&size=%2B1G"))
	f.Add("POST", "/api2/json/cluster/firewall/rules", form, []byte("type=in&action=ACCEPT&proto=tcp&dport=1:2,ssh&source=10.0.0.0/8-"))
	f.Add("GET", "/api2/extjs/nodes/pve1/tasks/UPID:%00:x/log?start=-1", "", []byte{})
	f.Add("DELETE", "/api2/json/nodes/pve1/storage/local/content/a/b%2Fc", "", []byte{})
	f.Add("PUT", "/api2/json/pools", form, []byte("poolid=p&vms=9000,9000&delete=1"))
	f.Add("POST", "/api2/json/nodes/pve1/storage/local/upload", "multipart/form-data; boundary=x", []byte("--x\r\nContent-Disposition: form-data; name=\"content\"\r\n\r\niso\r\n--x\r\nContent-Disposition: form-data; name=\"filename\"; filename=\"a.iso\"\r\n\r\nabc\r\n--x--\r\n"))
	f.Add("POST", "/api2/json/nodes/pve1/qemu/9000/migrate", form, []byte("target=pve2&targetstorage=local:local-zfs,1"))
	f.Fuzz(func(t *testing.T, method, target, kind string, body []byte) {
		sim := testkit.Try(New(Options{Now: func() time.Time { return time.Unix(1795370268, 0) }}))(t)
		testkit.Must(t, sim.AddTemplateVM(TemplateVM{VMID: 9000, Disks: map[string]string{"scsi0": "1G"}}))
		before := fmt.Sprint(sim.Dump())
		head := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nAuthorization: PVEAPIToken=%s\r\nContent-Length: %d\r\n\r\n", method, target, kind, DefaultToken, len(body))
		req, err := http.ReadRequest(bufio.NewReader(io.MultiReader(strings.NewReader(head), bytes.NewReader(body))))
		if err != nil {
			return
		}
		rec := httptest.NewRecorder()
		sim.Handler().ServeHTTP(rec, req)
		if rec.Code != 200 && fmt.Sprint(sim.Dump()) != before {
			t.Errorf("%s %s: %d %s, yet the state changed", method, target, rec.Code, rec.Body)
		}
	})
}

// FuzzSchedule: a time that is found is one in the next eight days.
func FuzzSchedule(f *testing.F) {
	for _, schedule := range []string{"mon..fri 02:00", "*/15", "sat,sun 22..23:10/20", "", "é", "..", "1/9999999999"} {
		f.Add(schedule)
	}
	f.Fuzz(func(t *testing.T, schedule string) {
		now := time.Unix(1795370268, 0).UTC()
		sim := testkit.Try(New(Options{Now: func() time.Time { return now }}))(t)
		record(sim, "POST", "/api2/json/cluster/backup?id=job&all=1&schedule="+url.QueryEscape(schedule))
		var answer struct {
			Data []map[string]any
		}
		testkit.Must(t, json.Unmarshal(record(sim, "GET", "/api2/json/cluster/backup").Body.Bytes(), &answer))
		for _, job := range answer.Data {
			next, ok := job["next-run"].(float64)
			if after := time.Unix(int64(next), 0).Sub(now); ok && (after <= 0 || after > 8*24*time.Hour) {
				t.Errorf("%q: %s after now", schedule, after)
			}
		}
	})
}
