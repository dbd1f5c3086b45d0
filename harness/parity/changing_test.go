package parity

import (
	"errors"
	"fmt"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/assert"
)

func TestAltered(t *testing.T) {
	for number, want := range map[uint16]bool{1146: true, 1049: true, 1054: true, 1412: true, 1297: false, 1142: false} {
		assert.Equal(t, want, altered(fmt.Errorf("x: %w", &mysql.MySQLError{Number: number})), number)
	}
	assert.False(t, altered(errors.New("lost")))
}
