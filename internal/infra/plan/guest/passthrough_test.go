package guest

import (
	"fmt"
	"testing"

	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/plan/live"
	"syslog-gateway/internal/infra/pve"
	"syslog-gateway/internal/testkit"
)

// A VM whose places for a kind of device are all taken by devices that nobody declared.
func TestNoPlaceForADevice(t *testing.T) {
	conf := pve.Config{}
	for i := range declaration.MaxHostDevices["usb"] {
		conf[fmt.Sprint("usb", i)] = fmt.Sprintf("host=1-%d", i+1)
	}
	v := &declaration.VM{Devices: []declaration.HostDevice{{Type: "usb", Host: "2-1"}}}
	d := &delta{}
	d.devices(v, &live.Guest{Conf: conf})
	testkit.Equal(t, "blocks", len(d.blocks), 1)
	testkit.Holds(t, "the reason", d.blocks[0].Why, "no free place for the usb device 2-1: it has 14")
	testkit.Equal(t, "fields that change", len(d.fields), 0)
}
