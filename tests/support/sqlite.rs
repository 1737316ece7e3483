//! A SQLite database with all its tables. Migrations take longer than everything else that `init` does, and every test begins with it: they are
//! run once, as in PostgreSQL.

use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;
use std::sync::OnceLock;

use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use espomail::store::Store;

static MIGRATED: OnceLock<Vec<u8>> = OnceLock::new();

/// Puts a migrated database with a name of its own where `init` finds it.
pub fn put_migrated(path: &Path) {
    let folder = path.parent().unwrap();
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).unwrap();
    std::fs::write(path, MIGRATED.get_or_init(migrated)).unwrap();
    std::fs::set_permissions(path, PermissionsExt::from_mode(0o600)).unwrap();
    let name = "UPDATE settings SET value = lower(hex(randomblob(8))) WHERE name = 'store'";
    SqliteConnection::establish(path.to_str().unwrap()).unwrap().batch_execute(name).unwrap();
}

fn migrated() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("migrated.sqlite");
    Store::create(&format!("sqlite:{}", path.display())).unwrap().migrate().unwrap();
    std::fs::read(path).unwrap()
}
