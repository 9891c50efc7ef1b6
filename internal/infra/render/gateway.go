package render

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"syslog-gateway/internal/infra/declaration"
)

// gatewayTag marks the containers that are syslog gateways.
const gatewayTag = "syslog-gateway"

// stateDir is where a gateway keeps its queue and its dead letters.
const stateDir = "/var/lib/syslog-gateway"

// What is reserved on the disk of the queue, in bytes: the keys' own defaults.
const (
	deadLetterSize = 1_000_000_000
	minFree        = 2_000_000_000
	smallestQueue  = 1_000_000_000
)

// vendorIndexes are the vendors that a gateway knows and the indexes of their events,
// by the names of the syslog ports.
func vendorIndexes() map[string]string {
	return map[string]string{"unifi": "unifi", "palo_alto": "firewall", "cisco_asa": "firewall", "linux": "os", "windows": "os"}
}

// GatewayOptions choose what the declaration leaves open.
type GatewayOptions struct {
	Key       string   // the container's; "" where only one is a gateway
	Endpoints []string // URLs of HEC; none: the Splunk VM's
}

// Gateway is gateway.yaml for a container tagged syslog-gateway.
func Gateway(e *declaration.Estate, o GatewayOptions) ([]byte, error) {
	c, err := gatewayGuest(e, o.Key)
	if err != nil {
		return nil, err
	}
	endpoints, err := hecEndpoints(e, o.Endpoints)
	if err != nil {
		return nil, err
	}
	size, where, err := queueSize(c)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "# gateway.yaml of %s, by `provision render gateway`: change the declaration and render again.\n", c.Name)
	b.WriteString("# The HEC token is not here: SPLUNK_HEC_TOKEN, token_file, or the systemd credential hec_token.\n")
	b.WriteString("sources:\n")
	ports := declaration.Ports().Syslog
	indexes := vendorIndexes()
	for _, name := range sortedByPort(ports) {
		index, known := indexes[name]
		if !known {
			return nil, fmt.Errorf("render: the gateway has no parser for the syslog port %q", name)
		}
		fmt.Fprintf(&b, "  %s: {port: %d, vendor: %s, index: %s}\n", name, ports[name], name, index)
	}
	fmt.Fprintf(&b, "queue:\n  path: %s/queue\n  max_size: %s # %s, less dead letters, min_free and a tenth for the file system\n", stateDir, size, where)
	fmt.Fprintf(&b, "hec:\n  endpoints: [%s]\n", strings.Join(endpoints, ", "))
	fmt.Fprintf(&b, "dead_letter: {path: %s/dead-letter, max_size: 1GB}\n", stateDir)
	fmt.Fprintf(&b, "stats: {listen: \":%d\"}\n", declaration.Ports().Service["haproxy_stats"])
	return b.Bytes(), nil
}

// gatewayGuest finds the container.
func gatewayGuest(e *declaration.Estate, key string) (*declaration.Container, error) {
	var keys []string
	var found *declaration.Container
	for i, c := range e.Containers {
		if slices.Contains(c.Tags, gatewayTag) {
			keys = append(keys, c.Key)
			if key == "" || key == c.Key {
				found = &e.Containers[i]
			}
		}
	}
	switch {
	case len(keys) == 0:
		return nil, fmt.Errorf("render: no container is tagged %s in the declaration", gatewayTag)
	case key == "" && len(keys) > 1:
		return nil, fmt.Errorf("render: several containers are gateways, name one: %s", strings.Join(keys, ", "))
	case found == nil:
		return nil, fmt.Errorf("render: %q is not a container tagged %s; these are: %s", key, gatewayTag, strings.Join(keys, ", "))
	}
	return found, nil
}

// hecEndpoints are quoted for a YAML list.
func hecEndpoints(e *declaration.Estate, asked []string) ([]string, error) {
	if len(asked) == 0 {
		if e.Splunk == nil {
			return nil, errors.New("render: no Splunk VM is declared: name HEC with --hec https://HOST:8088")
		}
		port := strconv.Itoa(declaration.Ports().Service["splunk_hec"])
		asked = []string{"https://" + net.JoinHostPort(hostOf(&e.Splunk.Guest), port)}
	}
	var quoted []string
	for _, a := range asked {
		u, err := url.Parse(a)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return nil, fmt.Errorf("render: %q is not the URL of an HEC endpoint, such as https://splunk:8088", a)
		}
		quoted = append(quoted, strconv.Quote(a))
	}
	return quoted, nil
}

// hostOf is how a guest is reached: its address, or its name where DHCP gives it one.
func hostOf(g *declaration.Guest) string {
	switch {
	case !g.Address.DHCP:
		return g.Address.CIDR.Addr().String()
	case g.Domain != "":
		return g.Name + "." + g.Domain
	}
	return g.Name
}

// queueSize is what the queue may take of the disk that it is on, in round numbers,
// and which disk that is.
func queueSize(c *declaration.Container) (size, where string, err error) {
	gib, where := c.Root.Size-4, fmt.Sprintf("the root disk of %dG, less 4G for the system", c.Root.Size)
	for _, m := range c.Mounts {
		if path := strings.TrimSuffix(m.Path, "/"); path == stateDir || path == stateDir+"/queue" {
			gib, where = m.Size, fmt.Sprintf("mount point %s of %dG", m.Path, m.Size)
		}
	}
	usable := int64(gib)<<30/10*9 - deadLetterSize - minFree
	if usable < smallestQueue {
		return "", "", fmt.Errorf("render: %s: %s leaves no space for a queue: give it a mount point %s of 10G at least", c.Key, where, stateDir)
	}
	gb := usable / 1_000_000_000
	if gb >= 100 {
		gb = gb / 10 * 10
	}
	return fmt.Sprintf("%dGB", gb), where, nil
}

func sortedByPort(ports map[string]int) []string {
	return slices.SortedFunc(maps.Keys(ports), func(a, b string) int { return ports[a] - ports[b] })
}
