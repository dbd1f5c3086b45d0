// Package cluster runs what topology describes: nodes, clusters and pairs of
// clusters in containers. It acts on nodes from outside, through package
// engine or a companion container, and installs nothing in them. It judges
// nothing.
package cluster
