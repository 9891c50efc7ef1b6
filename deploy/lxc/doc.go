// Package lxc tests the gateway as it is deployed: from a .deb, as a service of
// systemd, in a real unprivileged LXC container with its own network, fed and read
// from outside. `make test-lxc` runs it as root; it needs the build tag lxc, takes
// some minutes, and leaves transcript.txt.
package lxc
