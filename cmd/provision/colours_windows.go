package main

import (
	"os"

	"golang.org/x/sys/windows"
)

// takesColours makes a console interpret escape sequences, which it does not by itself;
// false if it cannot.
func takesColours(console *os.File) bool {
	var mode uint32
	handle := windows.Handle(console.Fd())
	return windows.GetConsoleMode(handle, &mode) == nil &&
		windows.SetConsoleMode(handle, mode|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING) == nil
}
