//! A store that has been used for years: 50,000 records, 10,000 of them open cases, and 200 filters. None of them concerns the
//! mail of the bench, so that what they cost is the cost of looking.

use anyhow::{Context, Result};
use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection, SqliteConnection};

/// 40,000 people and companies with an address each, and 10,000 cases.
const RECORDS: &str = "
    INSERT INTO records (id, kind, number, name, active, description, created_at)
        WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40000)
        SELECT 1000 + i, CASE i % 4 WHEN 0 THEN 'account' WHEN 1 THEN 'lead' ELSE 'contact' END, 1000 + i, 'Somebody', TRUE, '', 0
        FROM n;
    INSERT INTO record_addresses (record_id, address, place)
        SELECT id, 'person' || id || '@company' || (id % 1000) || '.example', 1 FROM records WHERE id > 1000;
    INSERT INTO records (id, kind, number, name, active, description, created_at, status, assigned_user_id)
        WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
        SELECT 50000 + i, 'case', i, 'Something', TRUE, '', 0, 'assigned', 1 + i % 3 FROM n;
    INSERT INTO open_cases (user_id, cases)
        SELECT assigned_user_id, COUNT(*) FROM records WHERE kind = 'case' GROUP BY assigned_user_id;
    INSERT INTO record_teams (record_id, team_id) SELECT id, 1 FROM records WHERE kind = 'case';
    INSERT INTO followers (record_id, user_id) SELECT id, assigned_user_id FROM records WHERE kind = 'case';
    UPDATE counters SET value = 60001 WHERE name IN ('record', 'record:contact', 'record:account', 'record:lead');
    UPDATE counters SET value = 10001 WHERE name = 'number:case';";

/// Fills the store of a bench that has three users and a team.
pub fn fill(database: &str) -> Result<()> {
    match database.strip_prefix("sqlite:") {
        Some(path) => SqliteConnection::establish(path)?.batch_execute(RECORDS).context("filling SQLite")?,
        None => PgConnection::establish(database)?.batch_execute(&format!("{RECORDS} ANALYZE;")).context("filling PostgreSQL")?,
    }
    Ok(())
}

/// The options of 200 filters: half of them global, the others the account's and the users'; a quarter look into the text.
pub fn filters() -> impl Iterator<Item = Vec<String>> {
    (0..200).map(|n| {
        let mut options = vec![format!("filter-{n}")];
        match n % 8 {
            0..4 => options.push("--global".to_string()),
            4 | 5 => options.extend(["--account", "support"].map(str::to_string)),
            6 => options.extend(["--user", "ada"].map(str::to_string)),
            _ => options.extend(["--user", "ben"].map(str::to_string)),
        }
        let criterion = match n % 4 {
            0 => ["--from".to_string(), format!("*@spammer{n}.example")],
            1 => ["--subject".to_string(), format!("*number {n} of nothing*")],
            2 => ["--header".to_string(), format!("X-Nobody-{n}: *yes*")],
            _ => ["--body".to_string(), format!("words {n} that nobody writes")],
        };
        options.extend(criterion);
        options.push("--skip".to_string());
        options
    })
}
