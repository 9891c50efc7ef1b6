// Package proxyproto reads the headers of the PROXY protocol, versions 1 and 2. With such a
// header a load balancer says for which client it has opened a connection, or sends a
// datagram.
//
// Source: "The PROXY protocol, Versions 1 & 2" (haproxy.org, doc/proxy-protocol.txt).
// Version 1 is read with any of the words TCP4, TCP6, UDP4 and UDP6, whatever carries it:
// nginx writes TCP4 into datagrams.
package proxyproto
