//! Rows that tests put into a database themselves: a test names what it speaks of, the rest is as usual.

/// Something that stands in a statement as it is written in SQL.
pub trait Literal {
    fn literal(&self) -> String;
}

impl Literal for i64 {
    fn literal(&self) -> String {
        self.to_string()
    }
}

impl Literal for bool {
    fn literal(&self) -> String {
        self.to_string().to_uppercase()
    }
}

impl Literal for &str {
    fn literal(&self) -> String {
        format!("'{}'", self.replace('\'', "''"))
    }
}

impl Literal for String {
    fn literal(&self) -> String {
        self.as_str().literal()
    }
}

impl<T: Literal> Literal for Option<T> {
    fn literal(&self) -> String {
        self.as_ref().map_or_else(|| "NULL".to_string(), T::literal)
    }
}

/// What a table demands of every row.
fn usual(table: &str) -> &'static [(&'static str, &'static str)] {
    match table {
        "accounts" => &[
            ("kind", "'group'"),
            ("active", "TRUE"),
            ("fetch_since", "0"),
            ("act_since", "0"),
            ("max_seconds", "600"),
            ("max_message_size", "1000"),
            ("make_cases", "FALSE"),
            ("distribution", "'none'"),
            ("add_team_users", "TRUE"),
            ("unknown_sender", "'new-case'"),
            ("reopen_within", "1209600"),
            ("list_cases", "FALSE"),
            ("take_forwards", "FALSE"),
            ("created_at", "0"),
        ],
        "account_servers" => &[
            ("imap_host", "'localhost'"),
            ("imap_port", "143"),
            ("imap_security", "'plain'"),
            ("imap_user", "'support'"),
            ("password_source", "'file'"),
        ],
        "account_states" => &[("failures", "0"), ("fence", "0"), ("careful", "FALSE")],
        "emails" => &[
            ("thread_id", "1"),
            ("raw_id", "1"),
            ("content_digest", "''"),
            ("from_address", "'dora@example.org'"),
            ("subject", "''"),
            ("date", "0"),
            ("arrived_at", "0"),
            ("is_replied", "FALSE"),
            ("is_partial", "FALSE"),
            ("is_archived", "FALSE"),
            ("id_collision", "FALSE"),
            ("filed_by_hand", "FALSE"),
            ("is_ours", "FALSE"),
            ("subject_from", "0"),
            ("subject_to", "0"),
            ("automatic", "'[]'"),
        ],
        "email_texts" => &[("people", "'{}'"), ("text", "''"), ("defects", "'[]'")],
        "email_users" => &[("is_read", "FALSE"), ("is_important", "FALSE"), ("is_archived", "FALSE"), ("is_trashed", "FALSE")],
        "filters" => &[("place", "1"), ("active", "TRUE"), ("match_case", "FALSE"), ("is_regex", "FALSE")],
        "folders" => &[("place", "1"), ("skip_notifications", "FALSE")],
        "notes" => &[("detail", "''"), ("is_quiet", "FALSE"), ("created_at", "0")],
        "notifications" => {
            &[("detail", "''"), ("created_at", "0"), ("is_read", "FALSE"), ("is_held", "FALSE"), ("is_mailed", "FALSE")]
        }
        "raws" => &[("digest", "''"), ("size", "0"), ("packed", "''")],
        "records" => &[("name", "''"), ("active", "TRUE"), ("description", "''"), ("created_at", "0")],
        "record_addresses" | "user_addresses" => &[("place", "1")],
        "reviews" => &[("because", "''"), ("created_at", "0")],
        "users" => &[
            ("name", "''"),
            ("active", "TRUE"),
            ("administrator", "FALSE"),
            ("last_assignment", "0"),
            ("notify_received", "TRUE"),
            ("notify_by_mail", "FALSE"),
            ("signature", "''"),
        ],
        _ => &[],
    }
}

/// Writes the statements that insert a row, with what stands in tables of its own beside every account and every e-mail.
pub fn insert(table: &str, said: &[(&str, String)]) -> String {
    let (is_beside, id): (fn(&str) -> bool, &str) = match table {
        "accounts" => (|name| name.starts_with("imap_") || name.starts_with("password_"), "account_id"),
        "emails" => (|name| ["people", "text", "defects"].contains(&name), "email_id"),
        _ => return row(table, said),
    };
    let id = || said.iter().filter(|(name, _)| *name == "id").map(|(_, value)| (id, value.clone()));
    let (beside, own): (Vec<_>, Vec<_>) = said.iter().cloned().partition(|(name, _)| is_beside(name));
    let beside: Vec<_> = id().chain(beside).collect();
    match table {
        "accounts" => {
            [row(table, &own), row("account_servers", &beside), row("account_states", &id().collect::<Vec<_>>())].concat()
        }
        _ => row(table, &own) + &row("email_texts", &beside),
    }
}

fn row(table: &str, said: &[(&str, String)]) -> String {
    let rest = usual(table).iter().filter(|(name, _)| said.iter().all(|(other, _)| other != name));
    let all = said.iter().map(|(name, value)| (*name, value.as_str())).chain(rest.copied());
    let (names, values): (Vec<&str>, Vec<&str>) = all.unzip();
    format!("INSERT INTO {table} ({}) VALUES ({});\n", names.join(", "), values.join(", "))
}

/// `rows!(users { id: 1, login: "ada" } { id: 2, login: "bob" })`: the statements that insert rows of a table.
macro_rules! rows {
    ($table:ident $({ $($column:ident: $value:expr),* $(,)? })*) => {
        [$($crate::support::rows::insert(
            stringify!($table),
            &[$((stringify!($column), $crate::support::rows::Literal::literal(&$value))),*],
        )),*].concat()
    };
}
pub(crate) use rows;
