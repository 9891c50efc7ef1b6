// Package githubtest stands in for GitHub's API of Actions secrets in tests, and opens
// what is sealed for it. Source: REST API documentation, version 2022-11-28.
package githubtest

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/nacl/box"

	"syslog-gateway/internal/testkit"
)

// Token is the one that may read and write.
const Token = "github_pat_0123456789abcdefSECRET"

// GitHub has one repository, owner/estate.
type GitHub struct {
	URL string

	public, private *[32]byte
	mu              sync.Mutex
	values          map[string]string // by name
	shared          []string          // names of the organization's secrets
	seen            []string          // METHOD path
	bodies          strings.Builder
	fault           func(w http.ResponseWriter, r *http.Request) bool
}

// Start starts it for the time of a test.
func Start(t *testing.T) *GitHub {
	t.Helper()
	public, private, err := box.GenerateKey(rand.Reader)
	testkit.Must(t, err)
	g := &GitHub{public: public, private: private, values: map[string]string{}}
	s := httptest.NewServer(g)
	t.Cleanup(s.Close)
	g.URL = s.URL
	return g
}

// Fault is asked for each request; it has answered if it returns true.
func (g *GitHub) Fault(f func(w http.ResponseWriter, r *http.Request) bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.fault = f
}

// Refuse makes requests of a method and a path that ends so fail.
func (g *GitHub) Refuse(method, suffix string, status int, message string, header ...string) {
	g.Fault(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != method || !strings.HasSuffix(r.URL.Path, suffix) {
			return false
		}
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		answer(w, status, map[string]string{"message": message})
		return true
	})
}

// Put sets a secret of the repository; Share one of the organization.
func (g *GitHub) Put(name, value string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.values[name] = value
}

// Share sets the names of the organization's secrets.
func (g *GitHub) Share(names ...string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shared = names
}

// Values gives the secrets in clear.
func (g *GitHub) Values() map[string]string {
	g.mu.Lock()
	defer g.mu.Unlock()
	all := make(map[string]string)
	for k, v := range g.values {
		all[k] = v
	}
	return all
}

// Seen gives the requests since it was asked last, and the bodies of all.
func (g *GitHub) Seen() (requests []string, bodies string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	requests, g.seen = g.seen, nil
	return requests, g.bodies.String()
}

func answer(w http.ResponseWriter, status int, document any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(document) // to a connection that the client may have closed
}

// ServeHTTP implements http.Handler.
func (g *GitHub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.seen = append(g.seen, r.Method+" "+r.URL.Path)
	if g.fault != nil && g.fault(w, r) {
		return
	}
	path, ours := strings.CutPrefix(r.URL.Path, "/repos/owner/estate/actions/")
	name, one := strings.CutPrefix(path, "secrets/")
	switch {
	case r.Header.Get("Accept") != "application/vnd.github+json" || r.Header.Get("X-GitHub-Api-Version") != "2022-11-28" || r.Header.Get("User-Agent") == "":
		answer(w, http.StatusBadRequest, map[string]string{"message": "a header is missing"})
	case r.Header.Get("Authorization") != "Bearer "+Token:
		answer(w, http.StatusUnauthorized, map[string]string{"message": "Bad credentials"})
	case !ours:
		answer(w, http.StatusNotFound, map[string]string{"message": "Not Found"})
	case path == "secrets" && r.Method == http.MethodGet:
		var names []string
		for k := range g.values {
			names = append(names, k)
		}
		list(w, r, names)
	case path == "organization-secrets" && g.shared == nil:
		answer(w, http.StatusNotFound, map[string]string{"message": "Not Found"})
	case path == "organization-secrets" && r.Method == http.MethodGet:
		list(w, r, g.shared)
	case name == "public-key" && r.Method == http.MethodGet:
		answer(w, http.StatusOK, map[string]string{"key_id": "568250167242549743", "key": base64.StdEncoding.EncodeToString(g.public[:])})
	case one && r.Method == http.MethodPut:
		g.put(w, r, name)
	default:
		answer(w, http.StatusNotFound, map[string]string{"message": "Not Found"})
	}
}

func list(w http.ResponseWriter, r *http.Request, names []string) {
	slices.Sort(names)
	per, _ := strconv.Atoi(r.URL.Query().Get("per_page"))
	page, _ := strconv.Atoi(r.URL.Query().Get("page"))
	if per < 1 || per > 100 || page < 1 {
		per, page = 30, 1 // the API's defaults
	}
	type secret struct {
		Name    string `json:"name"`
		Created string `json:"created_at"`
	}
	all := []secret{}
	for i := (page - 1) * per; i < min(page*per, len(names)); i++ {
		all = append(all, secret{names[i], "2026-01-02T03:04:05Z"})
	}
	answer(w, http.StatusOK, map[string]any{"total_count": len(names), "secrets": all})
}

// put opens a sealed value and sets it.
func (g *GitHub) put(w http.ResponseWriter, r *http.Request, name string) {
	var in struct {
		Value string `json:"encrypted_value"`
		Key   string `json:"key_id"`
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || in.Key != "568250167242549743" {
		answer(w, http.StatusUnprocessableEntity, map[string]string{"message": "Invalid request."})
		return
	}
	fmt.Fprintln(&g.bodies, in.Value)
	sealed, err := base64.StdEncoding.DecodeString(in.Value)
	clear, ok := box.OpenAnonymous(nil, sealed, g.public, g.private)
	if err != nil || !ok {
		answer(w, http.StatusUnprocessableEntity, map[string]string{"message": "Bad request - sealed box is not for this key"})
		return
	}
	_, old := g.values[name]
	g.values[name] = string(clear)
	if old {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	answer(w, http.StatusCreated, map[string]any{})
}
