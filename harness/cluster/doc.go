// Package cluster runs what topology describes: nodes, clusters and pairs of
// clusters in containers. It acts on nodes from outside, through the engine or
// a companion container, and installs nothing in them. It judges nothing, and
// none of its exported names shows a type of the engine's client.
package cluster
