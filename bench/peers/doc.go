// Package peers runs other programs that take syslog and keep it on disk, set up as well
// as we know, so that the gateway can be measured beside them.
//
// The programs come from Debian's packages, which are unpacked into a folder of their own
// and not installed; the OpenTelemetry Collector is built from otelcol/, and the module of
// rsyslog that posts to HEC from Debian's source, because the package is without. What
// cannot be had is skipped by name. Each peer listens on one port of 127.0.0.1 or several for
// UDP and TCP, and sends to HEC where it can; else it sends octet-counted TCP, which saves
// it the compression and the acknowledgement, and the report says so.
package peers
