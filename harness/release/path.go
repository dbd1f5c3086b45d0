package release

// Forbidden is a way between releases that the product does not allow.
type Forbidden struct {
	Way     string // "upgrade a mysqld from 8.0.44 to 9.7.4"
	Rule    string // why not
	Source  string // manual page, source file, or error number
	Instead string // what to do
}

func (f *Forbidden) Error() string {
	return "cannot " + f.Way + ": " + f.Rule + " (" + f.Source + "); " + f.Instead
}

// Upgrade tells whether a mysqld may be upgraded in place.
func Upgrade(from, to Release) error { return nil }

// Downgrade tells whether a mysqld may be downgraded in place.
func Downgrade(from, to Release) error { return nil }

// Replicate tells whether a replica may follow a source.
func Replicate(source, replica Release) error { return nil }

// Path tells whether a pair may go from a release to another.
func Path(from, to Release) error { return nil }
