package mgm

// Argv is the command line by which ndb_mgm gives one command to the management
// node at a connectstring ("source-mgm"), and ends.
func Argv(connectstring, command string) []string {
	return []string{"ndb_mgm", "--ndb-connectstring=" + connectstring, "--execute=" + command}
}
