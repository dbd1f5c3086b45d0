package brief

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestBrief(t *testing.T) {
	assert.Equal(t, "a b c", Line(" a\n\tb  c\n"))
	assert.Equal(t, "one; two", Error(errors.Join(errors.New("one"), errors.New("two"))))
	assert.Equal(t, "b", Last("a\nb\n\n"))
	assert.Equal(t, "b / c", LastLines("a\nb\nc\n", 2))
	assert.Empty(t, Last(""))
}
