package hec

import (
	"strings"
	"testing"

	"syslog-gateway/internal/testkit"
)

func TestOptionsAreChecked(t *testing.T) {
	dead := open(t, t.TempDir(), 0, new(testkit.Log))
	for want, o := range map[string]Options{
		"no dead-letter store": {Settings: Settings{Endpoints: []string{"https://a"}, Token: "t"}},
		"no HEC endpoint":      {Settings: Settings{Token: "t"}, DeadLetter: dead},
		"no HEC token":         {Settings: Settings{Endpoints: []string{"https://a"}}, DeadLetter: dead},
		"twice":                {Settings: Settings{Endpoints: []string{"https://a", "https://x:y@a/"}, Token: "t"}, DeadLetter: dead},
		"line end":             {Settings: Settings{Endpoints: []string{"https://a"}, Token: "t\n"}, DeadLetter: dead},
	} {
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
		}
	}
}
