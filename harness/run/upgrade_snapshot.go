package run

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"ndbproof/harness/cluster"
	"ndbproof/harness/load"
	"ndbproof/harness/topology"
	"ndbproof/harness/upgrade"
)

// window is how long lag is measured for a snapshot, and then throughput.
const window = 10 * time.Second

// snapshot reads what the pair is like under a release, while writers write.
func (u *upgrading) snapshot(ctx context.Context, name string, starts map[topology.Role][]float64) (upgrade.Snapshot, error) {
	u.begin("snapshot "+name, "reading what the pair is like under "+name)
	s := upgrade.Snapshot{
		Release: name, Claims: u.from.Claims, Gaps: u.from.Gaps,
		Variables: map[string]map[string]string{}, Config: map[string]map[string]string{}, Grants: map[string][]string{},
		Messages: map[string][]string{}, StartSeconds: map[string]float64{},
	}
	for role, all := range starts {
		s.StartSeconds[string(role)] = median(all)
	}
	var errs []error
	for _, c := range u.pair.Clusters() {
		errs = append(errs, u.readCluster(ctx, c, &s))
	}
	errs = append(errs, u.readServer(ctx, &s), u.readPace(ctx, &s))
	if err := errors.Join(errs...); err != nil {
		return s, fmt.Errorf("read what the pair is like under %s: %w", name, err)
	}
	return s, nil
}

func median(all []float64) float64 {
	all = slices.Sorted(slices.Values(all))
	if len(all) == 0 {
		return 0
	}
	return all[len(all)/2]
}

// readCluster reads configuration and logs of all nodes of a cluster, and the
// grants of its accounts.
func (u *upgrading) readCluster(ctx context.Context, c *cluster.Cluster, s *upgrade.Snapshot) error {
	for _, n := range c.Nodes {
		name := string(c.Side) + " " + n.Name
		log, err := c.Log(ctx, n.Name)
		if err != nil {
			return err
		}
		s.Messages[name] = lines(u.earlier[name] + string(u.secrets.Redact(log)))
		values, err := c.Effective(ctx, n)
		switch {
		case err != nil:
			return err
		case n.Role == topology.Mysqld:
			s.Variables[name] = values
		case n.Role == topology.Ndbmtd:
			s.Config[name] = values
		}
	}
	accounts, err := column(ctx, c.Admin(), "SELECT CONCAT(user, '@', host) FROM mysql.user ORDER BY 1")
	if err != nil {
		return err
	}
	for _, a := range accounts {
		user, host, _ := strings.Cut(a, "@")
		s.Grants[string(c.Side)+" "+a], err = column(ctx, c.Admin(), "SHOW GRANTS FOR "+quoted(user)+"@"+quoted(host))
		if err != nil {
			return err
		}
	}
	return nil
}

func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// lines are those of a text, the last one also without its end.
func lines(text string) []string { return strings.Split(strings.TrimRight(text, "\n"), "\n") }

// column gives the first column of all rows, others after it separated by blanks.
func column(ctx context.Context, db *sql.DB, query string) ([]string, error) {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", query, err)
	}
	defer rows.Close() //nolint:errcheck // Err is looked at
	names, err := rows.Columns()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", query, err)
	}
	cells, into := make([]sql.NullString, len(names)), make([]any, len(names))
	for i := range cells {
		into[i] = &cells[i]
	}
	var all []string
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return nil, fmt.Errorf("%s: %w", query, err)
		}
		words := make([]string, len(cells))
		for i, c := range cells {
			words[i] = c.String
		}
		all = append(all, strings.Join(words, " "))
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", query, err)
	}
	return all, nil
}

// readServer reads what the source's server knows and has loaded, and which TLS
// was negotiated.
func (u *upgrading) readServer(ctx context.Context, s *upgrade.Snapshot) error {
	db := u.pair.Admin(topology.Source)
	for _, q := range []struct {
		into  *[]string
		query string
	}{
		{&s.Components, "SELECT component_urn, '' FROM mysql.component UNION ALL SELECT STATUS_KEY, STATUS_VALUE FROM performance_schema.keyring_component_status"},
		{&s.Plugins, "SELECT PLUGIN_NAME, PLUGIN_VERSION, PLUGIN_STATUS FROM information_schema.PLUGINS ORDER BY 1"},
	} {
		var err error
		if *q.into, err = column(ctx, db, q.query); err != nil {
			return err
		}
	}
	privileges, err := db.QueryContext(ctx, "SHOW PRIVILEGES")
	if err != nil {
		return fmt.Errorf("ask the source for its privileges: %w", err)
	}
	defer privileges.Close() //nolint:errcheck // Err is looked at
	for privileges.Next() {
		var name, where, what string
		if err := privileges.Scan(&name, &where, &what); err != nil {
			return fmt.Errorf("ask the source for its privileges: %w", err)
		}
		s.Privileges = append(s.Privileges, name)
	}
	if err := privileges.Err(); err != nil {
		return fmt.Errorf("ask the source for its privileges: %w", err)
	}
	return u.readTLS(ctx, s)
}

// readTLS asks the servers for the TLS of a session of the harness's own, and the
// source for that of its dump thread.
func (u *upgrading) readTLS(ctx context.Context, s *upgrade.Snapshot) error {
	for _, side := range topology.Sides {
		got, err := column(ctx, u.pair.Admin(side), "SELECT MAX(IF(VARIABLE_NAME='Ssl_version',VARIABLE_VALUE,'')), MAX(IF(VARIABLE_NAME='Ssl_cipher',VARIABLE_VALUE,'')) FROM performance_schema.session_status")
		if err != nil {
			return err
		}
		s.TLS = append(s.TLS, negotiated(side, "client", got)...)
	}
	got, err := column(ctx, u.pair.Admin(topology.Source), `SELECT MAX(IF(s.VARIABLE_NAME='Ssl_version',s.VARIABLE_VALUE,'')), MAX(IF(s.VARIABLE_NAME='Ssl_cipher',s.VARIABLE_VALUE,''))
 FROM performance_schema.threads t JOIN performance_schema.status_by_thread s USING (THREAD_ID) WHERE t.PROCESSLIST_COMMAND LIKE 'Binlog Dump%' GROUP BY t.THREAD_ID`)
	if err != nil {
		return err
	}
	s.TLS = append(s.TLS, negotiated(topology.Source, "channel", got)...)
	return nil
}

func negotiated(side topology.Side, who string, rows []string) []upgrade.Negotiated {
	var all []upgrade.Negotiated
	for _, r := range rows {
		version, suite, _ := strings.Cut(r, " ")
		all = append(all, upgrade.Negotiated{Side: side, Who: who, Version: version, Suite: suite})
	}
	return all
}

// readPace reads how far the replica is behind while the writers keep their pace,
// and how many writes the source acknowledges when the inserts do not: at a pace a
// slower release would look like any other.
func (u *upgrading) readPace(ctx context.Context, s *upgrade.Snapshot) error {
	w := u.writer.all[0]
	begin, end, err := during(ctx, w)
	if err != nil {
		return err
	}
	if s.LagSeconds, err = meanLag(end.PerSecond[min(int(begin.Seconds), len(end.PerSecond)):]); err != nil {
		return err
	}
	defer w.Hurry()()
	if begin, end, err = during(ctx, w); err != nil {
		return err
	}
	s.Throughput = float64(end.Acked-begin.Acked) / (end.Seconds - begin.Seconds)
	return nil
}

// during gives what a writer has counted before and after a window.
func during(ctx context.Context, w *load.Writer) (begin, end load.Counts, err error) {
	begin = w.Counts()
	if err := w.Wait(ctx, begin.Acked+1, w.Age()+window); err != nil {
		return begin, end, err
	}
	return begin, w.Counts(), nil
}

// meanLag is over the seconds in which the replica told how far behind it was; it
// is an error when it never did.
func meanLag(series []load.Second) (float64, error) {
	sum, n := 0.0, 0.0
	for _, s := range series {
		if s.Lag != nil {
			sum, n = sum+*s.Lag, n+1
		}
	}
	if n == 0 {
		return 0, fmt.Errorf("measure the lag: the replica did not tell in %s how far it is behind", window)
	}
	return sum / n, nil
}
