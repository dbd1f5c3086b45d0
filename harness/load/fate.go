package load

import (
	"context"
	"crypto/tls"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strconv"

	"github.com/go-sql-driver/mysql"
)

// fate is how a write ended.
type fate int

const (
	unsent  fate = iota
	pending      // begun and not yet settled
	acked        // the server said so: it must be there
	failed       // refused: it must not be there
	unknown      // the answer was lost: it may be there
	refused      // refused for now, each time it was sent: it must not be there
)

// errUnsent marks an error that came before anything was sent that could last.
var errUnsent = errors.New("not sent")

var ndbCode = regexp.MustCompile(`^Got (?:temporary )?error (\d+)`)

// fateOf tells what an error means for the row. Where it is not certain that the
// row is not there, the fate is unknown.
func fateOf(err error) fate {
	var server *mysql.MySQLError
	var certificate *tls.CertificateVerificationError
	switch {
	case err == nil:
		return acked
	case errors.As(err, &server):
		return fateOfServerError(server, errors.Is(err, errUnsent))
	case errors.As(err, &certificate):
		return failed
	case errors.Is(err, errUnsent), errors.Is(err, driver.ErrBadConn), errors.Is(err, sql.ErrConnDone):
		// The driver gives ErrBadConn only when not a byte was written; the pool
		// then tries again on the connection that it has closed: ErrConnDone.
		return refused
	}
	// ErrInvalidConn, a broken or timed-out connection, a context that ended.
	return unknown
}

// fateOfServerError goes by the server's error number and by the NDB error number
// in its text (ndb_perror tells temporary from permanent and unknown result).
func fateOfServerError(e *mysql.MySQLError, beforeSending bool) fate {
	switch e.Number {
	case 1036, 1040, 1203, 1205, 1213, 1412, 4031:
		// Read only while the binlog injector is set up, too many connections,
		// lock wait, deadlock, table definition changed, disconnected for being idle.
		return refused
	case 1053, 1158, 1159, 1160, 1161, 1317:
		// Shutting down, network errors, interrupted.
		if beforeSending {
			return refused
		}
		return unknown
	case 1030, 1180, 1296, 1297:
		if f := fateOfNDB(e); f != unknown || !beforeSending {
			return f
		}
		return refused
	}
	return failed
}

// fateOfNDB sorts what the engine says: 157 and 4009 the cluster is gone, 4008 and
// 4012 no answer (unknown result), 4007 and 4013 a node was lost while sending or
// waiting, 4115 committed but told badly. Other temporary errors are aborts. An
// error during COMMIT (1180) leaves it open.
func fateOfNDB(e *mysql.MySQLError) fate {
	switch ndbNumber(e) {
	case 157, 4007, 4008, 4009, 4012, 4013, 4115:
		return unknown
	}
	switch e.Number {
	case 1297:
		return refused
	case 1180:
		return unknown
	}
	return failed
}

func ndbNumber(e *mysql.MySQLError) int {
	if m := ndbCode.FindStringSubmatch(e.Message); m != nil {
		n, _ := strconv.Atoi(m[1])
		return n
	}
	return 0
}

// done tells that what is to be done was done before: a row with this key, a
// table or a column with this name is there already, or a table is not.
func done(err error) bool {
	var server *mysql.MySQLError
	return errors.As(err, &server) && slices.Contains([]uint16{1050, 1051, 1060, 1062}, server.Number)
}

// kindOfError names an error in Counts.Errors.
func kindOfError(err error) string {
	var server *mysql.MySQLError
	var network net.Error
	switch {
	case errors.As(err, &server) && ndbNumber(server) > 0:
		return fmt.Sprintf("%d NDB %d", server.Number, ndbNumber(server))
	case errors.As(err, &server):
		return strconv.Itoa(int(server.Number))
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return "no answer in time"
	case errors.Is(err, errUnsent) && errors.As(err, &network):
		return "cannot connect"
	}
	return "connection lost"
}
