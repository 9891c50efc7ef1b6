package suggest

import (
	"slices"
	"strings"
	"testing"
)

func TestNearest(t *testing.T) {
	known := []string{"fallback_index", "fsync_interval", "listen", "hec"}
	f := func(name, want string) {
		t.Helper()
		if got := Nearest(name, known); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
	f("fallback_idnex", "fallback_index") // a swap is one change
	f("FallbackIndex", "fallback_index")
	f("fsync-interval", "fsync_interval")
	f("lisen", "listen")
	f("hce", "hec")
	f("queue", "")
	f("", "")
	f(strings.Repeat("listen", 20), "")
}

func TestClosest(t *testing.T) {
	known := []string{"pan_traffic", "pan_threat", "cisco_asa", "linux_syslog"}
	if got := Closest("pan_trafic", known, 2); !slices.Equal(got, known[:2]) {
		t.Errorf("got %q", got)
	}
	if got := Closest(strings.Repeat("x", 1000), known, 9); len(got) != 4 {
		t.Errorf("got %q", got)
	}
}
