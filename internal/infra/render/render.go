// Package render writes the configurations that follow from the declaration of an
// estate: gateway.yaml of a syslog gateway and Splunk's indexes.conf and inputs.conf.
// Ports come from the table that the firewall's rules and the inventory are made from,
// addresses and sizes from the guests themselves.
//
// It prints text and touches no file. A secret is in it only where it is handed in.
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
		asked = []string{"https://" + net.JoinHostPort(e.Splunk.Host(), port)}
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

// File is a rendered file.
type File struct {
	Name   string
	Text   []byte
	Secret bool // it holds one: for its owner only
}

// Splunk's sizes: an index keeps a year or 100 GiB, and all of them together no more
// than four fifths of the disk.
const (
	indexMB      = 102400
	indexSeconds = 365 * 24 * 3600
)

// tokenReference stands for the token where it is not written: envsubst and Ansible's
// shell module fill it in.
const tokenReference = "${SPLUNK_HEC_TOKEN}"

// Splunk is indexes.conf and inputs.conf for what the gateways send. token is the HEC
// token; "" writes a reference to SPLUNK_HEC_TOKEN in its place.
func Splunk(e *declaration.Estate, token string) ([]File, error) {
	if e.Splunk == nil {
		return nil, errors.New("render: no Splunk VM is declared: there is nothing to render for it")
	}
	if strings.ContainsAny(token, "\r\n") {
		return nil, errors.New("render: the HEC token has a line end in it")
	}
	names := slices.Sorted(maps.Values(vendorIndexes()))
	names = slices.Compact(names)
	inputs := File{Name: "inputs.conf", Secret: token != ""}
	if token == "" {
		token = tokenReference
		inputs.Text = []byte("# Fill in the token: envsubst '$SPLUNK_HEC_TOKEN' < inputs.conf\n")
	}
	var b bytes.Buffer
	b.Write(inputs.Text)
	fmt.Fprintf(&b, "[http]\ndisabled = 0\nport = %d\nenableSSL = 1\n\n", declaration.Ports().Service["splunk_hec"])
	fmt.Fprintf(&b, "[http://syslog-gateway]\ndisabled = 0\ntoken = %s\nindex = os\nindexes = %s\nuseACK = 0\n", token, strings.Join(names, ","))
	inputs.Text = b.Bytes()
	return []File{{Name: "indexes.conf", Text: indexesConf(e.Splunk, names)}, inputs}, nil
}

func indexesConf(vm *declaration.VM, names []string) []byte {
	size := indexMB
	if n := len(vm.Disks); n > 0 {
		size = min(size, vm.Disks[n-1].Size*1024/5*4/len(names)) // the last one holds the data
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "# indexes.conf of %s, by `provision render splunk`.\n", vm.Name)
	for _, name := range names {
		fmt.Fprintf(&b, "\n[%s]\nhomePath = $SPLUNK_DB/%s/db\ncoldPath = $SPLUNK_DB/%s/colddb\nthawedPath = $SPLUNK_DB/%s/thaweddb\n",
			name, name, name, name)
		fmt.Fprintf(&b, "maxTotalDataSizeMB = %d\nfrozenTimePeriodInSecs = %d\n", size, indexSeconds)
	}
	return b.Bytes()
}
