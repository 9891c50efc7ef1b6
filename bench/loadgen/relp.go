package loadgen

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"time"

	"syslog-gateway/bench/mix"
)

const (
	// Window is how many messages rsyslog sends by default before it waits for answers.
	Window = 128
	// Hello opens a RELP session: librelp's, less its name.
	Hello = "1 open 30 relp_version=0\ncommands=syslog\n"
	// relpTxnr is the largest number of a frame; the next is 1.
	relpTxnr = 999_999_999
	// answersWithin bounds the waiting for the last answers.
	answersWithin = 10 * time.Second
)

// relp sends by RELP and has at most window messages unanswered. It does not send again
// what a receiver that ends has left unanswered: that counts as sent.
type relp struct {
	conn   net.Conn
	window int
	buf    []byte
	txnr   int
	reader sync.WaitGroup

	mu         sync.Mutex
	change     *sync.Cond
	unanswered int
	err        error // why no more answers come
}

// newRELP opens the session.
func newRELP(conn net.Conn, window int) (*relp, error) {
	_ = conn.SetDeadline(time.Now().Add(dialTimeout))
	defer conn.SetDeadline(time.Time{})
	answers := bufio.NewReader(conn)
	if _, err := conn.Write([]byte(Hello)); err != nil {
		return nil, errors.Join(fmt.Errorf("open a RELP session: %w", err), conn.Close())
	}
	var txnr, length int
	if _, err := fmt.Fscanf(answers, "%d rsp %d 200 OK\n", &txnr, &length); err != nil || txnr != 1 {
		return nil, errors.Join(fmt.Errorf("open a RELP session: answer to frame %d: %w", txnr, err), conn.Close())
	}
	if _, err := answers.Discard(length - len("200 OK\n") + 1); err != nil {
		return nil, errors.Join(fmt.Errorf("open a RELP session: %w", err), conn.Close())
	}
	s := &relp{conn: conn, window: window, txnr: 1}
	s.change = sync.NewCond(&s.mu)
	s.reader.Go(func() { s.read(answers) })
	return s, nil
}

// read counts the answers: each is a line.
func (s *relp) read(answers *bufio.Reader) {
	for {
		line, err := answers.ReadSlice('\n')
		s.mu.Lock()
		if err == nil && len(line) > len(" rsp 6 200 OK\n") && string(line[len(line)-len(" rsp 6 200 OK\n"):]) == " rsp 6 200 OK\n" {
			s.unanswered--
		} else if err == nil && s.err == nil {
			s.err = fmt.Errorf("the receiver answers %q", line)
		} else if s.err == nil {
			s.err = err
		}
		s.change.Broadcast()
		s.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// room waits until the window has room, and returns how much.
func (s *relp) room() (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.unanswered >= s.window && s.err == nil {
		s.change.Wait()
	}
	return s.window - s.unanswered, s.err
}

func (s *relp) send(r *mix.Ring, from, to int) (int, error) {
	for at := from; at < to; {
		room, err := s.room()
		if err != nil {
			return at - from, err
		}
		n := min(room, to-at)
		s.buf = s.buf[:0]
		for i := at; i < at+n; i++ {
			s.txnr = s.txnr%relpTxnr + 1
			s.buf = append(strconv.AppendInt(s.buf, int64(s.txnr), 10), " syslog "...)
			s.buf = append(append(s.buf, r.Bytes(i, i+1)...), '\n') // octet-counted: its length, a blank, its text
		}
		s.mu.Lock()
		s.unanswered += n
		s.mu.Unlock()
		if _, err := s.conn.Write(s.buf); err != nil {
			return at - from, err
		}
		at += n
	}
	return to - from, nil
}

func (s *relp) expire() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = errors.New("the time is over")
	}
	s.change.Broadcast()
	return s.conn.SetWriteDeadline(time.Unix(1, 0))
}

// close waits for the last answers.
func (s *relp) close() error {
	limit := time.AfterFunc(answersWithin, func() { _ = s.conn.SetReadDeadline(time.Unix(1, 0)) })
	s.mu.Lock()
	for s.unanswered > 0 && s.err == nil {
		s.change.Wait()
	}
	left := s.unanswered
	s.mu.Unlock()
	limit.Stop()
	err := s.conn.Close()
	s.reader.Wait()
	if left > 0 {
		err = errors.Join(err, fmt.Errorf("the receiver left %d messages unanswered", left))
	}
	return err
}
