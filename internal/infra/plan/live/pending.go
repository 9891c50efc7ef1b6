package live

import (
	"context"
	"encoding/json"
	"regexp"

	"syslog-gateway/internal/infra/pve"
)

// ReadPending reads what waits for a restart of the guests that run. Guests may be nil.
func (r *Reader) ReadPending(ctx context.Context, guests []*Guest) error {
	return r.all(ctx, func(ctx context.Context, b *batch) {
		for _, lv := range guests {
			if lv == nil || lv.Conf == nil || !lv.Running() {
				continue
			}
			var keys []pendingKey
			b.get(ctx, lv.Path()+"/pending", &keys, func() { lv.wait(keys) })
		}
	})
}

// wait takes down which keys wait for a restart.
func (g *Guest) wait(keys []pendingKey) {
	for _, k := range keys {
		if !k.waits() {
			continue
		}
		g.Pending = append(g.Pending, k.Key)
		if volume := k.detaches(); volume != "" {
			if g.Detached == nil {
				g.Detached = map[string]string{}
			}
			g.Detached[k.Key] = volume
		}
	}
}

// pendingKey is a key of a configuration with what a restart will make of it.
type pendingKey struct {
	Key     string
	Value   json.RawMessage
	Pending json.RawMessage
	Delete  pve.Int
}

func (k pendingKey) waits() bool {
	return k.Delete > 0 || len(k.Pending) > 0 && string(k.Pending) != string(k.Value)
}

var mountKeys = regexp.MustCompile(`^mp\d+$`)

// detaches is the volume that the restart takes off, "" for none.
func (k pendingKey) detaches() string {
	var value string
	if k.Delete == 0 || json.Unmarshal(k.Value, &value) != nil || !mountKeys.MatchString(k.Key) && !IsDisk(k.Key, value) {
		return ""
	}
	return value
}
