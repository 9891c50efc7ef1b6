package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"syslog-gateway/internal/cli"
	"syslog-gateway/internal/testkit"
)

type fakeNames map[string][]string

func (f fakeNames) LookupHost(_ context.Context, host string) ([]string, error) {
	if all, ok := f[host]; ok {
		return all, nil
	}
	return nil, errors.New("no such host")
}

func TestAcksBehindOneName(t *testing.T) {
	names := fakeNames{
		"one": {"192.0.2.1"}, "dual": {"192.0.2.1", "2001:db8::1"},
		"many": {"192.0.2.1", "192.0.2.2"}, "six": {"2001:db8::1", "2001:db8::2", "192.0.2.1"},
	}
	for host, want := range map[string]bool{"one": false, "dual": false, "many": true, "six": true, "none": false} {
		got := sharedNames(t.Context(), []string{"https://" + host + ":8088"}, names)
		if (len(got) == 1) != want || want && !strings.Contains(got[0], host) {
			t.Errorf("%s: %v", host, got)
		}
	}
}

// No secret of a URL is in the messages of check, however long the URL is.
func TestCheckShowsNoSecret(t *testing.T) {
	const secret = "8f3a91c2-5d7e-4b60-a1f9-c27d3e80b64a"
	long := strings.Repeat("x", 60)
	for _, url := range []string{
		"https://splunk:" + secret + "@h:8088", "https://" + secret + "@h:8088", "https://u:" + long + secret + "@h:8088",
		"https://u:" + secret + "/x@h", "u:" + secret + "@h:8088", "https://h:8088/?token=" + secret, "https://h:8088/services/collector?token=" + secret,
		"https://" + long + ":8088/?token=" + secret, "https://h:8088/?" + secret, "https://h:8088/#" + secret, "https://h:8088/?a=b&hec_token=" + secret,
		"ftp://u:" + secret + "@h", "https://u:" + secret + "@h:port", "https://u:p%zz" + secret + "@h", "h?token=" + secret,
	} {
		file := filepath.Join(t.TempDir(), "gateway.yaml")
		text := "hec: {token: x, endpoints: ['" + url + "']}\nqueue: {path: " + t.TempDir() + "}\ndead_letter: {path: " + t.TempDir() + "}\n"
		testkit.Must(t, os.WriteFile(file, []byte(text), 0o600))
		for _, verb := range []string{"check", "config", "run"} {
			var out, errs bytes.Buffer
			code := run(t.Context(), []string{verb, "-c", file}, cli.Streams{In: strings.NewReader(""), Out: &out, Err: &errs})
			all := out.String() + errs.String()
			if code != cli.Failed || !strings.Contains(all, "hec.endpoints") {
				t.Errorf("%s %s: %d %s", verb, url, code, all)
			}
			for i := 0; i+5 <= len(secret); i++ {
				if strings.Contains(all, secret[i:i+5]) {
					t.Errorf("%s shows %q of %s: %s", verb, secret[i:i+5], url, all)
					break
				}
			}
		}
	}
}
