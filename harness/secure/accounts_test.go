package secure_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ndbproof/harness/release"
	"ndbproof/harness/secret"
	"ndbproof/harness/secure"
)

func TestQuoteString(t *testing.T) {
	for in, want := range map[string]string{
		"":            `''`,
		"plain":       `'plain'`,
		"it's":        `'it''s'`,
		`back\slash`:  `'back\\slash'`,
		`\' OR 1=1 #`: `'\\'' OR 1=1 #'`,
		"nul\x00":     `'nul\0'`,
		`"double"`:    `'"double"'`,
	} {
		assert.Equal(t, want, secure.QuoteString(in))
	}
}

func TestBootstrapSQL(t *testing.T) {
	got := secure.BootstrapSQL(secure.Published2021(), secret.Of("adm'in"), secret.Of("root"))
	assert.Equal(t, `SET SESSION sql_log_bin=0;
CREATE USER IF NOT EXISTS 'ndbproof_admin'@'%' IDENTIFIED BY 'adm''in' REQUIRE SSL;
GRANT ALL ON *.* TO 'ndbproof_admin'@'%' WITH GRANT OPTION;
REVOKE NDB_STORED_USER ON *.* FROM 'ndbproof_admin'@'%';
ALTER USER 'root'@'localhost' IDENTIFIED BY 'root';
SET SESSION sql_log_bin=1;
`, got)

	weak := secure.Weaken(secure.Published2021(), func(p *secure.Profile) {
		for i := range p.Accounts {
			p.Accounts[i].TLS = false
		}
	})
	assert.NotContains(t, secure.BootstrapSQL(weak, secret.New(), secret.New()), "REQUIRE SSL")
}

func TestReplicationUserSQL(t *testing.T) {
	assert.Equal(t, []string{
		"CREATE USER 'user1'@'%' IDENTIFIED BY 'user123#'",
		"GRANT REPLICATION SLAVE ON *.* TO 'user1'@'%'",
	}, secure.ReplicationUserSQL(secret.Of("user123#")))
}

func TestChannelSQL(t *testing.T) {
	full := secure.ChannelOptions{
		Host: "source.link", Port: 3306, User: "user1", Password: secret.Of("pass"), TLS: true,
		CA: "/tls/ca.pem", Cert: "/tls/c.pem", Key: "/tls/k.pem", VerifyIdentity: true,
		ConnectRetry: 1, RetryCount: 3, File: "binlog.000002", Pos: 157,
	}
	plain := secure.ChannelOptions{Host: "h", Port: 1, User: "u", Password: secret.Of("p"), GetPublicKey: true}
	for _, c := range []struct {
		name, release string
		options       secure.ChannelOptions
		want          string
	}{
		{"everything", "9.7.4", full, "CHANGE REPLICATION SOURCE TO SOURCE_HOST='source.link', SOURCE_PORT=3306, SOURCE_USER='user1', SOURCE_PASSWORD='pass', " +
			"SOURCE_SSL=1, SOURCE_SSL_CA='/tls/ca.pem', SOURCE_SSL_CERT='/tls/c.pem', SOURCE_SSL_KEY='/tls/k.pem', SOURCE_SSL_VERIFY_SERVER_CERT=1, GET_SOURCE_PUBLIC_KEY=0, " +
			"SOURCE_CONNECT_RETRY=1, SOURCE_RETRY_COUNT=3, SOURCE_LOG_FILE='binlog.000002', SOURCE_LOG_POS=157"},
		{"without TLS, which is said", "9.7.4", plain, "CHANGE REPLICATION SOURCE TO SOURCE_HOST='h', SOURCE_PORT=1, SOURCE_USER='u', SOURCE_PASSWORD='p', " +
			"SOURCE_SSL=0, SOURCE_SSL_CA='', SOURCE_SSL_CERT='', SOURCE_SSL_KEY='', SOURCE_SSL_VERIFY_SERVER_CERT=0, GET_SOURCE_PUBLIC_KEY=1"},
		{"old words", "8.0.22", plain, "CHANGE MASTER TO MASTER_HOST='h', MASTER_PORT=1, MASTER_USER='u', MASTER_PASSWORD='p', " +
			"MASTER_SSL=0, MASTER_SSL_CA='', MASTER_SSL_CERT='', MASTER_SSL_KEY='', MASTER_SSL_VERIFY_SERVER_CERT=0, GET_MASTER_PUBLIC_KEY=1"},
	} {
		assert.Equal(t, c.want, secure.ChannelSQL(release.MustParse(c.release).Words(), c.options), c.name)
	}
}

// What the reference lists as out of reach of REPLICATION SLAVE must be probed,
// with the error that it names.
func TestRefused(t *testing.T) {
	probes := map[string]secure.Probe{}
	for _, p := range secure.Refused(release.MustParse("9.7.4").Words(), 4711) {
		require.NotContains(t, probes, p.Statement)
		require.NotZero(t, p.Errno, p.Statement)
		require.NotEmpty(t, p.Privilege, p.Statement)
		probes[p.Statement] = p
	}
	for statement, errno := range map[string]uint16{
		"SHOW BINARY LOGS": 1227, "SHOW BINARY LOG STATUS": 1227, "SHOW REPLICA STATUS": 1227,
		"START REPLICA": 1227, "STOP REPLICA": 1227, "CHANGE REPLICATION SOURCE TO SOURCE_CONNECT_RETRY=60": 1227,
		"SET GLOBAL binlog_encryption=ON": 1227, "ALTER INSTANCE ROTATE BINLOG MASTER KEY": 1227,
		"SELECT * FROM test1.t1 LIMIT 1": 1142, "SELECT * FROM mysql.ndb_apply_status": 1142,
		"USE test1": 1044, "DROP DATABASE ndbproof_none": 1044, "CREATE DATABASE ndbproof_none": 1044,
		"CREATE USER ndbproof_none": 1227, "SHUTDOWN": 1227, "KILL 4711": 1095,
		"GRANT SELECT ON *.* TO user1": 1045, "RESET BINARY LOGS AND GTIDS": 1227, "SET SESSION sql_log_bin=0": 1227,
	} {
		assert.Equal(t, errno, probes[statement].Errno, statement)
	}
	for _, s := range []string{"SHUTDOWN", "RESTART", "RESET BINARY LOGS AND GTIDS", "DROP TABLE test1.t1", "TRUNCATE TABLE test1.t1", "KILL 4711"} {
		assert.True(t, probes[s].Destructive, s)
	}
}

// An allowed statement must not be expected to fail, in any release's words,
// and 8.4 and later must not be asked in words that they do not know.
func TestProbesFollowTheWords(t *testing.T) {
	for _, s := range []string{"8.0.22", "8.0.44", "8.4.10", "9.7.4"} {
		r := release.MustParse(s)
		w := r.Words()
		all := secure.Allowed(w)
		for _, p := range secure.Refused(w, 1) {
			assert.NotContains(t, all, p.Statement, s)
			all = append(all, p.Statement)
		}
		for _, a := range secure.Filtered() {
			assert.NotContains(t, all, a.Statement, s)
			assert.NotEqual(t, a.Empty, len(a.Absent) > 0, "%s: either nothing at all, or names that must be absent", a.Statement)
			all = append(all, a.Statement)
		}
		if r.CompareNumber(release.MustParse("8.4.0")) >= 0 { // which takes none of the old words
			for _, statement := range all {
				words := strings.ReplaceAll(statement, "REPLICATION SLAVE", "")
				words = strings.ReplaceAll(words, "REPLICATION_SLAVE_ADMIN", "")
				words = strings.ReplaceAll(words, "slave_master_info", "")
				words = strings.ReplaceAll(words, "MASTER KEY", "")
				assert.NotRegexp(t, `(?i)slave|master`, words, s)
			}
		}
	}
}
