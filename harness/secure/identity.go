package secure

// Identity is whose certificate a server shows.
type Identity string

// Identities: the run's own, and three that a sabotage puts in its place.
const (
	Genuine   Identity = "genuine"    // the certificate made for the run, Subject.Leaf
	Reissued  Identity = "reissued"   // by the run's CA, with the same names, but another one
	Stranger  Identity = "stranger"   // with the same names, by a CA of its own
	WrongName Identity = "wrong name" // by the run's CA, for a host that is not the side's
)
