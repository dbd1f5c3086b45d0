// Package engine is the one way to the container engine, and the only package
// that knows docker and testcontainers. An Engine answers questions and needs
// nothing; a Run makes containers, networks, volumes and images under a Lease,
// whose labels let a later process find what this one leaves behind. No exported
// signature shows a type of docker's or of testcontainers'.
package engine
