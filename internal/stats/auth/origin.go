package auth

import (
	"net/http"
	"net/url"
	"strings"
)

// CrossSite reports whether a browser says that a page of another site made the request
// (Fetch Metadata; RFC 6454 for Origin). Programs such as curl send no such header and are
// let through: no page can make them send a request.
func CrossSite(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "same-origin", "none":
	default:
		return true
	}
	for _, name := range []string{"Origin", "Referer"} {
		text := r.Header.Get(name)
		if text == "" {
			continue
		}
		u, err := url.Parse(text)
		if err != nil || !strings.EqualFold(u.Host, r.Host) {
			return true
		}
	}
	return false
}
