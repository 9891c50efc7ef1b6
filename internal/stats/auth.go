package stats

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/bcrypt"
)

const realm = `Basic realm="syslog-gateway Statistics", charset="UTF-8"`

// How many passwords of one address, and of all, are compared with a bcrypt hash in how
// much time: each costs tens of milliseconds of a processor. Who has been let in once is
// not compared again.
const (
	maxGuesses  = 20
	allGuesses  = 100
	guessWindow = 10 * time.Second
	maxProven   = 64
)

// User is somebody who may look (RFC 7617).
type User struct {
	Name     string
	Password string // or
	Hash     string // of bcrypt
	Admin    bool   // may also set shards and endpoints aside
}

// rights are what a request may do beside reading.
type rights struct {
	lines bool // see lines of messages: the tap, dead letters, profiles
	admin bool // set shards and endpoints aside
}

// doorman knows the users. It holds digests, which are compared in the same time
// whatever and however much was sent. Without users everybody may read; more may only
// who asks from this machine.
type doorman struct {
	users      []guest
	localAdmin bool // without users
	key        [32]byte

	mu      sync.Mutex
	proven  map[[sha256.Size]byte]bool // of name and password that a hash was found true for
	until   time.Time
	guesses map[string]int // by address
	all     int
	bcrypt  sync.Mutex // one at a time
}

type guest struct {
	name, password [sha256.Size]byte
	hash           []byte
	admin          bool
}

var errGuesses = errors.New("too many passwords were tried; wait some seconds")

// newDoorman refuses a user without a name or a password: it would look protected and
// not be so.
func newDoorman(users []User, localAdmin bool) (*doorman, error) {
	d := &doorman{localAdmin: localAdmin && len(users) == 0, proven: make(map[[sha256.Size]byte]bool)}
	rand.Read(d.key[:]) // never fails, by its contract
	for _, u := range users {
		switch {
		case u.Name == "":
			return nil, errors.New("stats: a password is set but no user name; set stats.username, or neither")
		case u.Password == "" && u.Hash == "":
			return nil, fmt.Errorf("stats: user %q has no password; set stats.password, or no user name", u.Name)
		}
		d.users = append(d.users, guest{d.digest(u.Name), d.digest(u.Password), []byte(u.Hash), u.Admin})
	}
	return d, nil
}

func (d *doorman) digest(text string) (sum [sha256.Size]byte) {
	h := hmac.New(sha256.New, d.key[:])
	h.Write([]byte(text))
	copy(sum[:], h.Sum(nil))
	return sum
}

// admit reports whether the request may read, and what more it may.
func (d *doorman) admit(r *http.Request) (rights, bool, error) {
	if len(d.users) == 0 {
		here := local(r)
		return rights{lines: here, admin: here && d.localAdmin}, true, nil
	}
	name, secret, ok := r.BasicAuth()
	if !ok {
		return rights{}, false, nil
	}
	user := d.digest(name)
	for _, u := range d.users {
		if subtle.ConstantTimeCompare(user[:], u.name[:]) != 1 {
			continue
		}
		peer, _, _ := net.SplitHostPort(r.RemoteAddr)
		same, err := d.password(u, name, secret, peer)
		return rights{lines: same, admin: same && u.admin}, same, err
	}
	return rights{}, false, nil
}

// password compares a password with a user's.
func (d *doorman) password(u guest, name, secret, peer string) (bool, error) {
	if len(u.hash) == 0 {
		p := d.digest(secret)
		return subtle.ConstantTimeCompare(p[:], u.password[:]) == 1, nil
	}
	proof := d.digest(name + "\x00" + secret)
	if known, err := d.guess(proof, peer); known || err != nil {
		return known, err
	}
	d.bcrypt.Lock()
	defer d.bcrypt.Unlock()
	if bcrypt.CompareHashAndPassword(u.hash, []byte(secret)) != nil {
		return false, nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.proven) < maxProven {
		d.proven[proof] = true
	}
	return true, nil
}

// guess counts an attempt of an address that is not known to be right.
func (d *doorman) guess(proof [sha256.Size]byte, peer string) (known bool, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.proven[proof] {
		return true, nil
	}
	if now := time.Now(); !now.Before(d.until) {
		d.until, d.guesses, d.all = now.Add(guessWindow), make(map[string]int), 0
	}
	if d.all >= allGuesses || d.guesses[peer] >= maxGuesses {
		return false, errGuesses
	}
	d.all++
	d.guesses[peer]++
	return false, nil
}

// local reports whether a request comes from this machine and was meant for it: a
// browser here that was led astray by a foreign name server (DNS rebinding) asks for
// the foreign name. What a proxy here passes on comes from anywhere.
func local(r *http.Request) bool {
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Via"} {
		if r.Header.Get(name) != "" {
			return false
		}
	}
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || !peer.Addr().Unmap().IsLoopback() {
		return false
	}
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	a, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return host == "localhost" || err == nil && a.Unmap().IsLoopback()
}

// foreign reports whether a browser says that the request was made by a page of
// another site (Fetch Metadata; RFC 6454 for Origin). A program such as curl says
// nothing of that, and is let through: nobody leads it astray.
func foreign(r *http.Request) bool {
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

// refuse asks for the user name and password.
func refuse(w http.ResponseWriter, err error) {
	if err != nil {
		w.Header().Set("Retry-After", "10")
		plain(w, http.StatusTooManyRequests, err.Error()+"\n")
		return
	}
	w.Header().Set("WWW-Authenticate", realm)
	plain(w, http.StatusUnauthorized, "user name and password are needed\n")
}
