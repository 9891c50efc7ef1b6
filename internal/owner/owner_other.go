//go:build !linux

// Package owner is about whose the folders of the service are. Only Linux runs the service.
package owner

// Become does nothing: there is no service whose files could be left to root.
func Become(string) error { return nil }
