package claimtest

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/go-sql-driver/mysql"
)

// Server answers SQL from a table: the first entry whose text is part of the
// statement counts, a statement without an entry succeeds with no row.
type Server struct {
	Answers []Reply
	Heard   []string
	Before  func(q string) error // called with each statement; an error is its answer
	Down    bool                 // logins are refused from now on
	EndsAt  string               // the statement that ends it, with the connection
}

// Reply is what a server answers to a statement that has part in its text.
type Reply struct {
	Part    string
	Once    bool // it is given to one statement only
	Columns []string
	Rows    [][]any
	Err     error
}

func (s *Server) hear(q string) Reply {
	s.Heard = append(s.Heard, q)
	if s.EndsAt != "" && s.EndsAt == q {
		s.Down = true
		return Reply{Err: mysql.ErrInvalidConn}
	}
	if s.Before != nil {
		if err := s.Before(q); err != nil {
			return Reply{Err: err}
		}
	}
	for i, a := range s.Answers {
		if strings.Contains(q, a.Part) {
			if a.Once {
				s.Answers = slices.Delete(s.Answers, i, i+1)
			}
			return a
		}
	}
	return Reply{}
}

// Answer puts an answer before the others.
func (s *Server) Answer(part string, columns string, rows ...[]any) {
	s.Answers = slices.Insert(s.Answers, 0, Reply{Part: part, Columns: strings.Fields(columns), Rows: rows})
}

// AnswerOnce is On for one statement.
func (s *Server) AnswerOnce(part string, columns string, rows ...[]any) {
	s.Answer(part, columns, rows...)
	s.Answers[0].Once = true
}

// Fail has statements fail.
func (s *Server) Fail(part string, err error) {
	s.Answers = slices.Insert(s.Answers, 0, Reply{Part: part, Err: err})
}

// What follows makes it a server of database/sql.

func (s *Server) Connect(context.Context) (driver.Conn, error) { return s, nil }

func (s *Server) Driver() driver.Driver { return nil }

func (s *Server) Prepare(string) (driver.Stmt, error) { return nil, errors.New("not prepared") }

func (s *Server) Close() error { return nil }

func (s *Server) Begin() (driver.Tx, error) { return nil, errors.New("no transactions") }

func (s *Server) QueryContext(_ context.Context, q string, _ []driver.NamedValue) (driver.Rows, error) {
	a := s.hear(q)
	return &rows{columns: a.Columns, left: a.Rows}, a.Err
}

func (s *Server) ExecContext(_ context.Context, q string, _ []driver.NamedValue) (driver.Result, error) {
	return driver.RowsAffected(0), s.hear(q).Err
}

type rows struct {
	columns []string
	left    [][]any
}

func (r *rows) Columns() []string { return r.columns }

func (r *rows) Close() error { return nil }

func (r *rows) Next(dest []driver.Value) error {
	if len(r.left) == 0 {
		return io.EOF
	}
	for i, v := range r.left[0] {
		dest[i] = v
	}
	r.left = r.left[1:]
	return nil
}
