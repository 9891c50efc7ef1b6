package event

// Acknowledger waits to hear that its messages are in good hands. It must not block.
type Acknowledger interface {
	// Acknowledge names messages by the numbers that their sender gave them, from first to
	// last.
	Acknowledge(first, last uint32)
}

// Due is when a receipt is due.
type Due uint8

const (
	Queued  Due = iota // the record is in the queue: a crash does not lose it
	Synced             // it is synced: a power loss does not lose it
	Secured            // the cluster has it: the loss of the machine does not lose it
)

// Receipts are the acknowledgements that a batch owes. The zero value owes none.
type Receipts struct {
	Due  Due
	owed []receipt
}

// receipt is the messages of consecutive numbers from one connection.
type receipt struct {
	to          Acknowledger
	first, last uint32
}

// Owe adds the message with a number. A run of messages from one connection is one
// receipt, so there are at most as many as reads, and fewer than messages.
func (r *Receipts) Owe(to Acknowledger, number uint32) {
	if n := len(r.owed); n != 0 && r.owed[n-1].to == to && r.owed[n-1].last+1 == number {
		r.owed[n-1].last = number
		return
	}
	r.owed = append(r.owed, receipt{to, number, number})
}

// Any reports whether any is owed.
func (r Receipts) Any() bool { return len(r.owed) != 0 }

// Settle gives all of them.
func (r Receipts) Settle() {
	for _, each := range r.owed {
		each.to.Acknowledge(each.first, each.last)
	}
}
