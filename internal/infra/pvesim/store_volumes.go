package pvesim

import "strings"

const cloudinitSize = 4 << 20

// checkVolume decides, before a task starts, whether a volume in a value may be used:
// the storage must exist, take such volumes, and be open to the user.
func (c *call) checkVolume(kind, k string, values map[string]string) error {
	vol := volumeOf(values)
	if m := newDisk.FindStringSubmatch(vol); m != nil {
		if _, err := c.storeFor(m[1], kind); err != nil {
			return err
		}
		return c.checkImport(values["import-from"])
	}
	if m := cloudDrive.FindStringSubmatch(vol); m != nil && kind == "qemu" {
		_, err := c.storeFor(m[1], kind)
		return err
	}
	switch {
	case vol == "none" || vol == "cdrom":
		return nil
	case strings.HasPrefix(vol, "/") && !c.user.isRoot():
		if kind == "lxc" {
			what := "bind"
			if strings.HasPrefix(vol, "/dev/") {
				what = "device"
			}
			return forbidden("mount point type %s is only allowed for root@pam", what)
		}
		return fail("Only root can pass arbitrary filesystem paths.")
	case strings.HasPrefix(vol, "/"):
		return nil
	}
	store, _, ok := strings.Cut(vol, ":")
	if !ok {
		return badParam(k, "invalid format - unable to parse volume ID '%s'\n", vol)
	}
	_, err := c.store(store)
	return err
}

func (c *call) checkImport(from string) error {
	if from == "" {
		return nil
	}
	if strings.HasPrefix(from, "/") {
		if !c.user.isRoot() {
			return fail("Only root can pass arbitrary filesystem paths. at pve-storage/src/PVE/Storage.pm line 651.")
		}
		return nil
	}
	store, _, _ := strings.Cut(from, ":")
	if _, err := c.store(store); err != nil {
		return err
	}
	if _, v := c.volume(from); v == nil {
		return fail("volume '%s' does not exist", from)
	}
	return nil
}

// makeVolume turns a value as sent into one as stored, allocating what is new. made
// collects the new volumes, so that a failure can take them back.
func (s *Sim) makeVolume(g *guest, k string, values map[string]string, t *task, made *[]string) (string, error) {
	vol := volumeOf(values)
	name := "file"
	if g.kind == "lxc" {
		name = "volume"
	}
	var v *volume
	var err error
	switch {
	case cloudDrive.MatchString(vol) && g.kind == "qemu":
		v, err = s.allocate(s.storages[cloudDrive.FindStringSubmatch(vol)[1]], g.vmid, "cloudinit", "", cloudinitSize)
		values["media"] = "cdrom"
	case newDisk.MatchString(vol):
		m := newDisk.FindStringSubmatch(vol)
		what, size := "disk", gib(m[2])
		if g.kind == "lxc" {
			what = "subvol"
		}
		if _, from := s.volume(values["import-from"]); from != nil {
			size = from.size
		}
		if v, err = s.allocate(s.storages[m[1]], g.vmid, what, values["format"], size); err == nil {
			values["size"] = formatSize(v.size)
		}
	default:
		return s.keepVolume(g, k, values)
	}
	if err != nil {
		return "", err
	}
	*made = append(*made, v.id)
	delete(values, "format")
	delete(values, "import-from")
	values[name] = v.id
	out := s.tables.printProps(grammar(g.kind, k), values)
	if t != nil {
		t.logf("Formatting '%s', fmt=%s size=%d preallocation=off", s.filePath(v), v.format, v.size)
		if g.kind == "qemu" {
			t.logf("%s: successfully created disk '%s'", k, out)
		}
	}
	return out, nil
}

// keepVolume stores a value that names an existing volume, adding its size.
func (s *Sim) keepVolume(g *guest, k string, values map[string]string) (string, error) {
	vol := volumeOf(values)
	if vol != "none" && vol != "cdrom" && !strings.HasPrefix(vol, "/") {
		_, v := s.volume(vol)
		if v == nil {
			return "", fail("volume '%s' does not exist", vol)
		}
		if v.content != "cloudinit" && !strings.Contains(vol, "-cloudinit") {
			values["size"] = formatSize(v.size)
		}
	}
	return s.tables.printProps(grammar(g.kind, k), values), nil
}

// filePath is where a volume lies, for logs.
func (s *Sim) filePath(v *volume) string {
	store, name, _ := strings.Cut(v.id, ":")
	st := s.storages[store]
	if !st.files() {
		return "/dev/zvol/" + st.Path + "/" + name
	}
	dir := map[string]string{"iso": "template/", "vztmpl": "template/", "images": "images/", "rootdir": "images/"}[v.content]
	return st.Path + "/" + dir + strings.Replace(name, "vztmpl/", "cache/", 1)
}

// drop frees the volume of a key, or makes it unused.
func (s *Sim) drop(g *guest, k string, destroy bool) {
	values := s.parse(g.kind, k, g.config[k])
	vol := volumeOf(values)
	delete(g.config, k)
	_, v := s.volume(vol)
	if v == nil || v.vmid != g.vmid {
		return
	}
	if destroy || strings.Contains(vol, "-cloudinit") {
		s.release(vol)
		return
	}
	g.config[g.freeUnused()] = vol
}

// ownVolumes are the volumes that belong to a guest.
func (s *Sim) ownVolumes(g *guest) []string {
	var out []string
	for _, k := range sortedKeys(g.config) {
		if !g.volumeKey(k) && !unusedKey.MatchString(k) {
			continue
		}
		vol := volumeOf(s.parse(g.kind, k, g.config[k]))
		if _, v := s.volume(vol); v != nil && v.vmid == g.vmid {
			out = append(out, vol)
		}
	}
	return out
}

func mkfsLog(t *task, size int64, uuid string) {
	t.logf("Creating filesystem with %d 4k blocks and %d inodes", size/4096, size/16384)
	t.logf("Filesystem UUID: %s", uuid)
	t.logf("Superblock backups stored on blocks: ")
	t.logf("\t32768, 98304, 163840, 229376")
}
