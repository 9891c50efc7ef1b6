// Package importer reads the configuration of another collector and says the same as a
// configuration of the gateway: gateway.yaml, packs of rules, and the HEC token in a file of
// its own. What it cannot say it lists with file and line: a half that is listed is honest, a
// wrong one is a fault.
//
// Each product has a file of its name: sc4s.go, cribl.go, haproxy.go, rsyslog.go, syslogng.go.
// Three have a second one: sc4scontext.go for the tables and parsers of a site, criblfunctions.go
// for the functions of pipelines, rsyslogfilter.go for conditions. Each product fills a [model];
// write.go makes files of it. No file is read whole that is larger than a bound, and no input
// makes the work grow faster than its size.
package importer
