// Command measure counts what a failover between two gateways costs. It builds two
// hosts with keepalived and a gateway each, and a sender, out of network namespaces:
//
//	go run ./deploy/keepalived/measure --gateway bin/gateway
//
// The configuration is keepalived.conf beside it, as it is. The sender numbers its
// datagrams; what neither gateway has delivered is lost, and the longest run of
// missing numbers is the gap. Everything runs in namespaces of its own that end with
// the program. It needs root, and Debian's packages keepalived, curl and iproute2.
package main
