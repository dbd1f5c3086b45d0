package accounts

import (
	"context"
	"database/sql"
	"errors"
	"maps"
	"slices"
	"strconv"

	"ndbproof/harness/brief"
	"ndbproof/harness/claim"
	"ndbproof/harness/replication"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

// trial is the channel's account at a spare server, over TLS on one connection:
// there statements are tried that would do harm where they are allowed.
type trial struct {
	server replication.Spare
	login  replication.Login
	user   *sql.DB // the channel's account, on one connection
	admin  *sql.DB // the harness's own, on one connection: what the other must not be able to kill
	peer   uint64  // the id of that connection
	harmed bool    // a statement did something else than to be refused as it should
	gone   bool    // a statement ended the server
}

// onSpare begins a trial. It must be ended.
func onSpare(ctx context.Context, s claim.Subject, side topology.Side) (t *trial, err error) {
	server, err := s.Host.Spare(ctx, side)
	if err != nil {
		return nil, err
	}
	account := func(user string) replication.Login {
		return replication.Login{User: user, Password: s.Keys.Password(side, user), TLS: replication.TLSVerify}
	}
	t = &trial{server: server, login: account(secure.ReplicationUser)}
	defer func() {
		if err != nil {
			t.harmed = true // it is unknown whether the server is
			err = errors.Join(err, t.end(ctx))
		}
	}()
	if t.admin, err = server.Login(ctx, account(secure.AdminUser)); err != nil {
		return nil, err
	}
	rows, err := replication.Rows(ctx, t.admin, "SELECT CONNECTION_ID() AS id")
	if err != nil {
		return nil, err
	}
	if t.peer, err = strconv.ParseUint(rows[0]["id"], 10, 64); err != nil {
		return nil, err
	}
	t.user, err = server.Login(ctx, t.login)
	return t, err
}

// try runs a statement and gives the number and text of the error with which it
// was refused, which should be want; 0 when it was allowed. A statement whose
// connection is lost, after which no client can log in any more, has ended the
// server: it was allowed.
func (t *trial) try(ctx context.Context, statement string, want uint16) (got uint16, message string, err error) {
	_, err = t.user.ExecContext(ctx, statement)
	refused := false
	if err != nil {
		got, message, refused = replication.ErrorNumber(err)
	}
	t.harmed = t.harmed || got != want || err != nil && !refused
	switch {
	case refused:
		return got, message, nil
	case err == nil:
		t.gone = secure.Ends(statement)
		return 0, "", nil
	case ctx.Err() != nil:
		return 0, "", err
	}
	again, refusal := t.server.Login(ctx, t.login)
	if refusal == nil {
		return 0, "", errors.Join(err, again.Close())
	}
	if _, _, answered := replication.ErrorNumber(refusal); answered || ctx.Err() != nil {
		return 0, "", err
	}
	t.gone = true
	return 0, "the server is gone: " + brief.Line(err.Error()), nil
}

// end closes sessions, and gives a server up that was harmed.
func (t *trial) end(ctx context.Context) error {
	var errs []error
	for _, db := range []*sql.DB{t.user, t.admin} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	if t.harmed {
		errs = append(errs, t.server.GiveUp(ctx))
	}
	return errors.Join(errs...)
}

// ownGrants is SHOW GRANTS of the account that asks.
func ownGrants(ctx context.Context, db replication.Querier) ([]string, error) {
	rows, err := replication.Rows(ctx, db, "SHOW GRANTS")
	var lines []string
	for _, r := range rows {
		lines = append(lines, slices.Collect(maps.Values(r))...)
	}
	return lines, err
}

// turn tells in which order statements are tried: first those that do no harm,
// on the side's own server, and last those that would end the spare one.
func turn(statement string, harm bool) int {
	switch {
	case !harm:
		return 0
	case !secure.Ends(statement):
		return 1
	}
	return 2
}
