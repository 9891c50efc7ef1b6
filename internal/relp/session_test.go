package relp

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"

	"syslog-gateway/internal/testkit"
)

type gauge = atomic.Int64

// take gives a session the frames of a text and returns the numbers of its messages.
func take(t *testing.T, s *Session, text string) (messages []uint32, err error) {
	t.Helper()
	for p := []byte(text); len(p) != 0 && err == nil; {
		f, n, _, e := Next(p)
		testkit.Must(t, e)
		p = p[n:]
		var message bool
		if message, err = s.Take(f); message {
			messages = append(messages, f.Txnr)
		}
	}
	s.Flush()
	return messages, err
}

const hello = "1 open 14 relp_version=0\n"

// written is what the session has to write, and whether that is the last.
func written(s *Session) (string, bool) {
	p, n, last := s.Answers(nil)
	s.Answered(n)
	return string(p), last
}

func TestSession(t *testing.T) {
	var open gauge
	s := NewSession(&open)
	_, err := take(t, s, hello)
	testkit.Must(t, err)
	got, _ := written(s)
	testkit.Equal(t, "answer to open", got, "1 rsp 66 200 OK\nrelp_version=0\nrelp_software=syslog-gateway\ncommands=syslog\n")
	messages, err := take(t, s, "2 syslog 1 a\n3 syslog 1 b\n4 syslog 1 c\n5 syslog 1 d\n")
	testkit.Must(t, err)
	testkit.Equal(t, "messages", fmt.Sprint(messages), "[2 3 4 5]")
	testkit.Equal(t, "unanswered", open.Load(), 4)
	s.Acknowledge(4, 5) // a later batch is synced first
	s.Acknowledge(2, 2)
	got, _ = written(s)
	testkit.Equal(t, "answers", got, "4 rsp 6 200 OK\n5 rsp 6 200 OK\n2 rsp 6 200 OK\n")
	_, err = take(t, s, "6 syslog 1 e\n7 close 0\n")
	testkit.Must(t, err)
	if got, last := written(s); got != "" || last {
		t.Errorf("%q before 3 and 6 are answered, last %v", got, last)
	}
	s.Acknowledge(6, 6)
	if got, last := written(s); got != "6 rsp 6 200 OK\n" || last {
		t.Errorf("%q before 3 is answered, last %v", got, last)
	}
	s.Acknowledge(3, 3)
	got, last := written(s)
	testkit.Equal(t, "the end", got, "3 rsp 6 200 OK\n7 rsp 0\n0 serverclose 0\n")
	testkit.Equal(t, "last", last, true)
	testkit.Equal(t, "unanswered", open.Load(), 0)
	s.Abandon()
	testkit.Equal(t, "unanswered", open.Load(), 0)
}

func TestOffers(t *testing.T) {
	for text, want := range map[string]error{
		"relp_version=0": nil,
		"relp_version=1": nil,
		"relp_version=1\ncommands=syslog,eventlog":  nil,
		"x=y\n\n=\nnonsense\nrelp_version=0\ntls=1": nil,
		"commands=syslog":                           ErrVersion,
		"relp_version=x":                            ErrVersion,
		"":                                          ErrVersion,
	} {
		s := NewSession(new(gauge))
		frame := fmt.Sprintf("1 open %d %s\n", len(text), text)
		if text == "" {
			frame = "1 open 0\n"
		}
		_, err := take(t, s, frame)
		if !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", text, err, want)
		}
		got, last := written(s)
		if ok := strings.HasPrefix(got, "1 rsp 66 200 OK\nrelp_version=0\n"); ok != (want == nil) || last != (want != nil) {
			t.Errorf("%q is answered with %q, last %v", text, got, last)
		}
	}
}

// A command that there is not is refused, and what came before it is answered first.
func TestRefusal(t *testing.T) {
	for text, want := range map[string]error{
		"1 syslog 1 a\n":                ErrNotOpen,
		"1 starttls 0\n":                ErrUnknown,
		hello + "2 open 1 x\n":          ErrUnknown,
		hello + "2 rsp 6 200 OK\n":      ErrUnknown,
		hello + "2 Syslog 1 x\n":        ErrUnknown,
		hello + "9 syslog 1 x\n2 x 0\n": ErrUnknown,
	} {
		s := NewSession(new(gauge))
		messages, err := take(t, s, text)
		if !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", text, err, want)
		}
		for _, m := range messages {
			if _, last := written(s); last {
				t.Errorf("%q: the end comes before the answer", text)
			}
			s.Acknowledge(m, m)
		}
		got, last := written(s)
		if !strings.Contains(got, " 500 "+want.Error()+"\n") || !strings.HasSuffix(got, serverClose) || !last {
			t.Errorf("%q is answered with %q, last %v", text, got, last)
		}
	}
}

// In whatever order batches are finished, each message is answered once, and never before.
func TestEachIsAnsweredOnce(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var open gauge
		s := NewSession(&open)
		s.open = true
		txnr, answers := uint32(1+rnd.IntN(3))*(MaxTxnr/3)-5, make(map[string]int)
		var batches []span
		sent := 0
		for range 50 {
			for n := rnd.IntN(9); n > 0; n-- {
				if txnr++; txnr > MaxTxnr {
					txnr = 1
				}
				_, err := s.Take(Frame{Txnr: txnr, Command: []byte("syslog")})
				testkit.Must(t, err)
				sent++
				if rnd.IntN(4) == 0 {
					s.Drop(txnr)
				} else {
					batches = append(batches, span{txnr, txnr})
				}
			}
			s.Flush()
			for len(batches) > 0 && rnd.IntN(3) != 0 {
				i := rnd.IntN(len(batches))
				s.Acknowledge(batches[i].first, batches[i].last)
				batches = append(batches[:i], batches[i+1:]...)
			}
			got, _ := written(s)
			for _, line := range strings.Split(strings.TrimSuffix(got, "\n"), "\n") {
				answers[line]++
			}
			delete(answers, "")
			if want := sent - len(batches); len(answers) != want || int(open.Load()) != len(batches) {
				t.Fatalf("%d answers, %d of %d wait in batches, %d unanswered", len(answers), len(batches), sent, open.Load())
			}
		}
		s.Abandon()
		testkit.Equal(t, "unanswered", open.Load(), 0)
		for line, n := range answers {
			if n != 1 || !strings.HasSuffix(line, " rsp 6 200 OK") {
				t.Fatalf("%q came %d times", line, n)
			}
		}
	}
}

func TestRoom(t *testing.T) {
	s := NewSession(new(gauge))
	_, err := take(t, s, hello+"2 syslog 1 a\n3 syslog 1 b\n")
	testkit.Must(t, err)
	s.AwaitRoom(3)
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.AwaitRoom(2)
	}()
	s.Acknowledge(2, 2)
	select {
	case <-done:
		t.Fatal("an answer that is not written makes room")
	default:
	}
	written(s)
	<-done
	go s.Abandon()
	s.AwaitRoom(1)
}
