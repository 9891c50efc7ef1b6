package render

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"syslog-gateway/internal/infra/declaration"
)

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
