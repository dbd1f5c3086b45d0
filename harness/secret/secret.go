// Package secret holds passwords and keys that print as [redacted], and finds and
// removes them in what a run wrote.
package secret

import (
	"crypto/rand"
	"fmt"
	"log/slog"
)

// Redacted is what stands wherever a secret would.
const Redacted = "[redacted]"

// Secret is a password or key. Printing, logging or marshalling one shows
// Redacted; only Reveal gives the value.
type Secret struct{ value string }

// New is a random secret of 26 characters (130 bits) of the base32
// alphabet: safe in SQL strings and in DSNs, under the channel's limit of 32.
// MySQL's password validation is not on the path, so no class of characters is
// forced in.
func New() Secret { return Secret{rand.Text()} }

// Of wraps a value that came from elsewhere.
func Of(v string) Secret { return Secret{v} }

// Reveal gives the value, to be handed to a server and to nothing else.
func (s Secret) Reveal() string { return s.value }

func (s Secret) String() string { return Redacted }

// GoString covers %#v.
func (s Secret) GoString() string { return Redacted }

// Format covers every other verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(Redacted)) }

// MarshalJSON covers results and timelines.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + Redacted + `"`), nil }

// MarshalText covers map keys and YAML.
func (s Secret) MarshalText() ([]byte, error) { return []byte(Redacted), nil }

// LogValue covers slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(Redacted) }
