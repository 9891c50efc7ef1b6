package pvesim

import (
	"slices"
	"strconv"
	"strings"
)

func resizeGuest(c *call, kind string) (any, error) {
	g, err := c.guest(kind)
	if err != nil {
		return nil, err
	}
	if err := g.checkDigest(c.str("digest")); err != nil {
		return nil, err
	}
	if err := g.checkLock(); err != nil {
		return nil, err
	}
	k := c.str("disk")
	if _, ok := g.config[k]; !ok {
		if kind == "lxc" {
			return nil, &apiError{status: 500, reason: "format error", errors: map[string]string{"mp": errMissingProp, "volume": errMissingProp}}
		}
		return nil, fail("disk '%s' does not exist", k)
	}
	_, v := c.volume(volumeOf(c.parse(kind, k, g.config[k])))
	if v == nil {
		return nil, fail("disk '%s' has no volume that can be resized", k)
	}
	size := parseSize(strings.TrimPrefix(c.str("size"), "+"))
	if strings.HasPrefix(c.str("size"), "+") {
		size += v.size
	}
	if kind == "lxc" && size < v.size {
		return nil, fail("unable to shrink disk size")
	}
	_, upid := c.spawn("resize", strconv.Itoa(g.vmid), func(t *task) error { return c.grow(g, k, size, t) })
	return upid, nil
}

func (c *call) grow(g *guest, k string, size int64, t *task) error {
	values := c.parse(g.kind, k, g.config[k])
	st, v := c.volume(volumeOf(values))
	switch {
	case v == nil:
		return fail("disk '%s' does not exist", k)
	case size < v.size:
		return fail("shrinking disks is not supported")
	case st.used()+size-v.size > st.Total:
		return fail("unable to resize '%s': No space left on device", v.id)
	}
	v.size = size
	values["size"] = formatSize(size)
	g.config[k] = c.tables.printProps(grammar(g.kind, k), values)
	t.logf("Image resized.")
	return nil
}

func moveDisk(c *call) (any, error)   { return c.moveVolumeOf("qemu", c.str("disk"), "qmmove") }
func moveVolume(c *call) (any, error) { return c.moveVolumeOf("lxc", c.str("volume"), "move_volume") }

// moveVolumeOf moves a volume to another storage.
func (c *call) moveVolumeOf(kind, k, taskKind string) (any, error) {
	g, err := c.guest(kind)
	if err != nil {
		return nil, err
	}
	if c.has("target-vmid") {
		return nil, fail("the simulator does not move volumes between guests")
	}
	if !c.has("storage") {
		return nil, badParam("storage", "either 'storage' or 'target-vmid' is required")
	}
	st, err := c.storeFor(c.str("storage"), kind)
	if err != nil {
		return nil, err
	}
	if err := g.checkDigest(c.str("digest")); err != nil {
		return nil, err
	}
	if err := g.checkLock(); err != nil {
		return nil, err
	}
	if _, ok := g.config[k]; !ok {
		return nil, fail("disk '%s' does not exist", k)
	}
	old := volumeOf(c.parse(kind, k, g.config[k]))
	from, v := c.volume(old)
	switch {
	case v == nil:
		return nil, fail("you can't move a cdrom")
	case from == st && c.str("format") == "":
		return nil, fail("you can't move to the same storage with same format")
	case kind == "lxc" && g.running:
		return nil, fail("cannot move volumes of a running container")
	}
	_, upid := c.spawn(taskKind, strconv.Itoa(g.vmid), func(t *task) error {
		what := map[string]string{"lxc": "subvol", "qemu": "disk"}[kind]
		moved, err := c.allocate(st, g.vmid, what, c.str("format"), v.size)
		if err != nil {
			return fail("storage migration failed: %s", err)
		}
		values := c.parse(kind, k, g.config[k])
		delete(values, "file")
		delete(values, "volume")
		values[map[string]string{"lxc": "volume", "qemu": "file"}[kind]] = moved.id
		g.config[k] = c.tables.printProps(grammar(kind, k), values)
		t.logf("create full clone of drive %s (%s)", k, old)
		if c.bool("delete") {
			c.release(old)
		} else {
			g.config[g.freeUnused()] = old
		}
		return nil
	})
	return upid, nil
}

func unlink(c *call) (any, error) {
	g, err := c.guest("qemu")
	if err != nil {
		return nil, err
	}
	if err := g.checkLock(); err != nil {
		return nil, err
	}
	ch := &change{set: config{}}
	for _, k := range splitList(c.str("idlist")) {
		if !driveKey.MatchString(k) && !unusedKey.MatchString(k) {
			return nil, badParam("idlist", "invalid disk '%s'", k)
		}
		ch.delete = append(ch.delete, k)
	}
	return nil, c.apply(g, ch)
}

// cloudKeys make up the cloud-init drive.
var cloudKeys = []string{"cicustom", "cipassword", "ciuser", "ciupgrade", "citype", "nameserver", "searchdomain", "sshkeys"}

func cloudinitPending(c *call) (any, error) {
	g, err := c.guest("qemu")
	if err != nil {
		return nil, err
	}
	out := []map[string]any{}
	for _, k := range sortedKeys(g.effective()) {
		if slices.Contains(cloudKeys, k) && k != "ciupgrade" {
			out = append(out, map[string]any{"key": k, "value": c.typed(g, k, g.effective()[k])})
		}
	}
	return out, nil
}

func cloudinitRegenerate(c *call) (any, error) {
	g, err := c.guest("qemu")
	if err != nil {
		return nil, err
	}
	return nil, g.checkLock()
}

func cloudinitDump(c *call) (any, error) {
	g, err := c.guest("qemu")
	if err != nil {
		return nil, err
	}
	conf := g.effective()
	switch c.str("type") {
	case "meta":
		return "instance-id: " + sha1Hex(g.raw()) + "\n", nil
	case "network":
		return "version: 1\nconfig:\n    - type: physical\n      name: eth0\n", nil
	}
	var b strings.Builder
	b.WriteString("#cloud-config\nhostname: " + g.name() + "\nmanage_etc_hosts: true\n")
	if u := conf["ciuser"]; u != "" {
		b.WriteString("user: " + u + "\n")
	}
	if p := conf["cipassword"]; p != "" {
		b.WriteString("password: " + p + "\n")
	}
	if keys, err := decodeKeys(conf["sshkeys"]); err == nil && keys != "" {
		b.WriteString("ssh_authorized_keys:\n")
		for line := range strings.Lines(keys) {
			b.WriteString("  - " + strings.TrimSpace(line) + "\n")
		}
	}
	b.WriteString("chpasswd:\n  expire: False\nusers:\n  - default\n")
	return b.String(), nil
}

// agentInterfaces answers with the static addresses of ipconfigN, as a guest that took them would.
func agentInterfaces(c *call) (any, error) {
	g, err := c.guest("qemu")
	switch {
	case err != nil:
		return nil, err
	case !g.running:
		return nil, fail("VM %d is not running", g.vmid)
	case !strings.HasPrefix(strings.TrimPrefix(g.config["agent"], "enabled="), "1"):
		return nil, fail("No QEMU guest agent configured")
	}
	out := []map[string]any{{"name": "lo", "hardware-address": "00:00:00:00:00:00",
		"ip-addresses": []map[string]any{{"ip-address-type": "ipv4", "ip-address": "127.0.0.1", "prefix": 8}}}}
	for i := range 32 {
		n := strconv.Itoa(i)
		net := c.parse("qemu", "net"+n, g.config["net"+n])
		if g.config["net"+n] == "" {
			continue
		}
		out = append(out, map[string]any{"name": "eth" + n, "hardware-address": strings.ToLower(net["macaddr"]),
			"ip-addresses": addresses(c.parse("qemu", "ipconfig"+n, g.config["ipconfig"+n])["ip"])})
	}
	return map[string]any{"result": out}, nil
}

func addresses(cidr string) []map[string]any {
	ip, bits, ok := strings.Cut(cidr, "/")
	if !ok {
		return []map[string]any{}
	}
	return []map[string]any{{"ip-address-type": "ipv4", "ip-address": ip, "prefix": atoi(bits)}}
}

func lxcInterfaces(c *call) (any, error) {
	g, err := c.guest("lxc")
	if err != nil || !g.running {
		return nil, err
	}
	out := []map[string]any{{"name": "lo", "hwaddr": "00:00:00:00:00:00", "inet": "127.0.0.1/8"}}
	for i := range 32 {
		k := "net" + strconv.Itoa(i)
		if g.config[k] == "" {
			continue
		}
		net := c.parse("lxc", k, g.config[k])
		entry := map[string]any{"name": net["name"], "hwaddr": strings.ToLower(net["hwaddr"])}
		if strings.Contains(net["ip"], "/") {
			entry["inet"] = net["ip"]
		}
		out = append(out, entry)
	}
	return out, nil
}
