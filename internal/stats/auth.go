package stats

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net/http"
)

const realm = `Basic realm="syslog-gateway Statistics", charset="UTF-8"`

// credentials is the user that may look (RFC 7617). It holds digests, which are
// compared in the same time whatever and however much was sent. The nil pointer lets
// everybody in.
type credentials struct{ user, password [sha256.Size]byte }

// newCredentials returns nil for no user and no password. One without the other is an
// error: it would look protected and not be so.
func newCredentials(user, password string) (*credentials, error) {
	switch {
	case user == "" && password == "":
		return nil, nil
	case user == "":
		return nil, errors.New("stats: a password is set but no user name; set stats.username, or neither")
	case password == "":
		return nil, errors.New("stats: a user name is set but no password; set stats.password, or neither")
	}
	return &credentials{sha256.Sum256([]byte(user)), sha256.Sum256([]byte(password))}, nil
}

// admit reports whether the request comes from the user.
func (c *credentials) admit(r *http.Request) bool {
	if c == nil {
		return true
	}
	name, secret, ok := r.BasicAuth()
	user, password := sha256.Sum256([]byte(name)), sha256.Sum256([]byte(secret))
	same := subtle.ConstantTimeCompare(user[:], c.user[:]) & subtle.ConstantTimeCompare(password[:], c.password[:])
	return ok && same == 1
}

// refuse asks for the user name and password.
func refuse(w http.ResponseWriter) {
	w.Header().Set("WWW-Authenticate", realm)
	plain(w, http.StatusUnauthorized, "user name and password are needed\n")
}
