package load

import (
	"context"
	"crypto/tls"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/assert"
)

func serverError(number uint16, message string) error {
	return &mysql.MySQLError{Number: number, Message: message}
}

func TestFateOfErrors(t *testing.T) {
	dial := &net.OpError{Op: "dial", Err: errors.New("connection refused")}
	for _, c := range []struct {
		err  error
		want fate
		kind string
	}{
		{nil, acked, ""},
		{driver.ErrBadConn, refused, "connection lost"},
		{sql.ErrConnDone, refused, "connection lost"},
		{mysql.ErrInvalidConn, unknown, "connection lost"},
		{io.ErrUnexpectedEOF, unknown, "connection lost"},
		{fmt.Errorf("%w: %w", errUnsent, mysql.ErrInvalidConn), refused, "connection lost"},
		{fmt.Errorf("%w: %w", errUnsent, dial), refused, "cannot connect"},
		{fmt.Errorf("%w: %w", errUnsent, &tls.CertificateVerificationError{Err: io.EOF}), failed, "connection lost"},
		{context.DeadlineExceeded, unknown, "no answer in time"},
		{serverError(1205, "Lock wait timeout exceeded"), refused, "1205"},
		{serverError(1213, "Deadlock found"), refused, "1213"},
		{serverError(1036, "Table 't1' is read only"), refused, "1036"},
		{serverError(1297, "Got temporary error 266 'Time-out in NDB' from NDBCLUSTER"), refused, "1297 NDB 266"},
		{serverError(1297, "Got temporary error 4010 'Node failure' from NDBCLUSTER"), refused, "1297 NDB 4010"},
		{serverError(1297, "Got temporary error 4115 'Transaction was committed but' from NDBCLUSTER"), unknown, "1297 NDB 4115"},
		{serverError(1296, "Got error 4009 'Cluster Failure' from NDBCLUSTER"), unknown, "1296 NDB 4009"},
		{serverError(1296, "Got error 157 'Could not connect' from NDBCLUSTER"), unknown, "1296 NDB 157"},
		{serverError(1030, "Got error 157 - 'Could not connect to storage engine' from storage engine"), unknown, "1030 NDB 157"},
		{serverError(1296, "Got error 827 'Out of memory in Ndb Kernel' from NDBCLUSTER"), failed, "1296 NDB 827"},
		{serverError(1180, "Got error 4350 - 'x' during COMMIT"), unknown, "1180 NDB 4350"},
		{serverError(1053, "Server shutdown in progress"), unknown, "1053"},
		{fmt.Errorf("%w: %w", errUnsent, serverError(1053, "Server shutdown in progress")), refused, "1053"},
		{serverError(1062, "Duplicate entry"), failed, "1062"},
		{serverError(1114, "The table 't1' is full"), failed, "1114"},
		{serverError(1290, "--read-only"), failed, "1290"},
		{fmt.Errorf("%w: %w", errUnsent, serverError(1045, "Access denied")), failed, "1045"},
	} {
		assert.Equal(t, c.want, fateOf(c.err), "%v", c.err)
		if c.err != nil {
			assert.Equal(t, c.kind, kindOfError(c.err))
		}
	}
}
