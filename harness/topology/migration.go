package topology

import (
	"fmt"
	"path"

	"ndbproof/harness/release"
)

// KeyringMigration is the mysqld that copies the keys of a mysqld's keyring from
// plugin to component and ends: with 0, or it says why not in its log. The Spec
// is the old one: only an 8.0 from 8.0.24 on has both. The server must be
// stopped, and its volume there; the component must not be loaded by a manifest,
// and its file must not have the keys yet. The plugin's file stays, with the
// keys in it: it is to be removed when the component serves.
//
// Sources: manual of 8.0, keyring-key-migration and keyring-options;
// mysql-test/include/keyring_tests/helper/migrate_from_plugin_to_component.inc.
// mysql_migrate_keyring does not do it: it goes between components.
func (s Spec) KeyringMigration(n Node) (Config, error) {
	switch {
	case n.Role != Mysqld || !s.KeyringByPlugin():
		return Config{}, fmt.Errorf("migrate the keyring of %s %s: it has no %s", s.Name, n.Name, release.KeyringPlugin)
	case !s.Release.Has(release.KeyringComponent):
		return Config{}, fmt.Errorf("migrate the keyring of %s %s: %s has no %s; go by the latest %s",
			s.Name, n.Name, s.Release, release.KeyringComponent, s.Release.Line())
	}
	c := s.mysqld(n)
	c.Argv = []string{
		path.Join(s.programs(), string(Mysqld)), "--no-defaults", "--plugin-dir=" + s.Layout.Plugin,
		"--keyring-migration-source=keyring_file.so", "--keyring_file_data=" + pluginKeyring,
		"--keyring-migration-to-component", "--keyring-migration-destination=component_keyring_file.so",
	}
	c.Files = []File{s.componentConfig()}
	return c, nil
}

// componentConfig tells the keyring's component where its keys are.
func (s Spec) componentConfig() File {
	return File{Path: path.Join(s.Layout.Plugin, "component_keyring_file.cnf"), Content: []byte(keyringConfig), Mode: 0o444}
}
