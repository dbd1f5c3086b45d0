package run

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"

	"ndbproof/harness/evidence"
	"ndbproof/harness/secure"
)

// Results have every field of a profile, under the same key and with its value.
func TestProfileOf(t *testing.T) {
	p := secure.Published2021()
	p.Accounts[0].Locked = true // else no account has all fields
	from, to := reflect.ValueOf(p), reflect.ValueOf(profileOf(p))
	assert.Equal(t, from.NumField(), to.NumField())
	for i := range from.NumField() {
		f, k := from.Type().Field(i), to.Type().Field(i)
		assert.Equal(t, f.Name, k.Name)
		assert.Equal(t, f.Tag.Get("json"), k.Tag.Get("json"))
		assert.False(t, from.Field(i).IsZero(), "%s has no value in this test", f.Name)
		if f.Name == "Accounts" {
			continue
		}
		assert.Equal(t, from.Field(i).Interface(), to.Field(i).Interface(), f.Name)
	}
	for i, a := range p.Accounts {
		assert.Equal(t, evidence.ProfileAccount(a), profileOf(p).Accounts[i])
	}
	account, kept := reflect.TypeFor[secure.Account](), reflect.TypeFor[evidence.ProfileAccount]()
	for i := range account.NumField() {
		assert.Equal(t, account.Field(i).Tag.Get("json"), kept.Field(i).Tag.Get("json"))
	}
}
