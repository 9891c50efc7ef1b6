package state

import (
	"errors"

	"golang.org/x/sys/windows"
)

// noFollow is nothing: making a symbolic link needs a privilege on Windows.
const noFollow = 0

// gone says that there is certainly no process with that number. A process that ended
// keeps its number as long as somebody has a handle to it: its handle is signalled then.
func gone(pid int) bool {
	process, err := windows.OpenProcess(windows.SYNCHRONIZE, false, uint32(pid))
	if err != nil {
		return errors.Is(err, windows.ERROR_INVALID_PARAMETER)
	}
	defer windows.CloseHandle(process)
	event, err := windows.WaitForSingleObject(process, 0)
	return err == nil && event == windows.WAIT_OBJECT_0
}
