// Package render writes the configurations that follow from the declaration of an
// estate: gateway.yaml of a syslog gateway and Splunk's indexes.conf and inputs.conf.
// Ports come from the table that the firewall's rules and the inventory are made from,
// addresses and sizes from the guests themselves.
//
// It prints text and touches no file. A secret is in it only where it is handed in.
package render
