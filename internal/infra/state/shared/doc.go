// Package shared is what several machines share: the record, as an object in S3, and the
// lock that Terraform's S3 backend takes, so that Terraform and provision exclude each
// other.
//
// The record is replaced only if it is as it was read: a writer whose lock was broken
// finds out. The lock is Terraform's own, byte for byte: the object <key>.tflock (since
// Terraform 1.10), then the item <bucket>/<key> in DynamoDB, whichever are configured. It
// has no lease: a killed run keeps it until somebody takes it away, so it always says
// whose it is. It is given back in reverse order, and only if it is still ours.
package shared
