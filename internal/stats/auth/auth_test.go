package auth

import (
	"errors"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/crypto/bcrypt"

	"syslog-gateway/internal/testkit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// address is the i-th of many.
func address(i int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), 32)
}

func TestPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := testkit.Try(New([]User{{Name: "ops", Password: "right"}, {Name: "adm", Password: "higher"}}, false))(t)
		one, other := address(1), address(2)
		try := func(from netip.Prefix, name, secret string) (time.Duration, bool) {
			t.Helper()
			_, err := d.logIn(t.Context(), from, name, secret)
			wait := new(WaitError)
			if !errors.As(err, &wait) && err != nil && !errors.Is(err, ErrWrong) {
				t.Fatal(err)
			}
			return wait.remaining, err == nil
		}
		if _, ok := try(one, "ops", "right"); !ok {
			t.Fatal("the right password is refused")
		}
		for i := range freeGuesses {
			if wait, ok := try(one, []string{"ops", "adm", "nobody", ""}[i%4], "wrong"); ok || wait > 0 {
				t.Fatalf("guess %d: %v, wait %v", i, ok, wait)
			}
		}
		// From here on each guess costs a pause, whose end a guess in it does not move.
		began := time.Now()
		for _, pause := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60, 60} {
			for range 100 {
				if wait, ok := try(one, "adm", "higher"); ok || wait != pause*time.Second {
					t.Fatalf("in a pause of %d s: %v, wait %v", pause, ok, wait)
				}
			}
			if _, ok := try(one, "ops", "right"); !ok {
				t.Error("the guesses of an address keep out who was let in from there before")
			}
			if _, ok := try(other, "adm", "higher"); !ok {
				t.Error("one address keeps another out")
			}
			<-time.After(pause * time.Second)
			if wait, ok := try(one, "adm", "wrong"); ok || wait > 0 {
				t.Fatalf("after a pause of %d s: %v, wait %v", pause, ok, wait)
			}
		}
		if took := time.Since(began); took < 4*time.Minute {
			t.Errorf("nine guesses took %v", took)
		}
		<-time.After(maxPause)
		if _, ok := try(one, "adm", "higher"); !ok {
			t.Error("the right password is refused after the pause")
		}
		<-time.After(forgetAfter + time.Second)
		if wait, ok := try(one, "adm", "wrong"); ok || wait > 0 {
			t.Errorf("long after: %v, wait %v", ok, wait)
		}
		if wait, _ := try(one, "adm", "wrong"); wait > 0 {
			t.Error("what is long ago is not forgotten")
		}
	})
}

// What remembers guessers, and what waits to be compared, is bounded.
func TestGuessersAreBounded(t *testing.T) {
	hash := testkit.Try(bcrypt.GenerateFromPassword([]byte("right"), bcrypt.MinCost))(t)
	d := testkit.Try(New([]User{{Name: "ops", Hash: string(hash)}}, false))(t)
	for i := range 2 * maxGuessers {
		d.guesses.wrong(address(i))
	}
	if n := len(d.guesses.by); n > maxGuessers {
		t.Errorf("%d guessers are remembered", n)
	}
	d.comparing <- struct{}{} // a comparison is under way
	var waiting sync.WaitGroup
	flood, full := address(1), make(chan struct{}, 1000)
	for range 1000 {
		waiting.Go(func() {
			if _, err := d.logIn(t.Context(), flood, "ops", "wrong"); errors.As(err, new(*WaitError)) {
				full <- struct{}{}
			}
		})
	}
	for range 1000 - maxPerAddress {
		<-full
	}
	in := make(chan error, 1)
	go func() {
		_, err := d.logIn(t.Context(), address(2), "ops", "right")
		in <- err
	}()
	<-d.comparing
	testkit.Equal(t, "a flood keeps another address out", <-in, nil)
	waiting.Wait()
}

// A refusal takes the same time for every name, because each attempt is compared with the
// hashes of all users. The test counts the comparisons: their time depends on the load of
// the machine.
func TestRefusalsCostTheSame(t *testing.T) {
	cheap := testkit.Try(bcrypt.GenerateFromPassword([]byte("a"), bcrypt.MinCost))(t)
	dear := testkit.Try(bcrypt.GenerateFromPassword([]byte("b"), bcrypt.MinCost+1))(t)
	d := testkit.Try(New([]User{{Name: "cheap", Hash: string(cheap)}, {Name: "dear", Hash: string(dear)}, {Name: "plain", Password: "c"}}, false))(t)
	var compared []string
	d.compare = func(hash, password []byte) error {
		compared = append(compared, string(hash))
		return bcrypt.CompareHashAndPassword(hash, password)
	}
	type match func(name, secret string) (Rights, bool)
	// unequal returns the names whose refusal compares other hashes than those of all users.
	unequal := func(m match) (names []string) {
		for _, name := range []string{"cheap", "dear", "plain", "nobody", ""} {
			compared = nil
			if _, ok := m(name, "wrong"); ok {
				t.Fatalf("%q gets in with a wrong password", name)
			}
			if !slices.Equal(compared, []string{string(cheap), string(dear)}) {
				names = append(names, name)
			}
		}
		return names
	}
	if names := unequal(d.match); names != nil {
		t.Errorf("the refusals of %q do not compare the hashes of all users", names)
	}
	// The control: who compares only the hash of the user with that name must be found.
	if names := unequal(func(name, secret string) (Rights, bool) {
		i := slices.IndexFunc(d.list, func(u account) bool { return u.name == d.digest(name) })
		if i < 0 || len(d.list[i].hash) == 0 {
			return Rights{}, false
		}
		return d.list[i].rights, d.compare(d.list[i].hash, []byte(secret)) == nil
	}); len(names) != 5 {
		t.Errorf("of a match that compares only the hash of the named user, only the refusals of %q are found", names)
	}
	for name, secret := range map[string]string{"cheap": "a", "dear": "b", "plain": "c"} {
		if _, ok := d.match(name, secret); !ok {
			t.Errorf("%s is refused", name)
		}
	}
	if _, ok := d.match("cheap", "b"); ok {
		t.Error("a user gets in with another's password")
	}
}
