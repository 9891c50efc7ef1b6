// Package hecserver is a small HTTP Event Collector that writes each event as one line to
// an io.Writer: what `gateway run --dev` delivers to. It answers as Splunk does
// (services/collector/event and /health) and takes gzip. It costs little more than
// decompressing: the gateway sends one JSON object a line, so bodies are written as they
// are.
//
// Its table of answers and its checks are those of the test server in package hectest
// too. Scripts and faults do not belong here.
package hecserver
