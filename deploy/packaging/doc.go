// Command packaging makes what a release has: packages (.deb, .rpm), archives for Linux and
// macOS, container images as OCI archives, bills of materials, a folder that apt installs
// from, SHA256SUMS and signatures:
//
//	go run ./deploy/packaging --version v1.2.0 --out dist
//
// It is what `make release` runs; docs/releasing.md names the files and the keys. The same
// sources, Go release and SOURCE_DATE_EPOCH (by default the time of the commit) give the same
// bytes: all that goes into a package is first laid out in a folder with that one time.
// Archives and images are made of that folder, too, and nfpm (https://nfpm.goreleaser.com)
// packs it as the nfpm.yaml of the package says.
package main
