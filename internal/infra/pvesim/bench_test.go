package pvesim

import (
	"net/http/httptest"
	"strconv"
	"testing"

	"syslog-gateway/internal/testkit"
)

// BenchmarkNew is what every test that uses the simulator pays.
func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		testkit.Try(New(Options{}))(b)
	}
}

// BenchmarkResources reads cluster/resources of 80 guests, without the network.
func BenchmarkResources(b *testing.B) {
	sim := testkit.Try(New(Options{}))(b)
	for i := range 80 {
		testkit.Must(b, sim.AddGuest("lxc", 100+i, "", map[string]string{"hostname": "c" + strconv.Itoa(i), "rootfs": "local-zfs:8"}))
	}
	h := sim.Handler()
	for b.Loop() {
		req := httptest.NewRequest("GET", "/api2/json/cluster/resources", nil)
		req.Header.Set("Authorization", "PVEAPIToken="+DefaultToken)
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, req)
		if rec.Code != 200 {
			b.Fatal(rec.Body)
		}
	}
}
