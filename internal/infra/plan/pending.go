package plan

import (
	"context"
	"encoding/json"
	"regexp"

	"syslog-gateway/internal/infra/pve"
)

// readPending reads what waits for a restart of the guests that run.
func (m *maker) readPending(ctx context.Context, guests []*guest) error {
	r := newReader(ctx, m.api, m.opts.Parallel)
	for _, lv := range guests {
		if lv == nil || lv.conf == nil || !lv.running() {
			continue
		}
		var keys []pendingKey
		r.get(lv.path()+"/pending", nil, &keys, func() {
			for _, k := range keys {
				if !k.waits() {
					continue
				}
				lv.pending = append(lv.pending, k.Key)
				if volume := k.detaches(); volume != "" {
					if lv.detached == nil {
						lv.detached = map[string]string{}
					}
					lv.detached[k.Key] = volume
				}
			}
		})
	}
	return r.group.Wait()
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
	if k.Delete == 0 || json.Unmarshal(k.Value, &value) != nil || !mountKeys.MatchString(k.Key) && !isDisk(k.Key, value) {
		return ""
	}
	return value
}
