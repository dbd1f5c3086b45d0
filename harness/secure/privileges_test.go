package secure_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ndbproof/harness/release"
	"ndbproof/harness/secure"
)

// privilegesOf974 is SHOW PRIVILEGES of a mysqld 9.7.4, with NDB's own one.
const privilegesOf974 = `Alter, Alter routine, Create, Create routine, Create role, Create temporary tables, Create view, Create user, Delete,
Drop, Drop role, Event, Execute, File, Grant option, Index, Insert, Lock tables, Process, Proxy, References, Reload, Replication client,
Replication slave, Select, Show databases, Show view, Shutdown, Super, Trigger, Create tablespace, Update, Usage,
AUDIT_ABORT_EXEMPT, FIREWALL_EXEMPT, OPTIMIZE_LOCAL_TABLE, ALLOW_NONEXISTENT_DEFINER, SET_ANY_DEFINER, SENSITIVE_VARIABLES_OBSERVER,
AUTHENTICATION_POLICY_ADMIN, GROUP_REPLICATION_STREAM, FLUSH_PRIVILEGES, FLUSH_TABLES, XA_RECOVER_ADMIN, CONNECTION_ADMIN, CLONE_ADMIN,
ENCRYPTION_KEY_ADMIN, INNODB_REDO_LOG_ARCHIVE, MANAGE_DATA_MASKING_POLICY, SESSION_VARIABLES_ADMIN, APPLICATION_PASSWORD_ADMIN,
CREATE_SPATIAL_REFERENCE_SYSTEM, REPLICATION_SLAVE_ADMIN, BACKUP_ADMIN, GROUP_REPLICATION_ADMIN, SYSTEM_VARIABLES_ADMIN, BINLOG_ADMIN,
PERSIST_RO_VARIABLES_ADMIN, TRANSACTION_GTID_TAG, PASSWORDLESS_USER_ADMIN, ROLE_ADMIN, INNODB_REDO_LOG_ENABLE, RESOURCE_GROUP_USER,
BINLOG_ENCRYPTION_ADMIN, SERVICE_CONNECTION_ADMIN, SHOW_ROUTINE, RESOURCE_GROUP_ADMIN, SYSTEM_USER, TABLE_ENCRYPTION_ADMIN,
TELEMETRY_LOG_ADMIN, FLUSH_STATUS, REPLICATION_APPLIER, FLUSH_OPTIMIZER_COSTS, AUDIT_ADMIN, FLUSH_USER_RESOURCES, NDB_STORED_USER`

func TestEveryPrivilegeOf974IsKnown(t *testing.T) {
	known := secure.Privileges(release.MustParse("9.7.4").Words())
	for name := range strings.SplitSeq(privilegesOf974, ",") {
		_, ok := secure.PrivilegeOf(known, strings.TrimSpace(name))
		require.True(t, ok, name)
	}
}

// TestPrivilegesAreWhole refuses a privilege without what its kind calls for.
func TestPrivilegesAreWhole(t *testing.T) {
	for _, r := range []string{"8.0.25", "8.4.3", "9.7.4"} {
		known := secure.Privileges(release.MustParse(r).Words())
		names := map[string]bool{}
		var granted []string
		for _, p := range known {
			require.False(t, names[p.Name], "%s is there twice", p.Name)
			names[p.Name] = true
			require.Equal(t, strings.ToUpper(p.Name), p.Name)
			switch p.Kind {
			case secure.IsRefused:
				require.NotEmpty(t, p.Statement, p.Name)
				require.NotZero(t, p.Errno, p.Name)
			case secure.IsHidden:
				require.True(t, strings.HasPrefix(p.Statement, "SELECT "), p.Name)
				require.Zero(t, p.Errno, p.Name)
			case secure.Unprobed:
				require.NotEmpty(t, p.Reason, p.Name)
				require.Empty(t, p.Statement, p.Name)
			case secure.Granted:
				granted = append(granted, p.Name)
			default:
				t.Errorf("%s is of no kind", p.Name)
			}
		}
		slices.Sort(granted)
		require.Equal(t, []string{"REPLICATION SLAVE", "USAGE"}, granted)
	}
	_, ok := secure.PrivilegeOf(secure.Privileges(release.MustParse("9.7.4").Words()), "EVERYTHING_ADMIN")
	require.False(t, ok)
}
