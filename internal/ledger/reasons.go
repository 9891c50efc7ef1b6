package ledger

// DropReason is a reason for which events are given up, as the label reason of
// gateway_dropped_events_total has it.
type DropReason struct {
	Name string
	// Lost: dropping these events is a loss. Else they are dropped on purpose.
	Lost bool
}

// notAllowed is the reason of messages whose sender is not in allow.
const notAllowed = "not_allowed"

// DropReasons lists what the stages drop for. The page, the metrics, the alerts and the
// documents go by this list; a reason that is not in it counts as a loss.
func DropReasons() []DropReason {
	return []DropReason{
		{"drop_oldest", true},  // the queue was full
		{"drop_newest", true},  // the queue was full
		{"shutdown", true},     // stopped while the queue was full
		{"unstorable", true},   // larger than the whole queue
		{"corrupt", true},      // damaged on disk
		{"no_room", true},      // the gateway's own numbers, for which no shard had room
		{"proxy_header", true}, // a datagram of a proxy that does not say for whom it is
		{notAllowed, false},    // the sender is not in allow
		{"empty", false},       // a message of blanks
		{"rule", false},        // metadata.drop, metadata.sample, or a rule of a pack
	}
}

// Intended reports whether events are dropped on purpose for a reason.
func Intended(reason string) bool {
	for _, r := range DropReasons() {
		if r.Name == reason {
			return !r.Lost
		}
	}
	return false
}
