package main

import "fmt"

// exception is a place where we do not say what another project says of its line,
// and why. TestCorpus fails on every other disagreement, and on an exception that
// is not needed.
type exception struct {
	file   string
	line   int
	what   string // sourcetype, index, source, host, time; family: of a neighbour
	reason string
}

func (x exception) key() string { return fmt.Sprintf("%s:%d: %s", x.file, x.line, x.what) }

// The files that have exceptions.
const (
	axosyslogCisco = "cisco_asa/dev-axosyslog-cisco-parser"
	rsyslogLinux   = "linux/dev-rsyslog-parsertests"
	sc4sLinux      = "linux/dev-sc4s-tests"
	sc4sPAN        = "paloalto/dev-sc4s-tests"
	sc4sNeighbours = "other/dev-sc4s-neighbours"
)

// Reasons that several exceptions have.
const (
	ownHost  = "the message names no host: there it is the receiver's own name, here the sender's address"
	highRes  = "the line's high_res_time is 14:13:52 with the offset -04:00; it is more exact than the header, which the other project's test dates by"
	portTest = "a source that only that project's test configuration has"
	noTag    = "a time and a host without a program: on a port for Linux that is a Linux line, there it is a fallback"
)

var corpusExceptions = []exception{
	{axosyslogCisco, 4, "host", ownHost},
	{rsyslogLinux, 11, "host", "10.321.1.123 is no address: a number is above 255; here the sender's address stands for it"},
	{rsyslogLinux, 21, "host", "the year behind the time is no host name; the host follows it"},
	{rsyslogLinux, 25, "host", ownHost},
	{rsyslogLinux, 26, "host", ownHost},
	{sc4sLinux, 6, "sourcetype", portTest},
	{sc4sLinux, 6, "index", portTest},
	{sc4sLinux, 7, "sourcetype", noTag},
	{sc4sLinux, 7, "index", noTag},
	{sc4sLinux, 9, "sourcetype", portTest},
	{sc4sLinux, 9, "index", portTest},
	{sc4sPAN, 2, "time", highRes},
	{sc4sPAN, 4, "time", highRes},
	{sc4sPAN, 6, "time", highRes},
	{sc4sPAN, 9, "time", highRes},
	{sc4sPAN, 10, "time", "its event time is of 2023, which is too far off: the receive time stands in, and time_clamped says so"},
	{sc4sPAN, 12, "time", highRes},
	{sc4sPAN, 13, "time", highRes},
	{sc4sPAN, 16, "time", highRes},
	{sc4sNeighbours, 72, "family", "a genuine ASA message, by its %ASA- mark; that project's test leaves it in the fallback"},
	{sc4sNeighbours, 132, "family", "a genuine record of the Linux audit daemon, of the system below the appliance"},
}
