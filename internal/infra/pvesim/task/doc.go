// Package task is the workers of a Proxmox VE cluster: UPIDs, logs that grow, exit
// statuses. Nothing runs in the background: a task has a time at which it is due, and
// [List.Advance] does the work of all that are.
//
// What a task does is a function of whoever starts it.
package task
