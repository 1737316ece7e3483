//! What must hold in the database whatever happened, each as a question that has no answer when it does. All are asked of one moment,
//! so that passes at work disturb none of them, and none is asked message by message.

use anyhow::{Context, Result};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use super::raw::{self, Left, Row};
use super::schema::{email_texts, raws, records};
use super::texts::{Description, Text as Said};
use super::{Database, storage};
use crate::mail::digest;
use crate::words::{EmailId, RecordId};

/// How many rows that break a law are told; all are counted.
const TOLD: i64 = 20;
/// How many raw messages are read at once to look at their digests.
const AT_ONCE: i64 = 16;

/// A law: how it is called, what it says, what it is counted over, and what breaks it.
struct Law {
    name: &'static str,
    says: &'static str,
    things: &'static str,
    broken: &'static str,
}

const LAWS: &[Law] = &[
    Law {
        name: "fates",
        says: "every UID that a position has passed has one fate",
        things: "SELECT COUNT(*) AS n FROM fates",
        // Two fates of one UID the key forbids. Servers leave holes; where we give the UIDs there are none.
        broken: "SELECT 'account ' || a.name || ', mailbox ' || p.mailbox || ', UID ' || f.uid || ' has a fate beyond its position' AS line
                 FROM positions p JOIN accounts a ON a.id = p.account_id
                 JOIN fates f ON f.position_id = p.id AND (f.uid > p.last_uid OR f.uid <= p.start_uid)
                 UNION ALL
                 SELECT 'account ' || a.name || ', mailbox ' || p.mailbox || ': ' || COUNT(f.uid) || ' fates of '
                        || (p.last_uid - p.start_uid) || ' messages' AS line
                 FROM positions p JOIN accounts a ON a.id = p.account_id LEFT JOIN fates f ON f.position_id = p.id
                 WHERE p.mailbox IN ('(delivered)', '(imported)', '(picked)')
                 GROUP BY p.id, a.name, p.mailbox, p.last_uid, p.start_uid HAVING COUNT(f.uid) <> p.last_uid - p.start_uid",
    },
    Law {
        name: "emails",
        says: "every e-mail and every copy has its raw bytes, its text, and a thread",
        things: "SELECT COUNT(*) AS n FROM emails",
        broken: "SELECT 'e-mail ' || e.id || ' is in no inbox, and not marked as such' AS line FROM emails e
                 WHERE NOT e.maybe_nobodys AND NOT EXISTS (SELECT 1 FROM email_users u WHERE u.email_id = e.id)
                 UNION ALL
                 SELECT 'e-mail ' || e.id || ' has no raw bytes' AS line FROM emails e LEFT JOIN raws r ON r.id = e.raw_id WHERE r.id IS NULL
                 UNION ALL
                 SELECT 'a copy of e-mail ' || c.email_id || ' has no raw bytes' AS line
                 FROM email_copies c LEFT JOIN raws r ON r.id = c.raw_id WHERE r.id IS NULL
                 UNION ALL
                 SELECT 'e-mail ' || e.id || ' has no text' AS line
                 FROM emails e LEFT JOIN email_texts t ON t.email_id = e.id WHERE t.email_id IS NULL
                 UNION ALL
                 SELECT 'e-mail ' || e.id || ' is in no thread' AS line
                 FROM emails e LEFT JOIN threads t ON t.id = e.thread_id WHERE t.id IS NULL",
    },
    Law {
        name: "raw",
        says: "raw bytes are of an e-mail, a copy or something that is kept aside, and lie in one place",
        things: "SELECT COUNT(*) AS n FROM raws",
        broken: "SELECT 'raw ' || r.id || ' is of nothing' AS line FROM raws r
                 WHERE NOT EXISTS (SELECT 1 FROM emails e WHERE e.raw_id = r.id)
                   AND NOT EXISTS (SELECT 1 FROM email_copies c WHERE c.raw_id = r.id)
                   AND NOT EXISTS (SELECT 1 FROM quarantine q WHERE q.raw_id = r.id)
                   AND NOT EXISTS (SELECT 1 FROM skipped_raws k WHERE k.raw_id = r.id)
                 UNION ALL
                 SELECT 'raw ' || r.id || ' lies in two places or in none' AS line FROM raws r
                 WHERE (r.storage_id IS NULL) <> (r.upload IS NULL)
                    OR (CASE WHEN r.pruned_at IS NULL THEN 0 ELSE 1 END) + (CASE WHEN r.upload IS NULL THEN 0 ELSE 1 END)
                       + (CASE WHEN LENGTH(r.packed) = 0 THEN 0 ELSE 1 END) <> 1",
    },
    Law {
        name: "skipped",
        says: "what is kept of what filters skipped has the fate filtered",
        things: "SELECT COUNT(*) AS n FROM skipped_raws",
        broken: "SELECT 'account ' || a.name || ', mailbox ' || p.mailbox || ', UID ' || k.uid || ' is kept, and no filter skipped it' AS line
                 FROM skipped_raws k JOIN positions p ON p.id = k.position_id JOIN accounts a ON a.id = p.account_id
                 LEFT JOIN fates f ON f.position_id = k.position_id AND f.uid = k.uid
                 WHERE f.fate IS NULL OR f.fate <> 'filtered'",
    },
    Law {
        name: "cases",
        says: "every case number is given once",
        things: "SELECT COUNT(*) AS n FROM records WHERE kind = 'case'",
        broken: "SELECT 'case ' || number || ' is there ' || COUNT(*) || ' times' AS line FROM records WHERE kind = 'case'
                 GROUP BY number HAVING COUNT(*) > 1
                 UNION ALL
                 SELECT 'case ' || number || ' is above the next number, ' || value AS line FROM records, counters
                 WHERE kind = 'case' AND counters.name = 'number:case' AND number >= value",
    },
    Law {
        name: "threads",
        says: "a conversation opens one case, unless a late or a strange letter opens one that refers to the other",
        things: "SELECT COUNT(*) AS n FROM threads",
        broken: "SELECT 'thread ' || e.thread_id || ' opened ' || COUNT(DISTINCT r.id) || ' cases' AS line
                 FROM records r JOIN emails e ON e.parent_id = r.id
                 WHERE r.kind = 'case' AND r.refers_to_id IS NULL AND r.merged_into_id IS NULL AND e.parent_by = 'opened'
                 GROUP BY e.thread_id HAVING COUNT(DISTINCT r.id) > 1",
    },
    Law {
        name: "answers",
        says: "no e-mail is answered twice by itself, and no Message-ID of ours is used twice",
        things: "SELECT COUNT(*) AS n FROM outbox",
        broken: "SELECT 'e-mail ' || e.replied_id || ' has ' || COUNT(*) || ' automatic answers' AS line
                 FROM outbox o JOIN emails e ON e.id = o.email_id
                 WHERE o.kind = 'answer' AND e.replied_id IS NOT NULL GROUP BY e.replied_id HAVING COUNT(*) > 1
                 UNION ALL
                 SELECT 'Message-ID ' || e.message_id || ' is of ' || COUNT(*) || ' messages of the outbox' AS line
                 FROM outbox o JOIN emails e ON e.id = o.email_id GROUP BY e.message_id HAVING COUNT(*) > 1",
    },
    Law {
        name: "outbox",
        says: "every message that goes out is done, due, held, or waits for a person",
        things: "SELECT COUNT(*) AS n FROM outbox",
        broken: "SELECT 'message ' || id || ' is queued, and neither due nor held' AS line FROM outbox
                 WHERE state = 'queued' AND held_because IS NULL AND (due_at IS NULL OR account_id IS NULL)
                 UNION ALL
                 SELECT 'message ' || id || ' is on its way, and nobody sends it' AS line FROM outbox
                 WHERE state = 'sending' AND lease_until IS NULL
                 UNION ALL
                 SELECT 'message ' || id || ' is ' || state || ', and due' AS line FROM outbox
                 WHERE state NOT IN ('queued', 'draft') AND due_at IS NOT NULL
                 UNION ALL
                 SELECT 'message ' || o.id || ' is for nobody' AS line FROM outbox o
                 WHERE o.state = 'queued' AND NOT EXISTS (SELECT 1 FROM outbox_recipients r WHERE r.outbox_id = o.id)",
    },
    Law {
        name: "effects",
        says: "every effect and every copy for a Sent mailbox is done, due, or given up with a reason",
        things: "SELECT (SELECT COUNT(*) FROM effects) + (SELECT COUNT(*) FROM sent_copies) AS n",
        broken: "SELECT 'effect ' || id || ' (' || COALESCE(event, command) || ' of e-mail ' || COALESCE(email_id, 0) || ') is neither done nor due' AS line FROM effects
                 WHERE (due_at IS NULL AND done_at IS NULL AND last_error IS NULL) OR (due_at IS NOT NULL AND done_at IS NOT NULL)
                 UNION ALL
                 SELECT 'the copy of e-mail ' || email_id || ' is neither done nor due' AS line FROM sent_copies
                 WHERE (due_at IS NULL AND done_at IS NULL AND last_error IS NULL) OR (due_at IS NOT NULL AND done_at IS NOT NULL)",
    },
    Law {
        name: "servers",
        says: "what is to be done with a message on its server is done, due, or given up with a reason",
        things: "SELECT COUNT(*) AS n FROM server_actions",
        broken: "SELECT s.verb || ' of UID ' || s.uid || ' (e-mail ' || s.email_id || ') is neither done nor due' AS line FROM server_actions s
                 WHERE (s.due_at IS NULL AND s.done_at IS NULL AND s.last_error IS NULL) OR (s.due_at IS NOT NULL AND s.done_at IS NOT NULL)",
    },
    Law {
        name: "load",
        says: "every user is counted as many open cases as they have",
        things: "SELECT COUNT(*) AS n FROM users",
        broken: "SELECT u.login || ' has ' || COALESCE(c.n, 0) || ' open cases, and is counted ' || COALESCE(o.cases, 0) AS line
                 FROM users u LEFT JOIN open_cases o ON o.user_id = u.id LEFT JOIN (
                   SELECT assigned_user_id, COUNT(*) AS n FROM records WHERE status IN ('new', 'assigned', 'pending')
                   GROUP BY assigned_user_id
                 ) AS c ON c.assigned_user_id = u.id WHERE COALESCE(c.n, 0) <> COALESCE(o.cases, 0)",
    },
    Law {
        name: "numbers",
        says: "the next number of each kind is above those that are given",
        things: "SELECT COUNT(*) AS n FROM counters",
        broken: "SELECT 'the next ' || c.name || ' is ' || c.value || ', and ' || t.most || ' is given' AS line FROM counters c JOIN (
                   SELECT 'email' AS name, MAX(id) AS most FROM emails UNION ALL SELECT 'thread', MAX(id) FROM threads
                   UNION ALL SELECT 'record', MAX(id) FROM records UNION ALL SELECT 'note', MAX(id) FROM notes
                   UNION ALL SELECT 'raw', MAX(id) FROM raws UNION ALL SELECT 'position', MAX(id) FROM positions
                   UNION ALL SELECT 'notification', MAX(id) FROM notifications UNION ALL SELECT 'outgoing', MAX(id) FROM outbox
                   UNION ALL SELECT 'effect', MAX(id) FROM effects
                 ) AS t ON t.name = c.name WHERE c.value <= t.most",
    },
];

/// What came of one law.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Proved {
    pub law: &'static str,
    pub says: &'static str,
    /// How many things it was held against, and how many break it.
    pub things: i64,
    pub broken: i64,
    /// The first of those.
    pub rows: Vec<String>,
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

/// Holds all laws against the database as it is at one moment; with `deep` the digests of all raw bytes, too.
pub fn prove(db: &mut Database, deep: bool) -> Result<Vec<Proved>> {
    match db {
        Database::Sqlite(c) => c.batch_execute("BEGIN")?,
        Database::Postgresql(c) => {
            c.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = 0")?;
        }
    }
    let proved = LAWS.iter().map(|law| hold(db, law)).collect::<Result<Vec<_>>>();
    match db {
        Database::Sqlite(c) => c.batch_execute("ROLLBACK")?,
        Database::Postgresql(c) => c.batch_execute("ROLLBACK")?,
    }
    let mut proved = proved?;
    // What lies outside is not of that moment: it is held against what the database says now.
    let storages = storage::all(db)?;
    if !storages.is_empty() {
        proved.push(objects(db, &storages)?);
    }
    if deep {
        proved.push(digests(db)?);
        proved.push(packed(db)?);
    }
    Ok(proved)
}

/// Looks for the objects of all raw bytes that lie outside the database.
fn objects(db: &mut Database, storages: &[storage::Storage]) -> Result<Proved> {
    let says = "raw bytes that lie outside the database are there";
    let mut proved = Proved { law: "objects", says, things: 0, broken: 0, rows: Vec::new() };
    for storage in storages {
        for first in 0..=u8::MAX {
            let held = storage::held_against(db, storage, first)?;
            proved.things += held.messages;
            for (raw, name) in held.missing {
                proved.broken += 1;
                if proved.broken <= TOLD {
                    proved.rows.push(format!("raw {raw} is not in {}: {name}", storage.url));
                }
            }
        }
    }
    Ok(proved)
}

fn hold(db: &mut Database, law: &Law) -> Result<Proved> {
    let Law { name, says, things, broken } = law;
    let count = |db: &mut Database, query: &str| -> Result<i64> {
        let rows = diesel::sql_query(query).load::<Number>(db).with_context(|| format!("proving {name}"))?;
        Ok(rows.first().map_or(0, |row| row.n))
    };
    let things = count(db, things)?;
    let many = count(db, &format!("SELECT COUNT(*) AS n FROM ({broken}) AS b"))?;
    let rows = if many == 0 {
        Vec::new()
    } else {
        let first = format!("SELECT line FROM ({broken}) AS b ORDER BY line LIMIT {TOLD}");
        diesel::sql_query(first).load::<Line>(db)?.into_iter().map(|row| row.line).collect()
    };
    Ok(Proved { law: name, says, things, broken: many, rows })
}

/// Unpacks all texts that are packed.
fn packed(db: &mut Database) -> Result<Proved> {
    let says = "what e-mails and records say can be read";
    let mut proved = Proved { law: "texts", says, things: 0, broken: 0, rows: Vec::new() };
    let mut note = |read: Result<String>, what: String| {
        proved.things += 1;
        if let Err(error) = read {
            proved.broken += 1;
            if proved.broken <= TOLD {
                proved.rows.push(format!("{what}: {error:#}"));
            }
        }
    };
    let mut last = EmailId(i64::MIN);
    loop {
        let next = email_texts::table.filter(email_texts::packed.is_not_null()).filter(email_texts::email_id.gt(last));
        let next = next.order(email_texts::email_id).limit(TEXTS).select((email_texts::email_id, Said::as_select()));
        let rows = next.load::<(EmailId, Said)>(db)?;
        let Some((newest, _)) = rows.last() else { break };
        last = *newest;
        rows.into_iter().for_each(|(id, text)| note(text.read(id), format!("e-mail {id}")));
    }
    let mut last = RecordId(i64::MIN);
    loop {
        let next = records::table.filter(records::packed.is_not_null()).filter(records::id.gt(last));
        let next = next.order(records::id).limit(TEXTS).select((records::id, Description::as_select()));
        let rows = next.load::<(RecordId, Description)>(db)?;
        let Some((newest, _)) = rows.last() else { break };
        last = *newest;
        rows.into_iter().for_each(|(id, description)| note(description.read(), format!("record {id}")));
    }
    Ok(proved)
}

/// How many packed texts are read at once.
const TEXTS: i64 = 500;

/// Reads all raw bytes and makes their digests anew.
fn digests(db: &mut Database) -> Result<Proved> {
    let mut proved = Proved {
        law: "digests",
        says: "raw bytes that were not pruned are what they were when they came",
        things: 0,
        broken: 0,
        rows: Vec::new(),
    };
    let mut last = i64::MIN;
    loop {
        let next = raws::table.filter(raws::pruned_at.is_null()).filter(raws::id.gt(last)).order(raws::id).limit(AT_ONCE);
        let rows = next.select(Row::as_select()).load(db)?;
        let Some(newest) = rows.last() else { return Ok(proved) };
        last = newest.id;
        for row in rows {
            proved.things += 1;
            let (id, known) = (row.id, row.digest.clone());
            let broken = match raw::open(db, row) {
                Ok(Left::Kept(bytes)) if digest(&bytes)[..] == known[..] => continue,
                // It was pruned meanwhile.
                Ok(Left::Pruned(_)) => continue,
                Ok(Left::Kept(_)) => "has other bytes than it had".to_string(),
                Err(error) => format!("cannot be read: {error:#}"),
            };
            proved.broken += 1;
            if proved.broken <= TOLD {
                proved.rows.push(format!("raw {id} {broken}"));
            }
        }
    }
}
