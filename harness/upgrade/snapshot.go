package upgrade

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"ndbproof/harness/cluster"
	"ndbproof/harness/load"
	"ndbproof/harness/replication"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
	"ndbproof/harness/upgrade/compare"
)

// window is how long lag is measured for a snapshot, and then throughput.
const window = 10 * time.Second

// snapshot reads what the pair is like under a release, while writers write.
func (u *upgrading) snapshot(ctx context.Context, name string, starts map[topology.Role][]float64) (compare.Snapshot, error) {
	u.Journal.Begin("snapshot "+name, "reading what the pair is like under "+name)
	s := compare.Snapshot{
		Release: name, Claims: u.from.Claims, Gaps: u.from.Gaps,
		Variables: map[string]map[string]string{}, Config: map[string]map[string]string{}, Grants: map[string][]string{},
		Messages: map[string][]string{}, StartSeconds: map[string]float64{},
	}
	for role, all := range starts {
		s.StartSeconds[string(role)] = median(all)
	}
	var errs []error
	for _, c := range u.Pair.Clusters() {
		errs = append(errs, u.readCluster(ctx, c, &s))
	}
	errs = append(errs, u.readServers(ctx, &s), u.readPace(ctx, &s))
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
func (u *upgrading) readCluster(ctx context.Context, c *cluster.Cluster, s *compare.Snapshot) error {
	for _, n := range c.Nodes {
		name := string(c.Side) + " " + n.Name
		log, err := c.Log(ctx, n.Name)
		if err != nil {
			return err
		}
		s.Messages[name] = lines(u.earlier[name] + string(u.Secrets.Redact(log)))
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
	accounts, err := replication.Lines(ctx, c.Server.DB, "SELECT CONCAT(user, '@', host) FROM mysql.user ORDER BY 1")
	if err != nil {
		return err
	}
	for _, a := range accounts {
		user, host, _ := strings.Cut(a, "@")
		s.Grants[string(c.Side)+" "+a], err = replication.Lines(ctx, c.Server.DB, "SHOW GRANTS FOR "+secure.QuoteString(user)+"@"+secure.QuoteString(host))
		if err != nil {
			return err
		}
	}
	return nil
}

// lines are those of a text, the last one also without its end.
func lines(text string) []string {
	if text = strings.TrimRight(text, "\n"); text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

// readServers reads what the servers know and have loaded, and which TLS they take.
func (u *upgrading) readServers(ctx context.Context, s *compare.Snapshot) error {
	s.Components, s.Plugins, s.Privileges = map[string][]string{}, map[string][]string{}, map[string][]string{}
	for _, side := range topology.Sides {
		for _, q := range []struct {
			into  map[string][]string
			query string
		}{
			{s.Components, "SELECT component_urn, '' FROM mysql.component UNION ALL SELECT STATUS_KEY, STATUS_VALUE FROM performance_schema.keyring_component_status"},
			{s.Plugins, "SELECT PLUGIN_NAME, PLUGIN_VERSION, PLUGIN_STATUS FROM information_schema.PLUGINS ORDER BY 1"},
		} {
			lines, err := replication.Lines(ctx, u.Pair.Server(side).DB, q.query)
			if err != nil {
				return fmt.Errorf("ask the %s: %w", side, err)
			}
			q.into[string(side)] = lines
		}
		rows, err := replication.Rows(ctx, u.Pair.Server(side).DB, "SHOW PRIVILEGES")
		if err != nil {
			return fmt.Errorf("ask the %s: %w", side, err)
		}
		s.Privileges[string(side)] = replication.Column(rows, "Privilege")
	}
	return u.readTLS(ctx, s)
}

func negotiated(side topology.Side, who string, rows []string) []compare.Negotiated {
	var all []compare.Negotiated
	for _, r := range rows {
		version, suite, _ := strings.Cut(r, " ")
		all = append(all, compare.Negotiated{Side: side, Who: who, Version: version, Suite: suite})
	}
	return all
}

// readPace reads how far the replica is behind while the writers keep their pace,
// and how many writes the source acknowledges when the inserts do not: at a pace a
// slower release would look like any other.
func (u *upgrading) readPace(ctx context.Context, s *compare.Snapshot) error {
	w := u.team.Writers()[0]
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
