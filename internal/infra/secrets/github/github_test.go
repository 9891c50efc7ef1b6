package github

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"syslog-gateway/internal/infra/secrets/github/githubtest"
	"syslog-gateway/internal/redact"
	"syslog-gateway/internal/testkit"
)

func open(t *testing.T, g *githubtest.GitHub, token string) *Repository {
	t.Helper()
	return testkit.Try(New(Options{Repository: "owner/estate", Token: redact.Secret(token), API: g.URL}))(t)
}

// TestValuesAreSealed: GitHub can open what was sealed for it, and nothing else shows it.
func TestValuesAreSealed(t *testing.T) {
	g := githubtest.Start(t)
	r := open(t, g, githubtest.Token)
	key := testkit.Try(r.Key(t.Context()))(t)
	values := map[string]string{"PEM": "-----BEGIN KEY-----\nabc\n-----END KEY-----\n", "EMPTY_NOT": " ", "LONG": strings.Repeat("ä", MaxValue/2), "ZERO": "a\x00b"}
	for name, v := range values {
		if fresh := testkit.Try(r.Set(t.Context(), key, name, redact.Secret(v)))(t); !fresh {
			t.Errorf("%s was there", name)
		}
	}
	if fresh := testkit.Try(r.Set(t.Context(), key, "ZERO", "other"))(t); fresh {
		t.Error("a second value is called new")
	}
	values["ZERO"] = "other"
	testkit.Equal(t, "values", fmt.Sprint(g.Values()), fmt.Sprint(values))
	_, bodies := g.Seen()
	testkit.Lacks(t, "bodies", bodies, "BEGIN", "other")
}

func TestNamesInPages(t *testing.T) {
	g := githubtest.Start(t)
	for i := range 250 {
		g.Put(fmt.Sprintf("NAME_%d", i), "x")
	}
	r := open(t, g, githubtest.Token)
	testkit.Equal(t, "names", len(testkit.Try(r.Names(t.Context()))(t)), 250)
	g.Share("SHARED", "NAME_1")
	testkit.Equal(t, "names with those of the organization", len(testkit.Try(r.Names(t.Context()))(t)), 251)
}

// TestRefusals: one sentence each, without the token, with what to do.
func TestRefusals(t *testing.T) {
	g := githubtest.Start(t)
	good := githubtest.Token
	for _, c := range []struct {
		name, token string
		status      int
		message     string
		header      []string
		says        []string
	}{
		{"wrong token", "wrong-token-5ec4e7", 0, "", nil, []string{"GitHub answers 401 Bad credentials", "the token is wrong, or has expired"}},
		{"no right", good, 403, "Resource not accessible by personal access token " + good, nil, []string{"GitHub answers 403", "Secrets (read and write)"}},
		{"not found", good, 404, "Not Found", nil, []string{"the token may not see it"}},
		{"limited", good, 403, "API rate limit exceeded", []string{"X-RateLimit-Remaining", "0", "X-RateLimit-Reset", "1780000000"}, []string{"too many requests: run it again after 2026-"}},
		{"secondary limit", good, 429, "slow down", []string{"Retry-After", "17"}, []string{"run it again in 17 s"}},
		{"fault", good, 502, "\x1b[31mbad\ngateway", nil, []string{"GitHub has a fault"}},
		{"moved", good, 307, "Moved", []string{"Location", "https://elsewhere.example/"}, []string{"renamed or moved"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g.Fault(nil)
			if c.status != 0 {
				g.Refuse("GET", "/public-key", c.status, c.message, c.header...)
			}
			_, err := open(t, g, c.token).Key(t.Context())
			if err == nil {
				t.Fatal("it succeeds")
			}
			testkit.Holds(t, "error", err.Error(), append(c.says, "read the public key of owner/estate")...)
			testkit.Lacks(t, "error", err.Error(), "\n", "\x1b", c.token, "5ec4e7", "abcdefSECRET")
		})
	}
	g.Fault(func(w http.ResponseWriter, _ *http.Request) bool {
		fmt.Fprint(w, `{"key_id": "1", "key": "AAAA"}`)
		return true
	})
	_, err := open(t, g, good).Key(t.Context())
	testkit.Holds(t, "short key", fmt.Sprint(err), "no key of 32 bytes")
	g.Fault(func(w http.ResponseWriter, _ *http.Request) bool { fmt.Fprint(w, `<html>`); return true })
	_, err = open(t, g, good).Key(t.Context())
	testkit.Holds(t, "no JSON", fmt.Sprint(err), "not GitHub's JSON")
	g.Fault(func(w http.ResponseWriter, r *http.Request) bool { <-r.Context().Done(); return true })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = open(t, g, good).Key(ctx)
	testkit.Holds(t, "hung", fmt.Sprint(err), "no answer")
}

func TestOptions(t *testing.T) {
	for _, c := range []struct {
		o    Options
		says string
	}{
		{Options{Repository: "estate", Token: "x"}, "write OWNER/REPO"},
		{Options{Repository: "a/../b", Token: "x"}, "write OWNER/REPO"},
		{Options{Repository: "owner/..", Token: "x"}, "write OWNER/REPO"},
		{Options{Repository: "owner/estate"}, "there is no GitHub token"},
		{Options{Repository: "owner/estate", Token: "a\nb"}, "line end"},
		{Options{Repository: "owner/estate", Token: "x", API: "http://github.example"}, "not an https URL"},
		{Options{Repository: "owner/estate", Token: "x", API: "https://user:pass@github.example"}, "not an https URL"},
	} {
		if _, err := New(c.o); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: %v", c.o, err)
		}
	}
}
