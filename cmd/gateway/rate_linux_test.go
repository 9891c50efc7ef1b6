//go:build !race

package main

// paced is how many datagrams a second a test sends to a gateway that has to keep up.
const paced = 20000
