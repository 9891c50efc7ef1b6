// Package endpoint is a small HTTP Event Collector that writes each event it
// takes as one line to an io.Writer: what `gateway run --dev` delivers to. It
// answers as Splunk does (services/collector/event and /health), takes gzip, and
// costs little more than unpacking: the gateway sends one JSON object a line, so
// bodies are written as they are.
//
// [ReadBody] and [Reply] are the parts that the scripted endpoint of tests
// (hectest) is made of too.
package hecserver
