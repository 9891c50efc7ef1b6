package store

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"syslog-gateway/internal/infra/pvesim/conf"
)

// Measurement is what pvestatd finds out about a guest.
type Measurement struct {
	Name, Status string
	CPUs         int
	Memory, Disk int64 // bytes
	Uptime       int64 // seconds
	Template     string
}

// Monitor is pvestatd: it measures all guests once in a lag, and cluster/resources shows
// what it measured last. Without a lag all is shown as it is.
type Monitor struct {
	lag   time.Duration
	start time.Time
	now   func() time.Time
	round int64
}

// Measure measures a guest now.
func (m *Monitor) Measure(g *Guest) Measurement {
	st := Measurement{Name: g.Name(), Status: "stopped", Template: g.Config["template"]}
	st.Name = cmp.Or(st.Name, map[string]string{"lxc": "CT", "qemu": "VM "}[g.Kind]+strconv.Itoa(g.VMID))
	st.Memory = int64(conf.Int(g.Config["memory"])) << 20
	st.Memory = cmp.Or(st.Memory, 512<<20)
	st.CPUs = max(conf.Int(g.Config["cores"]), 1) * max(conf.Int(g.Config["sockets"]), 1)
	root := g.Config["rootfs"]
	if g.Kind == "qemu" {
		root = g.Config[strings.Split(strings.TrimPrefix(g.Config["boot"], "order="), ";")[0]]
	}
	if _, size, ok := strings.Cut(root, "size="); ok {
		size, _, _ = strings.Cut(size, ",")
		st.Disk = ParseSize(size)
	}
	if g.Running {
		st.Status, st.Uptime = "running", int64(m.now().Sub(g.Since).Seconds())+1
	}
	return st
}

// Last is the last measurement of a guest. One younger than the lag has none.
func (m *Monitor) Last(g *Guest) (Measurement, bool) {
	if m.lag == 0 {
		return m.Measure(g), true
	}
	if g.measured == nil {
		return Measurement{}, false
	}
	return *g.measured, true
}

// Record measures a guest now, whatever the lag.
func (m *Monitor) Record(g *Guest) {
	st := m.Measure(g)
	g.measured = &st
}

// poll measures all guests when another lag has passed.
func (m *Monitor) poll(guests *Guests) {
	if m.lag == 0 {
		return
	}
	round := int64(m.now().Sub(m.start) / m.lag)
	if round == m.round {
		return
	}
	m.round = round
	for _, g := range guests.byID {
		m.Record(g)
	}
}
