//go:build !windows

package main

import "os"

// takesColours says that every terminal interprets escape sequences.
func takesColours(*os.File) bool { return true }
