// Command packaging builds the .deb and .rpm packages of the gateway and of the queue
// of a cluster, for each architecture a pair and a bill of materials, and archives of
// provision for Linux and macOS:
//
//	go run ./deploy/packaging --version v1.2.0 --out dist
//
// It is what `make package` runs. The same sources, Go release and
// SOURCE_DATE_EPOCH (by default the time of the commit) give the same bytes: all
// that goes into a package is first laid out in a folder with that one time, and
// nfpm (https://nfpm.goreleaser.com) packs it as the nfpm.yaml of the package says.
package main
