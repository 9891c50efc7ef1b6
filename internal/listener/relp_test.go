package listener

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"syslog-gateway/internal/event"
	"syslog-gateway/internal/ingest"
	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/testkit"
)

const (
	relpHello = "1 open 30 relp_version=0\ncommands=syslog\n"
	relpOpen  = "1 rsp 66 200 OK\nrelp_version=0\nrelp_software=syslog-gateway\ncommands=syslog\n"
	relpOK    = " rsp 6 200 OK\n"
	relpClose = "0 serverclose 0\n"
)

// relpSource makes a source take RELP.
func relpSource(o *SourceOptions) {
	o.Transports = []ledger.Transport{ledger.RELP}
	o.Settings.RELP = ingest.RELP{Due: event.Synced, MaxUnacked: 1000}
}

// overRELP runs a test in clear and over TLS.
func overRELP(t *testing.T, test func(t *testing.T, change func(*SourceOptions), dial func(*bench) net.Conn)) {
	t.Run("relp", func(t *testing.T) { test(t, relpSource, func(b *bench) net.Conn { return b.dial("tcp") }) })
	t.Run("relp_tls", func(t *testing.T) {
		cert := certificate(t)
		test(t, func(o *SourceOptions) {
			relpSource(o)
			o.Transports = []ledger.Transport{ledger.RELPTLS}
			o.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
		}, func(b *bench) net.Conn {
			b.t.Helper()
			c := tls.Client(b.dial("tcp"), &tls.Config{InsecureSkipVerify: true})
			testkit.Must(b.t, c.Handshake())
			return c
		})
	})
}

// says wants that exactly this comes next.
func says(t *testing.T, c net.Conn, want string) {
	t.Helper()
	testkit.Must(t, c.SetReadDeadline(time.Now().Add(20*time.Second)))
	got := make([]byte, len(want))
	n, err := io.ReadFull(c, got)
	if string(got[:n]) != want || err != nil {
		t.Fatalf("got %q, %v, want %q", got[:n], err, want)
	}
}

// ends wants that the connection ends now.
func ends(t *testing.T, c net.Conn) {
	t.Helper()
	testkit.Must(t, c.SetReadDeadline(time.Now().Add(20*time.Second)))
	if rest, err := io.ReadAll(c); len(rest) != 0 || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("got %q, %v, want the end", rest, err)
	}
}

// silent wants that nothing comes for a moment.
func silent(t *testing.T, c net.Conn) {
	t.Helper()
	testkit.Must(t, c.SetReadDeadline(time.Now().Add(100*time.Millisecond)))
	if n, err := c.Read(make([]byte, 1)); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("%d bytes came, %v", n, err)
	}
}

func (b *bench) unanswered(n int) {
	b.t.Helper()
	testkit.Eventually(b.t, fmt.Sprintf("%d messages are unanswered", n), func() bool { return b.l.Status()[0].Unanswered == int64(n) })
}

// A message is answered when its batch says so, and never before.
func TestRELP(t *testing.T) {
	overRELP(t, func(t *testing.T, change func(*SourceOptions), dial func(*bench) net.Conn) {
		b := listen(t, change)
		b.sink.Hold = true
		c := dial(b)
		fmt.Fprint(c, relpHello)
		says(t, c, relpOpen)
		for _, piece := range []string{"2 sys", "log 17 <13>one\nline", " more\n3 syslog 7 <13>two", "\n4 syslog 2 \n \n", "5 syslog 9 <13>three\n"} {
			fmt.Fprint(c, piece)
		}
		says(t, c, "4"+relpOK) // blank: it is in no batch, and holds up nothing
		events := b.wait(3)
		testkit.Equal(t, "event", events[0].Event, "<13>one\nline more")
		testkit.Equal(t, "transport", events[0].Fields["transport"], b.l.Status()[0].Transports[0])
		b.unanswered(3)
		silent(t, c)
		b.sink.Settle()
		got := make([]byte, 3*len("2"+relpOK))
		testkit.Must(t, c.SetReadDeadline(time.Now().Add(20*time.Second)))
		testkit.Try(io.ReadFull(c, got))(t)
		for _, txnr := range []string{"2", "3", "5"} {
			testkit.Holds(t, "answers", string(got), txnr+relpOK)
		}
		b.unanswered(0)
		fmt.Fprint(c, "6 syslog 8 <13>four\n7 close 0\n8 syslog 8 <13>five\n")
		says(t, c, "6"+relpOK+"7 rsp 0\n"+relpClose)
		ends(t, c)
		b.wait(4)
		b.stop()
		bal := b.balance()
		if bal.Received != 5 || bal.Dropped != 1 || bal.FramingErrors != 0 || len(b.sink.Lines()) != 4 {
			t.Errorf("balance %+v", bal)
		}
	})
}

// A message that is too long is cut and answered like any other.
func TestRELPCutsWhatIsTooLong(t *testing.T) {
	b := listen(t, relpSource) // 1024 bytes
	c := b.dial("tcp")
	fmt.Fprintf(c, "%s2 syslog 100004 <13>%s\n3 syslog 5 <13>x\n", relpHello, strings.Repeat("y", 100_000))
	says(t, c, relpOpen+"2"+relpOK+"3"+relpOK)
	events := b.wait(2)
	if e := events[0]; len(e.Event) != 1024 || e.Fields["truncated"] != "true" || events[1].Event != "<13>x" {
		t.Errorf("got %d bytes, %v, then %q", len(e.Event), e.Fields, events[1].Event)
	}
}

// A planned stop answers what was taken, takes nothing more, and says that it ends.
func TestRELPDrain(t *testing.T) {
	overRELP(t, func(t *testing.T, change func(*SourceOptions), dial func(*bench) net.Conn) {
		b := listen(t, change)
		b.sink.Hold = true
		c, idle := dial(b), dial(b)
		for _, each := range []net.Conn{c, idle} {
			fmt.Fprint(each, relpHello)
			says(t, each, relpOpen)
		}
		fmt.Fprint(c, "2 syslog 6 <13>in\n3 syslog 7 <13>ha")
		b.wait(1)
		var stopping sync.WaitGroup
		stopping.Go(func() { testkit.Equal(t, "drain", b.l.Drain(t.Context()), nil) })
		says(t, idle, relpClose)
		ends(t, idle)
		fmt.Fprint(c, "lf\n4 syslog 8 <13>late\n") // these are the next process's
		silent(t, c)
		b.sink.Settle()
		says(t, c, "2"+relpOK+relpClose)
		ends(t, c)
		stopping.Wait()
		testkit.Equal(t, "received", b.balance().Received, 1)
		testkit.Equal(t, "unanswered", b.l.Status()[0].Unanswered, 0)
	})
}

// A stop that has no time for the answers gives none: the messages come again.
func TestRELPDrainIsCutShort(t *testing.T) {
	b := listen(t, relpSource)
	b.sink.Hold = true
	c := b.dial("tcp")
	fmt.Fprint(c, relpHello+"2 syslog 6 <13>in\n")
	says(t, c, relpOpen)
	b.wait(1)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	testkit.Equal(t, "drain", b.l.Drain(ctx), nil)
	ends(t, c)
	b.sink.Settle() // too late, and harmless
	testkit.Equal(t, "unanswered", b.l.Status()[0].Unanswered, 0)
}

// What is no RELP, or too much of it, ends its connection, is counted, and costs the
// neighbour nothing.
func TestRELPHostilePeers(t *testing.T) {
	for text, want := range map[string]rejection{
		"<13>Nov 22 17:00:00 host app: plain syslog\n":        rejectFrame,
		relpHello + "0 syslog 1 x\n":                          rejectFrame,
		relpHello + "1234567890 syslog 1 x\n":                 rejectFrame,
		relpHello + "2 syslog 1 xyz\n":                        rejectFrame,
		relpHello + "2 " + strings.Repeat("a", 10_000):        rejectFrame,
		relpHello + "2 syslog 00000000000000000000000001 x\n": rejectFrame,
		relpHello + "2 syslog 999999999 x":                    rejectTooLong,
		relpHello + "2 syslog 2097153 x":                      rejectTooLong,
		"1 syslog 1 x\n":                                      rejectCommand,
		"1 open 5 offer\n":                                    rejectCommand,
		relpHello + "2 starttls 0\n":                          rejectCommand,
		relpHello + relpHello:                                 rejectCommand,
		"GET / HTTP/1.1\r\n":                                  rejectHTTP,
		"\x16\x03\x01\x02\x00\x01\x00\x01\xfc":                rejectTLS,
	} {
		t.Run(want.String(), func(t *testing.T) {
			b := listen(t, relpSource)
			good, bad := b.dial("tcp"), b.dial("tcp")
			fmt.Fprint(good, relpHello+"2 syslog 5 <13>a")
			fmt.Fprint(bad, text)
			testkit.Eventually(t, "it is counted", func() bool { return b.l.Status()[0].Rejected[want.String()] == 1 })
			testkit.Must(t, bad.SetReadDeadline(time.Now().Add(20*time.Second)))
			if rest, err := io.ReadAll(bad); errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("%q: still open after %q", text, rest)
			} else if strings.Contains(string(rest), "500") != (want == rejectCommand) {
				t.Errorf("%q is answered with %q", text, rest)
			}
			fmt.Fprint(good, "\n")
			says(t, good, relpOpen+"2"+relpOK)
			testkit.Equal(t, "log", strings.Count(b.log.String(), want.String()), 1)
			b.stop()
			testkit.Equal(t, "received", b.balance().Received, 1)
		})
	}
}

// What came before a mistake is answered: the sender does not send it again for ever.
func TestRELPAnswersBeforeItCloses(t *testing.T) {
	b := listen(t, relpSource)
	c := b.dial("tcp")
	fmt.Fprint(c, relpHello+"2 syslog 5 <13>a\n3 syslog 5 <13>b\nnonsense")
	says(t, c, relpOpen+"2"+relpOK+"3"+relpOK+relpClose)
	ends(t, c)
	b.wait(2)
}

// A frame that does not end is dropped with its connection: its sender has it.
func TestRELPHalfFrame(t *testing.T) {
	b := listen(t, relpSource)
	c := b.dial("tcp")
	fmt.Fprint(c, relpHello+"2 syslog 5 <13>a\n3 syslog 500 <13>half")
	says(t, c, relpOpen+"2"+relpOK)
	testkit.Must(t, c.Close())
	testkit.Eventually(t, "it is closed", func() bool { return b.l.Status()[0].Connections["relp"] == 0 })
	b.stop()
	testkit.Equal(t, "received", b.balance().Received, 1)
}

// While a client does not get its answers, no more than max_unacked of it is taken.
func TestRELPWindow(t *testing.T) {
	b := listen(t, func(o *SourceOptions) {
		relpSource(o)
		o.Settings.RELP.MaxUnacked = 10
	})
	b.sink.Hold = true
	c := b.dial("tcp")
	fmt.Fprint(c, relpHello)
	says(t, c, relpOpen)
	const n = 20_000
	var sending sync.WaitGroup
	sending.Go(func() {
		var p []byte
		for i := range n {
			p = append(strconv.AppendInt(p, int64(2+i), 10), " syslog 5 <13>x\n"...)
		}
		_, _ = c.Write(p)
	})
	most := int64(10 + servedReadBuffer/len("2 syslog 5 <13>x\n")) // what one read may bring on top
	testkit.Eventually(t, "it stops", func() bool { n := b.l.Status()[0].Unanswered; return n >= 10 && n <= most })
	silent(t, c)
	if got := b.l.Status()[0].Unanswered; got > most {
		t.Errorf("%d are unanswered", got)
	}
	b.sink.Settle()
	answers := bufio.NewScanner(c)
	testkit.Must(t, c.SetReadDeadline(time.Now().Add(60*time.Second)))
	for range n {
		if !answers.Scan() {
			t.Fatal(answers.Err())
		}
	}
	sending.Wait()
	b.unanswered(0)
	b.wait(n)
}

// A client that never reads its answers is closed, and its answers are bounded meanwhile.
func TestRELPAnswersUnread(t *testing.T) {
	b := listen(t, func(o *SourceOptions) {
		relpSource(o)
		o.answerWithin = 200 * time.Millisecond
	})
	good := b.dial("tcp")
	c := b.dial("tcp").(*net.TCPConn)
	testkit.Must(t, c.SetWriteDeadline(time.Now().Add(60*time.Second)))
	fmt.Fprint(c, relpHello)
	p := bytes.Repeat([]byte("2 syslog 1 x\n"), 10_000)
	var err error
	for err == nil {
		_, err = c.Write(p)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal("it is still open")
	}
	testkit.Eventually(t, "it is counted", func() bool { return b.l.Status()[0].Rejected[rejectUnread.String()] == 1 })
	b.unanswered(0)
	fmt.Fprint(good, relpHello+"2 syslog 5 <13>a\n")
	says(t, good, relpOpen+"2"+relpOK)
}

// Clients that break off at any byte, and send again what was not answered, lose nothing:
// what is answered is in the sink. All that was received is accounted for.
func TestRELPConservation(t *testing.T) {
	b := listen(t, relpSource)
	testkit.Equal(t, "lost", b.lostByRELP(nil), 0)
	b.unanswered(0)
}

// The proof sees a loss: here every tenth event is thrown away behind its receipt.
func TestRELPLossIsSeen(t *testing.T) {
	b := listen(t, relpSource)
	n := 0
	if lost := b.lostByRELP(func() bool { n++; return n%10 == 0 }); lost == 0 {
		t.Errorf("every tenth of %d events is thrown away, and nothing is lost", n)
	}
}

// lostByRELP runs clients, and returns how many of their messages are answered and not in
// the sink. lose says whether an event is thrown away; nil: none is.
func (b *bench) lostByRELP(lose func() bool) (lost int) {
	t := b.t
	const clients, each = 8, 400
	var wg sync.WaitGroup
	for id := range clients {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(id), 11))
			answered := make([]bool, each)
			for left := each; left > 0; {
				c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", b.port))
				if err != nil {
					t.Error(err)
					return
				}
				n, ok := relpClient(c, rnd, id, answered)
				c.Close()
				if !ok {
					t.Errorf("client %d got a wrong answer", id)
					return
				}
				left -= n
			}
		})
	}
	wg.Wait()
	seen := make(map[string]bool)
	for _, e := range b.sink.Decode(t) {
		if lose == nil || !lose() {
			seen[e.Event] = true
		}
	}
	for id := range clients {
		for i := range each {
			if !seen[fmt.Sprintf("<13>client %d message %d", id, i)] {
				lost++
			}
		}
	}
	return lost
}

// relpClient sends what is not answered yet, in pieces, breaks off at random, and returns
// how many were answered.
func relpClient(c net.Conn, rnd *rand.Rand, id int, answered []bool) (n int, ok bool) {
	p, order := []byte(relpHello), []int(nil)
	for i, done := range answered {
		if !done {
			text := fmt.Sprintf("<13>client %d message %d", id, i)
			order = append(order, i)
			p = fmt.Appendf(p, "%d syslog %d %s\n", 1+len(order), len(text), text)
		}
	}
	if rnd.IntN(3) != 0 {
		p = p[:rnd.IntN(len(p))]
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for len(p) > 0 {
			k := min(1+rnd.IntN(700), len(p))
			if _, err := c.Write(p[:k]); err != nil {
				return
			}
			p = p[k:]
		}
	}()
	defer func() { <-done }()
	answers := bufio.NewReader(c)
	for {
		_ = c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		line, err := answers.ReadString('\n')
		if err != nil {
			return n, true
		}
		txnr, rest, _ := strings.Cut(line, " ")
		at, err := strconv.Atoi(txnr)
		if err != nil || at == 1 || rest != relpOK[1:] {
			continue // the answer to open
		}
		if at-2 >= len(order) || answered[order[at-2]] {
			return n, false
		}
		answered[order[at-2]] = true
		n++
	}
}
