package store

import (
	"strconv"
	"strings"

	"syslog-gateway/internal/infra/pvesim/conf"
	"syslog-gateway/internal/infra/pvesim/schema"
)

// BootOrder is get_default_bootdevices: first disk, first CD-ROM, first network card.
func BootOrder(tables *schema.Tables, values conf.File) string {
	var disk, cdrom, net string
	for _, bus := range []string{"ide", "scsi", "virtio", "sata"} {
		for i := range 31 {
			k := bus + strconv.Itoa(i)
			v, ok := values[k]
			if !ok {
				continue
			}
			if tables.Value("qemu", k, v)["media"] == "cdrom" {
				if cdrom == "" && !strings.Contains(v, "-cloudinit") {
					cdrom = k
				}
			} else if disk == "" {
				disk = k
			}
		}
	}
	for i := range 32 {
		if k := "net" + strconv.Itoa(i); net == "" && values[k] != "" {
			net = k
		}
	}
	var order []string
	for _, k := range []string{disk, cdrom, net} {
		if k != "" {
			order = append(order, k)
		}
	}
	return "order=" + strings.Join(order, ";")
}
