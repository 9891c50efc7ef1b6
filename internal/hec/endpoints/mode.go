package endpoints

import "fmt"

// Mode says whether an operator lets an endpoint be used.
type Mode string

// The modes.
const (
	Ready       Mode = ""
	Drain       Mode = "drain" // no new posts; those under way end, and it is still probed
	Maintenance Mode = "maint" // no posts and no probes
)

// SetMode changes the mode of an endpoint, which is named as Status shows it. The mode
// stays when the configuration is reloaded; it does not outlive the process.
func (p *Pool) SetMode(url string, m Mode) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range p.admission.endpoints {
		if e.Address.Name != url {
			continue
		}
		if e.mode != m {
			e.mode = m
			p.wakeAll()
		}
		return nil
	}
	return fmt.Errorf("there is no endpoint %s", url)
}
