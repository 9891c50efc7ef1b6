// Package auth decides who may do what on the statistics page: users with passwords
// (RFC 7617) and their rights, the pauses that wrong passwords cost, processes at the
// control socket, and pages of other sites.
//
// It answers no request: package stats writes the responses and counts the refusals.
// Where a request comes from proves nothing, since a proxy on this machine passes on
// requests from anywhere. So over the network only a user sees lines of messages or
// changes anything.
package auth

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
	"os"
	"sync"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// Challenge is the WWW-Authenticate header that asks for a user (RFC 7617).
const Challenge = `Basic realm="syslog-gateway Statistics", charset="UTF-8"`

// A bcrypt hash costs tens of milliseconds of a processor, so one password is compared at
// a time. A name and password that were accepted from an address are remembered.
const (
	maxAccepted   = 256
	maxWaiting    = 64 // requests that wait until their password is compared,
	maxPerAddress = 8  // and of one address
	waitTimeout   = 5 * time.Second
)

// ErrWrong means that no user has this name and password.
var ErrWrong = errors.New("wrong user name or password")

// User may log in. It has a password or the bcrypt hash of one.
type User struct {
	Name     string
	Password string
	Hash     string
	Admin    bool // may also set the mode of shards and endpoints
}

// Rights are what a request may do besides reading.
type Rights struct {
	Lines bool // see lines of messages: the tap, dead letters, profiles
	Admin bool // set the mode of shards and endpoints
}

// Users checks names and passwords. It is safe for concurrent use.
type Users struct {
	list      []account
	readers   bool // everybody may read
	key       [32]byte
	guesses   guesses
	compare   func(hash, password []byte) error // bcrypt.CompareHashAndPassword; tests count its calls
	comparing chan struct{}                     // holds a value while a password is compared

	mu       sync.Mutex
	accepted map[[sha256.Size]byte]Rights // by digest of address, name and password
	waiting  map[netip.Prefix]int
	waits    int // sum of waiting
}

// account is a user. Name and password are digests, so comparing them takes the same time
// whatever was sent.
type account struct {
	name, password [sha256.Size]byte
	hash           []byte
	rights         Rights
}

// New refuses a user without a name or a password, which would protect nothing. With
// readers, or without users, everybody may read.
func New(users []User, readers bool) (*Users, error) {
	a := &Users{
		readers: readers || len(users) == 0, compare: bcrypt.CompareHashAndPassword, comparing: make(chan struct{}, 1),
		guesses:  guesses{by: make(map[netip.Prefix]*guesser)},
		accepted: make(map[[sha256.Size]byte]Rights), waiting: make(map[netip.Prefix]int),
	}
	rand.Read(a.key[:]) // never fails, by its contract
	for _, u := range users {
		switch {
		case u.Name == "":
			return nil, errors.New("stats: a password is set but no user name; set stats.username, or neither")
		case u.Password == "" && u.Hash == "":
			return nil, fmt.Errorf("stats: user %q has no password; set stats.password, or no user name", u.Name)
		}
		a.list = append(a.list, account{a.digest(u.Name), a.digest(u.Password), []byte(u.Hash), Rights{Lines: true, Admin: u.Admin}})
	}
	return a, nil
}

// Any reports whether there are users.
func (a *Users) Any() bool { return len(a.list) > 0 }

// Admit reports whether a request from an address may read, and its other rights. The
// error is ErrWrong, or a *WaitError if no password was compared.
func (a *Users) Admit(r *http.Request, from netip.Prefix) (rights Rights, ok bool, err error) {
	name, secret, given := r.BasicAuth()
	if !given || !a.Any() {
		return Rights{}, a.readers && !a.AsksToLogIn(r), nil
	}
	rights, err = a.logIn(r.Context(), from, name, secret)
	return rights, err == nil, err
}

// AsksToLogIn reports whether a request is /stats?login, which asks for the user even if
// everybody may read. A browser that has answered once sends name and password with every
// request from then on.
func (a *Users) AsksToLogIn(r *http.Request) bool {
	return a.Any() && r.URL.Path == "/stats" && r.URL.Query().Has("login")
}

func (a *Users) logIn(ctx context.Context, from netip.Prefix, name, secret string) (Rights, error) {
	proof := a.digest(from.String() + "\x00" + name + "\x00" + secret)
	if rights, ok := a.known(proof); ok {
		return rights, nil
	}
	done, err := a.waitToCompare(ctx, from)
	if err != nil {
		return Rights{}, err
	}
	defer done()
	if rights, ok := a.known(proof); ok { // accepted while this request waited
		return rights, nil
	}
	if pause := a.guesses.pause(from); pause > 0 {
		return Rights{}, &WaitError{pause}
	}
	rights, ok := a.match(name, secret)
	if !ok {
		return Rights{}, fmt.Errorf("%w from %s, %d so far", ErrWrong, from.Addr(), a.guesses.wrong(from))
	}
	a.remember(proof, rights)
	return rights, nil
}

// match compares a name and password with those of all users, so that its time does not
// depend on the name.
func (a *Users) match(name, secret string) (rights Rights, found bool) {
	n, p := a.digest(name), a.digest(secret)
	for _, u := range a.list {
		right := subtle.ConstantTimeCompare(p[:], u.password[:]) == 1
		if len(u.hash) > 0 {
			right = a.compare(u.hash, []byte(secret)) == nil
		}
		if subtle.ConstantTimeCompare(n[:], u.name[:]) == 1 && right {
			rights, found = u.rights, true
		}
	}
	return rights, found
}

// waitToCompare waits until no other password is compared. The number of requests that wait is
// bounded, in all and for each address.
func (a *Users) waitToCompare(ctx context.Context, from netip.Prefix) (done func(), err error) {
	a.mu.Lock()
	if a.waits >= maxWaiting || a.waiting[from] >= maxPerAddress {
		a.mu.Unlock()
		return nil, &WaitError{time.Second}
	}
	a.waits++
	a.waiting[from]++
	a.mu.Unlock()
	defer func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.waits--
		if a.waiting[from]--; a.waiting[from] == 0 {
			delete(a.waiting, from)
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, waitTimeout)
	defer cancel()
	select {
	case a.comparing <- struct{}{}:
		return func() { <-a.comparing }, nil
	case <-ctx.Done():
		return nil, &WaitError{time.Second}
	}
}

func (a *Users) known(proof [sha256.Size]byte) (Rights, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	rights, ok := a.accepted[proof]
	return rights, ok
}

func (a *Users) remember(proof [sha256.Size]byte, rights Rights) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for old := range a.accepted {
		if len(a.accepted) < maxAccepted {
			break
		}
		delete(a.accepted, old)
	}
	a.accepted[proof] = rights
}

func (a *Users) digest(text string) (sum [sha256.Size]byte) {
	h := hmac.New(sha256.New, a.key[:])
	h.Write([]byte(text))
	copy(sum[:], h.Sum(nil))
	return sum
}

// Trusted reports whether a process of this machine may do everything: it runs as root or
// as the gateway's own user.
func Trusted(uid int) bool { return uid == 0 || uid == os.Geteuid() }
