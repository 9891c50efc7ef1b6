package tap

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"
)

func message() Message {
	return Message{
		Source: "linux", Transport: "tcp", Class: "linux_secure", Pack: "acme", Rules: []string{"site.names set names", "site.few kept one of 2"}, Host: "Web1", From: netip.MustParseAddr("10.1.2.3"),
		Received: time.Unix(100, 0), Raw: []byte("<38>Accepted publickey for Root"), Event: []byte("{}"),
	}
}

func TestFilter(t *testing.T) {
	for _, c := range []struct {
		f    Filter
		want bool
	}{
		{Filter{}, true},
		{Filter{Source: "linux", Class: "linux_secure", Sender: "10.1.2.3", Text: "PUBLICKEY for root"}, true},
		{Filter{Source: "unifi"}, false},
		{Filter{Class: "linux_syslog"}, false},
		{Filter{Pack: "acme", Rule: "site.few"}, true},
		{Filter{Pack: "other"}, false},
		{Filter{Rule: "site.fe"}, false},
		{Filter{Rule: "site.names set"}, false},
		{Filter{Sender: "10.1.0.0/16"}, true},
		{Filter{Sender: "10.2.0.0/16"}, false},
		{Filter{Sender: "::ffff:10.1.2.3"}, true},
		{Filter{Sender: "::ffff:10.1.0.0/112"}, true},
		{Filter{Sender: "::ffff:10.2.0.0/112"}, false},
		{Filter{Sender: "web1"}, true},
		{Filter{Sender: "web2"}, false},
		{Filter{Text: "denied"}, false},
	} {
		w, err := c.f.parse()
		if err != nil {
			t.Fatal(err)
		}
		m := message()
		if got := w.matches(&m); got != c.want {
			t.Errorf("%+v matches: %v", c.f, got)
		}
	}
	for _, bad := range []Filter{{Text: strings.Repeat("x", maxText+1)}, {Sender: "10.1.2.3/99"}, {Source: strings.Repeat("x", 4*maxText)}} {
		if _, err := bad.parse(); err == nil {
			t.Errorf("%.40q is a filter", bad)
		}
	}
}

func TestHub(t *testing.T) {
	var h Hub
	if h.On() {
		t.Error("on without a listener")
	}
	all, err := h.Listen(Filter{})
	if err != nil {
		t.Fatal(err)
	}
	one, _ := h.Listen(Filter{Source: "unifi"})
	m := message()
	if !h.On() || !h.Wants(&m) {
		t.Error("no listener gets a message that one filter matches")
	}
	h.Examined(1, 5)
	h.Show(m)
	if got := <-all.Messages(); got.Host != "Web1" {
		t.Errorf("got %+v", got)
	}
	if len(one.Messages()) != 0 {
		t.Error("a filter let another source through")
	}
	if c := one.Counts(); c != (Counts{Passed: 5, Examined: 1}) {
		t.Errorf("%+v", c)
	}
	all.Close()
	all.Close()
	if m := message(); h.Wants(&m) {
		t.Error("a closed tap wants more")
	}
	one.Close()
	if h.On() {
		t.Error("on after the last has gone")
	}
}

// A listener that reads nothing delays nobody, and gets the number of lost messages.
func TestBounds(t *testing.T) {
	var h Hub
	slow, _ := h.Listen(Filter{})
	m := message()
	for range 1000 {
		h.Show(m)
	}
	if n := len(slow.Messages()); n != perSecond {
		t.Errorf("%d messages within a second, want %d", n, perSecond)
	}
	for s := range 10 {
		m.Received = time.Unix(200+int64(s), 0)
		for range perSecond {
			h.Show(m)
		}
	}
	if n, lost := len(slow.Messages()), slow.Counts().Lost; n != backlog || lost != 1000+10*perSecond-backlog {
		t.Errorf("%d wait, %d lost", n, lost)
	}
	for range maxTaps - 1 {
		if _, err := h.Listen(Filter{}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := h.Listen(Filter{}); !errors.Is(err, ErrBusy) {
		t.Errorf("one tap too many: %v", err)
	}
}
