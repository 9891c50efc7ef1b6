package config

import (
	"strings"
	"testing"
)

func TestNetwork(t *testing.T) {
	for text, want := range map[string]string{
		"10.0.0.0/8":             "10.0.0.0/8",
		"2001:db8::/32":          "2001:db8::/32",
		"::/0":                   "::/0",
		"::ffff:10.0.0.0/104":    "10.0.0.0/8",
		"::ffff:a00:0/104":       "10.0.0.0/8",
		"::ffff:0.0.0.0/96":      "0.0.0.0/0",
		"::FFFF:192.0.2.7/128":   "192.0.2.7/32",
		"0:0:0:0:0:ffff:a:0/112": "0.10.0.0/16",
		"::ffff:10.0.0.0/95":     "at least /96",
		"::ffff:0:0/0":           "at least /96",
		"::ffff:10.0.0.1/104":    "the network is 10.0.0.0/8",
		"::ffff:192.0.2.7":       "as a network it is 192.0.2.7/32",
		"10.0.0.0/33":            "is not a network",
		"fe80::1%eth0/64":        "is not a network",
		"::ffff:10.0.0.0/129":    "is not a network",
		"::ffff:10.0.0.0/08":     "is not a network",
		"::ffff:010.0.0.0/104":   "is not a network",
		"all":                    "is not a network",
	} {
		p, err := Network(text)
		got := p.String()
		if err != nil {
			got = err.Error()
		}
		if got != want && (err == nil || !strings.Contains(got, want)) {
			t.Errorf("%q is %s, want %s", text, got, want)
		}
	}
}
