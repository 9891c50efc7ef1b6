package live

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/pve"
)

// Volumes are the keys of all volumes that are removed with a guest.
func (g *Guest) Volumes() []string {
	if g.Kind() == declaration.QEMU {
		out := g.DiskList()
		for _, key := range []string{"efidisk0", "tpmstate0"} {
			if g.Get(key) != "" {
				out = append(out, key)
			}
		}
		return append(out, g.Unused()...)
	}
	return append([]string{"rootfs"}, g.DataDisks()...)
}

// DataDisks are the volumes beside the one that a guest boots from, those that were
// detached from it included.
func (g *Guest) DataDisks() []string {
	var out []string
	if g.Kind() == declaration.QEMU {
		disks := g.DiskList()
		out = append(out, disks[min(1, len(disks)):]...)
		if g.Get("tpmstate0") != "" {
			out = append(out, "tpmstate0")
		}
		return append(out, g.Unused()...)
	}
	for i := range MaxMounts {
		if key := "mp" + strconv.Itoa(i); g.Get(key) != "" {
			out = append(out, key)
		}
	}
	return append(out, g.Unused()...)
}

// maxUnused is how many detached volumes a guest may have (unused0 to unused255).
const maxUnused = 256

// Volume is the volume at a key, also if a restart detaches it.
func (g *Guest) Volume(key string) string {
	if g.Detaches(key) {
		return g.Detached[key]
	}
	return g.Get(key)
}

// Unused are the keys of the guest's volumes that are detached now or at the next start.
// They are removed with the guest.
func (g *Guest) Unused() []string {
	out := slices.Sorted(maps.Keys(g.Detached))
	for i := range maxUnused {
		if key := "unused" + strconv.Itoa(i); g.Get(key) != "" {
			out = append(out, key)
		}
	}
	return out
}

// DiskKeys are the configuration keys of disks.
var DiskKeys = regexp.MustCompile(`^(scsi|virtio|sata|ide)\d+$`)

// IsDisk reports whether a key is a disk that is not a CD-ROM or cloud-init drive.
func IsDisk(key, value string) bool {
	return DiskKeys.MatchString(key) && !strings.Contains(value, "media=cdrom") && !strings.Contains(value, "cloudinit")
}

// DiskList are the interfaces of the live disks.
func (g *Guest) DiskList() []string {
	var out []string
	for key, value := range g.Conf {
		if IsDisk(key, value) {
			out = append(out, key)
		}
	}
	slices.Sort(out)
	return out
}

// MaxMounts is how many mount points a container may have (mp0 to mp255).
const MaxMounts = 256

// VolumeOf is the volume ID of a mount point or disk.
func VolumeOf(value string) string { return pve.ParseProps(value, "volume").Default() }

// NICKeys are the configuration keys of network cards.
var NICKeys = regexp.MustCompile(`^net(\d+)$`)

// Mebibytes reads a size of a property string: 8G, 512M, 1T, 4096K or bytes.
func Mebibytes(s string) float64 {
	if s == "" {
		return 0
	}
	unit := map[byte]float64{'K': 1.0 / 1024, 'M': 1, 'G': 1024, 'T': 1024 * 1024}
	factor, known := unit[s[len(s)-1]]
	if known {
		s = s[:len(s)-1]
	} else {
		factor = 1.0 / 1024 / 1024
	}
	n, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return 0
	}
	return n * factor
}

// Store is the storage of a volume ID.
func Store(volume string) string {
	s, _, _ := strings.Cut(volume, ":")
	return s
}
