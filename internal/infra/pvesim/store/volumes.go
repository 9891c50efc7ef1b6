package store

import (
	"fmt"
	"maps"
	"math"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"syslog-gateway/internal/infra/pvesim/conf"
	"syslog-gateway/internal/infra/pvesim/refusal"
	"syslog-gateway/internal/infra/pvesim/schema"
	"syslog-gateway/internal/infra/pvesim/task"
)

const cloudinitSize = 4 << 20 // bytes

var (
	newDisk    = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9_.-]*[A-Za-z0-9]):(\d+(?:\.\d+)?)$`)
	cloudDrive = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9_.-]*[A-Za-z0-9]):cloudinit$`)
)

// NewVolumeOn returns the datastore on which a value asks for a new volume: STORE:GiB,
// for a VM also STORE:cloudinit; "" when it asks for none.
func NewVolumeOn(kind, volume string) string {
	if m := newDisk.FindStringSubmatch(volume); m != nil {
		return m[1]
	}
	if m := cloudDrive.FindStringSubmatch(volume); m != nil && kind == "qemu" {
		return m[1]
	}
	return ""
}

// VolumeOf is the volume ID in a value, whatever the default key is called.
func VolumeOf(values map[string]string) string {
	if v, ok := values["file"]; ok {
		return v
	}
	return values["volume"]
}

// WithVolume gives a value of the guest's configuration another volume.
func (g *Guest) WithVolume(values map[string]string, id string) {
	delete(values, "file")
	delete(values, "volume")
	if g.Kind == "lxc" {
		values["volume"] = id
	} else {
		values["file"] = id
	}
}

// Volumes joins the keys of guests to the volumes on the datastores: a key that holds a
// volume is only written here.
type Volumes struct {
	stores *Datastores
	tables *schema.Tables
}

// Of finds the volume of a guest's key with its datastore and the other values of the
// key; the volume is nil when it does not exist.
func (vs *Volumes) Of(g *Guest, k string) (st *Datastore, v *Volume, values map[string]string) {
	values = vs.tables.Value(g.Kind, k, g.Config[k])
	st, v = vs.stores.Volume(VolumeOf(values))
	return st, v, values
}

// Make turns a value as sent into one as stored, allocating what is new. made collects
// the new volumes, so that a failure can take them back. The task is optional.
func (vs *Volumes) Make(g *Guest, k, value string, t *task.Task, made *[]string) (string, error) {
	values := vs.tables.Value(g.Kind, k, value)
	vol := VolumeOf(values)
	var v *Volume
	var err error
	switch {
	case cloudDrive.MatchString(vol) && g.Kind == "qemu":
		v, err = vs.stores.Allocate(vs.stores.Get(cloudDrive.FindStringSubmatch(vol)[1]), g.VMID, "cloudinit", "", cloudinitSize)
		values["media"] = "cdrom"
	case newDisk.MatchString(vol):
		m := newDisk.FindStringSubmatch(vol)
		size := ParseSize(m[2] + "G")
		if _, from := vs.stores.Volume(values["import-from"]); from != nil {
			size = from.Size
		}
		if v, err = vs.stores.Allocate(vs.stores.Get(m[1]), g.VMID, g.diskKind(), values["format"], size); err == nil {
			values["size"] = FormatSize(v.Size)
		}
	default:
		return vs.keep(g, k, values)
	}
	if err != nil {
		return "", err
	}
	*made = append(*made, v.ID)
	delete(values, "format")
	delete(values, "import-from")
	g.WithVolume(values, v.ID)
	out := vs.tables.Print(g.Kind, k, values)
	if t != nil {
		t.Logf("Formatting '%s', fmt=%s size=%d preallocation=off", vs.stores.FilePath(v), v.Format, v.Size)
		if g.Kind == "qemu" {
			t.Logf("%s: successfully created disk '%s'", k, out)
		}
	}
	return out, nil
}

// diskKind is what the volumes of a guest are.
func (g *Guest) diskKind() string {
	if g.Kind == "lxc" {
		return "subvol"
	}
	return "disk"
}

// keep stores a value that names an existing volume, adding its size.
func (vs *Volumes) keep(g *Guest, k string, values map[string]string) (string, error) {
	vol := VolumeOf(values)
	if vol != "none" && vol != "cdrom" && !strings.HasPrefix(vol, "/") {
		_, v := vs.stores.Volume(vol)
		if v == nil {
			return "", refusal.Fail("volume '%s' does not exist", vol)
		}
		if v.Content != "cloudinit" && !strings.Contains(vol, "-cloudinit") {
			values["size"] = FormatSize(v.Size)
		}
	}
	return vs.tables.Print(g.Kind, k, values), nil
}

// CopyOptions say how the volumes of a clone are made.
type CopyOptions struct {
	Full   bool   // else a linked clone
	Store  string // of full copies; "" is that of the original
	Format string
}

// Copy makes the volume of a clone and returns the value of its key. made collects what
// is new.
func (vs *Volumes) Copy(src, g *Guest, k string, o CopyOptions, t *task.Task, made *[]string) (string, error) {
	st, v, values := vs.Of(src, k)
	vol := VolumeOf(values)
	if v == nil || v.VMID != src.VMID {
		return src.Config[k], nil // an ISO image, or nothing
	}
	if o.Store != "" && o.Full {
		st = vs.stores.Get(o.Store)
	}
	what := g.diskKind()
	if strings.Contains(vol, "-cloudinit") {
		what = "cloudinit"
	}
	linked := !o.Full && what != "cloudinit"
	size := v.Size
	if linked {
		size = 0 // shares its blocks with the base
	}
	copied, err := vs.stores.Allocate(st, g.VMID, what, o.Format, size)
	if err != nil {
		return "", err
	}
	*made = append(*made, copied.ID)
	copied.Size = v.Size
	if linked {
		copied.Parent = vol
		t.Logf("create linked clone of drive %s (%s)", k, vol)
	} else {
		t.Logf("create full clone of drive %s (%s)", k, vol)
		t.Logf("allocated target volume '%s'", copied.ID)
		if what == "disk" {
			total := FormatSize(v.Size)
			for _, percent := range []int{0, 25, 50, 75, 100} {
				t.Logf("transferred %d%% of %s", percent, total)
			}
		}
	}
	g.WithVolume(values, copied.ID)
	return vs.tables.Print(g.Kind, k, values), nil
}

// Grow makes the volume of a key larger.
func (vs *Volumes) Grow(g *Guest, k string, size int64, t *task.Task) error {
	st, v, values := vs.Of(g, k)
	switch {
	case v == nil:
		return refusal.Fail("disk '%s' does not exist", k)
	case size < v.Size:
		return refusal.Fail("shrinking disks is not supported")
	case !st.Fits(size - v.Size):
		return refusal.Fail("unable to resize '%s': No space left on device", v.ID)
	}
	v.Size = size
	values["size"] = FormatSize(size)
	g.Config[k] = vs.tables.Print(g.Kind, k, values)
	t.Logf("Image resized.")
	return nil
}

// Move moves the volume of a key to another datastore. The old one becomes unused, or
// is removed.
func (vs *Volumes) Move(g *Guest, k string, v *Volume, to *Datastore, format string, remove bool, t *task.Task) error {
	moved, err := vs.stores.Allocate(to, g.VMID, g.diskKind(), format, v.Size)
	if err != nil {
		return refusal.Fail("storage migration failed: %s", err)
	}
	values := vs.tables.Value(g.Kind, k, g.Config[k])
	g.WithVolume(values, moved.ID)
	g.Config[k] = vs.tables.Print(g.Kind, k, values)
	t.Logf("create full clone of drive %s (%s)", k, v.ID)
	if remove {
		vs.stores.Release(v.ID)
	} else {
		g.Config[g.FreeUnused()] = v.ID
	}
	return nil
}

// drop frees the volume of a key, or makes it unused.
func (vs *Volumes) drop(g *Guest, k string, destroy bool) {
	_, v, _ := vs.Of(g, k)
	delete(g.Config, k)
	if v == nil || v.VMID != g.VMID {
		return
	}
	if destroy || strings.Contains(v.ID, "-cloudinit") {
		vs.stores.Release(v.ID)
		return
	}
	g.Config[g.FreeUnused()] = v.ID
}

// Owned are the volumes that belong to a guest and are in its configuration.
func (vs *Volumes) Owned(g *Guest) []string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(g.Config)) {
		if !g.IsVolume(k) && !IsUnused(k) {
			continue
		}
		if _, v, _ := vs.Of(g, k); v != nil && v.VMID == g.VMID {
			out = append(out, v.ID)
		}
	}
	return out
}

// MakeTemplate turns a guest into a template, its volumes into base volumes.
func (vs *Volumes) MakeTemplate(g *Guest) {
	g.Config["template"] = "1"
	for _, k := range slices.Sorted(maps.Keys(g.Config)) {
		if !g.IsVolume(k) || strings.Contains(g.Config[k], "media=cdrom") {
			continue
		}
		st, v, values := vs.Of(g, k)
		if v == nil || v.VMID != g.VMID {
			continue
		}
		delete(st.Volumes, v.ID)
		for _, form := range [][2]string{{"vm-%d-disk", "base-%d-disk"}, {"subvol-%d-disk", "basevol-%d-disk"}} {
			v.ID = strings.Replace(v.ID, fmt.Sprintf(form[0], g.VMID), fmt.Sprintf(form[1], g.VMID), 1)
		}
		st.Volumes[v.ID] = v
		g.WithVolume(values, v.ID)
		g.Config[k] = vs.tables.Print(g.Kind, k, values)
	}
}

// Settle makes what is pending active.
func (vs *Volumes) Settle(g *Guest) {
	for k := range g.Deleted {
		if g.IsVolume(k) {
			vs.drop(g, k, false)
		}
		delete(g.Config, k)
	}
	maps.Copy(g.Config, g.Pending)
	g.Pending, g.Deleted = conf.File{}, map[string]bool{}
}

// ParseSize reads 4G, 512M, 1.5T or bytes.
func ParseSize(text string) int64 {
	units := map[byte]float64{'K': 1 << 10, 'M': 1 << 20, 'G': 1 << 30, 'T': 1 << 40}
	if text == "" {
		return 0
	}
	unit, ok := units[text[len(text)-1]]
	if ok {
		text = text[:len(text)-1]
	} else {
		unit = 1
	}
	f, _ := strconv.ParseFloat(text, 64)
	return int64(math.Ceil(f * unit))
}

// FormatSize is JSONSchema::format_size: the largest unit that stays whole.
func FormatSize(n int64) string {
	for _, u := range []string{"", "K", "M", "G"} {
		if n%1024 != 0 || n == 0 {
			return strconv.FormatInt(n, 10) + u
		}
		n /= 1024
	}
	return strconv.FormatInt(n, 10) + "T"
}

// FileFormat is how content lists name the format of a file.
func FileFormat(name string) string {
	if before, ext, ok := strings.Cut(name, ".tar."); ok && before != "" {
		return "t" + ext
	}
	return strings.TrimPrefix(path.Ext(name), ".")
}
