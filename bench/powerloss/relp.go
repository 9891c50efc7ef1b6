package powerloss

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"syslog-gateway/bench/loadgen"
)

// relp sends over one RELP connection, and connects again when it ends. As omrelp does, it
// then sends again what was not answered.
type relp struct {
	address string

	mu       sync.Mutex
	sent     []time.Time
	answered []bool // of each message
}

func newRELP(address string) Sender { return &relp{address: address} }

func (s *relp) Sent() []time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sent[:len(s.sent):len(s.sent)]
}

func (s *relp) Acknowledged() (all []int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for seq, yes := range s.answered {
		if yes {
			all = append(all, seq)
		}
	}
	return all
}

// unanswered are the messages that were sent and not answered.
func (s *relp) unanswered() (all []int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for seq, yes := range s.answered {
		if !yes {
			all = append(all, seq)
		}
	}
	return all
}

// begin makes a new message.
func (s *relp) begin(now time.Time) (seq int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent, s.answered = append(s.sent, now), append(s.answered, false)
	return len(s.sent) - 1
}

func (s *relp) answer(seq int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answered[seq] = true
}

func (s *relp) Run(ctx context.Context) { connect(ctx, s.address, s.session) }

// session uses a connection until the receiver or ctx ends it. The number of a frame is the
// place of its message in numbers.
func (s *relp) session(ctx context.Context, c net.Conn) {
	var reading sync.WaitGroup
	answers := make(chan int, 4*loadgen.Window)
	stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
	defer func() {
		stop()
		c.Close()
		for range answers { // it ends with the connection
		}
		reading.Wait()
	}()
	reading.Go(func() {
		defer close(answers)
		read(c, answers)
	})
	if _, err := io.WriteString(c, loadgen.Hello); err != nil {
		return
	}
	numbers := map[int]int{} // the message of each frame without an answer
	again := s.unanswered()
	txnr := 1
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	var buf []byte
	for began, given := time.Now(), 0; ; {
		select {
		case txnr, ok := <-answers:
			if !ok {
				return
			}
			if seq, sent := numbers[txnr]; sent {
				s.answer(seq)
				delete(numbers, txnr)
			}
			continue
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := time.Now()
		due := min(int(now.Sub(began).Seconds()*rate)-given, loadgen.Window-len(numbers))
		buf = buf[:0]
		for range due {
			given++
			txnr++
			var seq int
			if len(again) != 0 {
				seq, again = again[0], again[1:]
			} else {
				seq = s.begin(now)
			}
			numbers[txnr] = seq
			buf = fmt.Appendf(buf, "%d syslog %d ", txnr, lineLen-1)
			buf = appendLine(buf, seq, now) // its LF ends the frame
		}
		if _, err := c.Write(buf); err != nil {
			return
		}
	}
}

// read gives the numbers of the frames that were answered with 200.
func read(c net.Conn, answers chan<- int) {
	lines := bufio.NewScanner(c)
	for lines.Scan() {
		number, rest, _ := strings.Cut(lines.Text(), " ")
		if txnr, err := strconv.Atoi(number); err == nil && rest == "rsp 6 200 OK" {
			answers <- txnr
		}
	}
}
