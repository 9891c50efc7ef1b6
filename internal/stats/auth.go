package stats

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/bcrypt"
)

const realm = `Basic realm="syslog-gateway Statistics", charset="UTF-8"`

// The bounds of comparing passwords. A bcrypt hash costs tens of milliseconds of a
// processor, so that one password is compared at a time; a name and password that an
// address was let in with once are known and not compared again.
const (
	maxProven  = 256
	maxWaiting = 64 // requests that wait for their turn,
	maxTurns   = 8  // and of one address
	turnWait   = 5 * time.Second
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

// doorman knows the users. Where a request comes from proves nothing: a proxy on this
// machine passes on what comes from anywhere. So over the network only a user sees lines
// or sets anything aside.
type doorman struct {
	users   []guest
	readers bool // everybody may read
	key     [32]byte
	guesses guesses
	turn    chan struct{} // who has it compares a password

	mu      sync.Mutex
	proven  map[[sha256.Size]byte]rights // of address, name and password
	waiting map[netip.Prefix]int
	waits   int // sum of waiting
}

// guest is a user. Its name and password are digests, which are compared in the same time
// whatever was sent.
type guest struct {
	name, password [sha256.Size]byte
	hash           []byte
	rights         rights
}

// newDoorman refuses a user without a name or a password: it would look protected and
// not be so. With readers, or without users, everybody may read.
func newDoorman(users []User, readers bool) (*doorman, error) {
	d := &doorman{
		readers: readers || len(users) == 0, turn: make(chan struct{}, 1),
		guesses: guesses{by: make(map[netip.Prefix]*guesser)},
		proven:  make(map[[sha256.Size]byte]rights), waiting: make(map[netip.Prefix]int),
	}
	rand.Read(d.key[:]) // never fails, by its contract
	for _, u := range users {
		switch {
		case u.Name == "":
			return nil, errors.New("stats: a password is set but no user name; set stats.username, or neither")
		case u.Password == "" && u.Hash == "":
			return nil, fmt.Errorf("stats: user %q has no password; set stats.password, or no user name", u.Name)
		}
		d.users = append(d.users, guest{d.digest(u.Name), d.digest(u.Password), []byte(u.Hash), rights{lines: true, admin: u.Admin}})
	}
	return d, nil
}

func (d *doorman) digest(text string) (sum [sha256.Size]byte) {
	h := hmac.New(sha256.New, d.key[:])
	h.Write([]byte(text))
	copy(sum[:], h.Sum(nil))
	return sum
}

// errWrong says that there is no user of that name and password.
var errWrong = errors.New("wrong user name or password")

// admit reports whether the request may read, and what more it may. The error is
// errWrong, or a waitError where nothing was compared.
func (d *doorman) admit(r *http.Request) (rights, bool, error) {
	name, secret, given := r.BasicAuth()
	if !given || len(d.users) == 0 {
		return rights{}, d.readers && !asksToLogIn(r, len(d.users) > 0), nil
	}
	may, err := d.logIn(r.Context(), party(r.RemoteAddr), name, secret)
	return may, err == nil, err
}

// asksToLogIn: /stats?login asks for the user also where everybody may read, and then leads
// to /stats. A browser that has answered once sends name and password with every request
// from then on.
func asksToLogIn(r *http.Request, users bool) bool {
	return users && r.URL.Path == "/stats" && r.URL.Query().Has("login")
}

// logIn finds the user of a name and password. All that was sent is compared with every
// user, so that the time tells nothing about the names.
func (d *doorman) logIn(ctx context.Context, from netip.Prefix, name, secret string) (rights, error) {
	proof := d.digest(from.String() + "\x00" + name + "\x00" + secret)
	if may, ok := d.known(proof); ok {
		return may, nil
	}
	done, err := d.takeTurn(ctx, from)
	if err != nil {
		return rights{}, err
	}
	defer done()
	if may, ok := d.known(proof); ok { // proven by the request before
		return may, nil
	}
	if left := d.guesses.pause(from); left > 0 {
		return rights{}, &waitError{left}
	}
	may, ok := d.match(name, secret)
	if !ok {
		return rights{}, fmt.Errorf("%w from %s, %d so far", errWrong, from.Addr(), d.guesses.wrong(from))
	}
	d.remember(proof, may)
	return may, nil
}

// match compares a name and password with those of all users.
func (d *doorman) match(name, secret string) (may rights, found bool) {
	n, p := d.digest(name), d.digest(secret)
	for _, u := range d.users {
		right := subtle.ConstantTimeCompare(p[:], u.password[:]) == 1
		if len(u.hash) > 0 {
			right = bcrypt.CompareHashAndPassword(u.hash, []byte(secret)) == nil
		}
		if subtle.ConstantTimeCompare(n[:], u.name[:]) == 1 && right {
			may, found = u.rights, true
		}
	}
	return may, found
}

// takeTurn waits until no other password is compared. Those who wait are bounded, also for
// each address.
func (d *doorman) takeTurn(ctx context.Context, from netip.Prefix) (done func(), err error) {
	d.mu.Lock()
	if d.waits >= maxWaiting || d.waiting[from] >= maxTurns {
		d.mu.Unlock()
		return nil, &waitError{time.Second}
	}
	d.waits++
	d.waiting[from]++
	d.mu.Unlock()
	defer func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.waits--
		if d.waiting[from]--; d.waiting[from] == 0 {
			delete(d.waiting, from)
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, turnWait)
	defer cancel()
	select {
	case d.turn <- struct{}{}:
		return func() { <-d.turn }, nil
	case <-ctx.Done():
		return nil, &waitError{time.Second}
	}
}

func (d *doorman) known(proof [sha256.Size]byte) (rights, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	may, ok := d.proven[proof]
	return may, ok
}

func (d *doorman) remember(proof [sha256.Size]byte, may rights) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for old := range d.proven {
		if len(d.proven) < maxProven {
			break
		}
		delete(d.proven, old)
	}
	d.proven[proof] = may
}

// refuse answers who was not let in.
func (s *Server) refuse(w http.ResponseWriter, err error) {
	wait := new(waitError)
	switch {
	case errors.As(err, &wait):
		s.refused.WithLabelValues("wait").Inc()
		w.Header().Set("Retry-After", strconv.Itoa(wait.seconds()))
		plain(w, http.StatusTooManyRequests, wait.Error()+"\n")
		return
	case err != nil:
		s.refused.WithLabelValues("password").Inc()
		s.guessLog.Print(err)
	}
	w.Header().Set("WWW-Authenticate", realm)
	plain(w, http.StatusUnauthorized, "user name and password are needed\n")
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
