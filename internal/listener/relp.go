package listener

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"syslog-gateway/internal/ingest"
	"syslog-gateway/internal/relp"
)

const (
	// answerTimeout is how long a client may leave answers unread.
	answerTimeout = 30 * time.Second
	// leaveTimeout is how long the end of a RELP connection waits for what is unanswered.
	// Without an answer its messages come again.
	leaveTimeout = 10 * time.Second
)

// serveRELP reads a RELP connection to its end, and answers what it has brought. The answers
// have a goroutine of their own, since their time has nothing to do with reading.
func (c *servedConn) serveRELP(conn wire) {
	var answering sync.WaitGroup
	defer answering.Wait()
	defer c.relp.Abandon()
	written := make(chan struct{})
	answering.Go(func() {
		defer close(written)
		c.answer(conn)
	})
	if c.read(conn) {
		return // nobody is there to be answered
	}
	if err := c.stream.Err(); err != nil {
		c.refuseRELP(err)
	}
	c.relp.Leave(nil)
	limit := time.NewTimer(leaveTimeout)
	defer limit.Stop()
	select {
	case <-written:
		c.linger(conn)
	case <-limit.C:
	}
}

// answer writes the answers until the last one, or until the session ends.
func (c *servedConn) answer(conn net.Conn) {
	var buf []byte
	for {
		select {
		case <-c.relp.Gone():
			return
		case <-c.relp.Wake():
		}
		var n int
		var last bool
		buf, n, last = c.relp.Answers(buf[:0])
		if len(buf) != 0 {
			_ = conn.SetWriteDeadline(time.Now().Add(c.source.options.answerWithin))
			if _, err := conn.Write(buf); err != nil {
				c.unanswerable(err)
				return
			}
			c.relp.Answered(n)
		}
		if last {
			return
		}
		if cap(buf) > servedReadBuffer {
			buf = nil
		}
	}
}

// unanswerable ends a connection that takes no answers.
func (c *servedConn) unanswerable(err error) {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		c.source.reject(rejectUnread)
		if ready(&c.listener.connections.troubles) {
			c.listener.log.Warn("a RELP client does not read its answers; the connection is closed and it sends again what is unanswered",
				"source", c.source.Name(), "peer", c.sender(), "waited", c.source.options.answerWithin)
		}
	}
	c.relp.Abandon()
	_ = c.raw.Close()
}

// linger lets the client read the last answers: were the connection closed with bytes
// unread, the kernel would reset it, and the client might not see them.
func (c *servedConn) linger(conn wire) {
	_ = conn.CloseWrite()
	_ = conn.SetReadDeadline(time.Now().Add(quiet))
	_, _ = io.Copy(io.Discard, conn)
}

// refuseRELP counts a connection that brought something else than RELP, or what there is
// not in it.
func (c *servedConn) refuseRELP(err error) {
	reason := rejectFrame
	switch {
	case errors.Is(err, relp.ErrTooLong):
		reason = rejectTooLong
	case errors.Is(err, relp.ErrUnknown), errors.Is(err, relp.ErrNotOpen), errors.Is(err, relp.ErrVersion):
		reason = rejectCommand
	case errors.Is(err, ingest.ErrNoMemory):
		reason = rejectMemory
	}
	c.source.reject(reason)
	if ready(&c.listener.connections.troubles) {
		c.listener.log.Warn("a RELP connection is closed", "source", c.source.Name(), "peer", c.sender(), "reason", reason.String(), "error", err)
	}
}
