// Package udp owns the sockets of UDP ports and the event loops that read them.
//
// A port has a group of sockets that are bound to it with SO_REUSEPORT, one for each loop.
// A classic BPF program spreads datagrams evenly over them, whoever sends them: one busy
// sender does not fill one buffer while the others are empty. So the datagrams of one sender
// may change their order among themselves as soon as there is more than one loop.
//
// A loop has one socket of each port. It reads what is ready in turn, at most readLimit
// datagrams of a socket before the next one has its turn: a flood on one port costs another
// one that time and no more.
//
// SO_REUSEPORT lets a second process take part of the traffic silently. So a port is first
// bound without it, and a port that somebody holds is an error.
//
// With an inherit.Store the sockets outlive the process. The next one reads on in the same
// sockets: nothing is closed that may hold datagrams, and nothing is bound beside it. When it
// has fewer loops, each reads several sockets of a port; when it has more, sockets are added.
//
// What the datagrams mean does not belong here: a Receiver gets them.
package udp
