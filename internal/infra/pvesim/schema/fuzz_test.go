package schema

import (
	"fmt"
	"testing"

	"syslog-gateway/internal/testkit"
)

// FuzzProps: what a property string is parsed into prints and parses back to the same.
func FuzzProps(f *testing.F) {
	for _, v := range []string{"virtio=BC:24:11:03:C4:27,bridge=vmbr0", "virtio,tag=4094,firewall=on", "model=e1000,macaddr=bc:24:11:03:c4:27", ",,", "=a", "a=", "virtio,virtio"} {
		f.Add("qemunet", v)
	}
	f.Add("scsi", "local:4,discard=on,ssd=1")
	f.Add("mp", "local:1,mp=/data,backup=1")
	f.Add("ctnet", "name=eth0,ip=10.0.0.1/24,gw=10.0.0.2")
	tables := testkit.Try(NewTables())(f)
	f.Fuzz(func(t *testing.T, grammar, v string) {
		values, text := tables.ParseProps(grammar, "x", v)
		if text != "" {
			return
		}
		again, text := tables.ParseProps(grammar, "x", tables.PrintProps(grammar, values))
		if text != "" || fmt.Sprint(again) != fmt.Sprint(values) {
			t.Errorf("%s %q: %v prints and parses to %v %s", grammar, v, values, again, text)
		}
	})
}
