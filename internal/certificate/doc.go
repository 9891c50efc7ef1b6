// Package certificate keeps the certificates and CAs of TLS in force up to date while the
// gateway runs. A [Store] reads the files of each use (a source, the statistics page, the
// HEC client) at the start, on [Store.Reread], and when one of them has changed. New
// connections get what is in force; connections that are open are left alone.
//
// Files that cannot be used change nothing: the content from before stays in force. That is
// so for a file that is half written, missing or unreadable, a key that belongs to another
// certificate, and a certificate that has expired.
//
// The store asks for the state of each file once a second (stat(2)) and reads the files of a
// use when they have changed and then stayed the same for a second, so that it does not read
// in the middle of a renewal. A few calls a second cost nothing. Notifications of the kernel
// (inotify) would not do: certbot and Kubernetes exchange symbolic links in other folders
// than that of the file, and a change that another machine makes on NFS notifies nobody.
package certificate
