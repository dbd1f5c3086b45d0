// Package images finds releases of MySQL NDB Cluster and makes images of them:
// from a vendor's tarball, from an image that the project did not build, or by pulling the
// official one. It also makes the image of the probe. It says in one line what
// it is about to do, and leaves nothing behind when that fails.
package images
