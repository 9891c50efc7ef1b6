package pvesim

import (
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
	for b.Loop() {
		if rec := record(sim, "GET", "/api2/json/cluster/resources"); rec.Code != 200 {
			b.Fatal(rec.Body)
		}
	}
}
