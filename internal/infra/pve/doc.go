// Package pve is a client of the Proxmox VE API that never takes a failure for a success
// and never sends a write twice by itself.
//
// Client.Get reads, Client.Write writes, Client.Wait follows the task that a write
// began, and Client.Run does the last two. Every answer with a status of 300 or more
// is an *Error with the reason of the node and its text on each parameter;
// the Is functions distinguish the causes.
//
// A write whose answer was lost (IsUnknownOutcome) may have been done: the caller
// checks before it tries again. Reads are repeated on connection errors and on the
// answers that only the way to the node can give.
//
// go-proxmox gives the typed reads (Client.Typed). Its own handling of answers loses
// failures: it takes 404, 429, 503 and 595 to 599 for success where no result is
// wanted, drops the reason of 401, 403, 500 and 501, and gives nil for a failed task.
// So it only sees successes: our http.RoundTripper below it makes errors of all other
// answers, and signs, counts, repeats and logs the requests.
//
// Secrets (passwords, tokens, tickets) reach neither errors nor the log.
//
// Source: https://pve.proxmox.com/wiki/Proxmox_VE_API and the API viewer of 9.x.
//
// It has more than 1,500 lines: one client with its retries, tasks, locks and errors.
package pve
