package main

import (
	"fmt"
	"testing"

	"syslog-gateway/internal/cli"
	"syslog-gateway/internal/testkit"
)

// A source or a class that does not exist would be waited for for ever: it is refused.
func TestTapRefusesWhatDoesNotExist(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	s.start()
	f := func(wants []string, args ...string) {
		t.Helper()
		out, errs, code := s.gateway("", append([]string{"tap", "-c", s.file}, args...)...)
		testkit.Equal(t, fmt.Sprintf("exit code of %q: %s", args, errs), code, cli.Usage)
		testkit.Holds(t, "errors", errs, wants...)
		testkit.Equal(t, "output", out, "")
	}
	f([]string{`--source "linx" is none`, "linux, palo_alto"}, "--source", "linx")
	f([]string{`--class "linux_secur" is not a class`, "linux_secure"}, "--class", "linux_secur")
	f([]string{"--source", "--class"}, "--source", "linx", "--class", "zzz")
}

// A line is shown as it was sent, except that no control character reaches the terminal.
func TestTapShowsLinesAsTheyAre(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	s.start()
	testkit.Holds(t, "JSON", s.tapped(1, nil)[0], `"raw":"<`)
	const sent = `{"raw":"<134>Mar 14 14:28:52 host prog: a <b> & \"c\" \u001b[31mred` + "\x7f \xc2\x9b" + `31m\ttab"}` + "\n"
	f := func(o tapOptions, want string) {
		t.Helper()
		testkit.Equal(t, "line", string(testkit.Try(o.shown([]byte(sent)))(t)), want)
	}
	f(tapOptions{raw: true}, `<134>Mar 14 14:28:52 host prog: a <b> & "c" \x1b[31mred\x7f \u009b31m`+"\ttab\n")
	f(tapOptions{}, `{"raw":"<134>Mar 14 14:28:52 host prog: a <b> & \"c\" \u001b[31mred\u007f \u009b31m\ttab"}`+"\n")
}
