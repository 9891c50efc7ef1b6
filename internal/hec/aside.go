package hec

import "fmt"

// Aside says how an endpoint is set aside: by a person, for a while.
type Aside string

const (
	// InUse is an endpoint that is not set aside.
	InUse Aside = ""
	// Draining gets no new requests; those on the wire end, and it is still probed.
	Draining Aside = "drain"
	// Maintenance gets no requests and no probes.
	Maintenance Aside = "maint"
)

// SetAside sets an endpoint aside, or puts it back to use. It is named as Endpoints
// shows it. A reload keeps this, a restart does not.
func (c *Client) SetAside(url string, how Aside) error {
	c.pool.mu.Lock()
	defer c.pool.mu.Unlock()
	for _, e := range c.pool.list {
		if e.name != url {
			continue
		}
		if e.aside != how {
			e.aside = how
			c.pool.rouse()
		}
		return nil
	}
	return fmt.Errorf("there is no endpoint %s", url)
}
