//! What is old goes, as the configuration has it: found and taken window by window, so that no transaction is long, whatever there is.
//! Fates and positions stay for good (FETCH-2): of fates only the reasons go.

use anyhow::{Context, Result, bail};
use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::schema::{effects, notifications, sent_copies};
use super::{Database, deletion, fate, raw, setting};
use crate::words::{EmailId, Pruning};

/// How many rows one transaction looks at.
const WINDOW: i64 = 500;

/// Where a window ends: the next one begins behind it.
type Place = (i64, i64);

/// Before every window.
const BEGIN: Place = (-i64::MAX, -i64::MAX);

/// What is before this time goes, and the present; seconds since 1970 UTC.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    pub before: i64,
    pub now: i64,
}

/// Rows of one kind that may be old.
struct Source {
    pruning: Pruning,
    from: &'static str,
    /// Which are looked at; an index has them in the order of the key.
    old: &'static str,
    key: (&'static str, &'static str),
    id: &'static str,
    /// Which of them may go.
    may_go: &'static str,
    /// How many bytes of the database that is, about: what a row says, or what a row takes.
    bytes: &'static str,
}

/// What an e-mail `e` takes that is asked for by its number.
const OF_EMAIL: &str = "(SELECT length(x.packed) + length(t.text) + COALESCE(length(t.packed), 0) + length(t.people) + 300
     FROM emails y JOIN email_texts t ON t.email_id = y.id JOIN raws x ON x.id = y.raw_id WHERE y.id = :id)";

/// What waits for the bytes of an e-mail `e`: what has not gone out or not reached a server, and what a person has to decide; not what was
/// given up, which may never be done.
pub(super) const WAITS: &str =
    "(EXISTS (SELECT 1 FROM outbox o WHERE o.email_id = e.id AND (o.state <> 'sent' OR o.reached_at IS NOT NULL))
    OR EXISTS (SELECT 1 FROM sent_copies s WHERE s.email_id = e.id AND s.due_at IS NOT NULL)
    OR EXISTS (SELECT 1 FROM effects f WHERE f.email_id = e.id AND f.due_at IS NOT NULL)
    OR EXISTS (SELECT 1 FROM server_actions a WHERE a.email_id = e.id AND a.due_at IS NOT NULL)
    OR EXISTS (SELECT 1 FROM reviews v WHERE v.email_id = e.id AND v.decision IS NULL)
    OR EXISTS (SELECT 1 FROM held_actions h WHERE h.email_id = e.id))";

/// What an e-mail `e` is still asked for beside that: the rest of it is to be fetched, or it belongs to a case that is not finished or to an
/// event to come. Its bytes stay, and so does the e-mail.
const NEEDED: &str = "(e.is_partial OR :waits
    OR EXISTS (SELECT 1 FROM events t WHERE t.email_id = e.id AND t.ends_at >= :now)
    OR EXISTS (SELECT 1 FROM records p WHERE p.id = e.parent_id AND p.kind = 'case'
               AND p.status NOT IN ('closed', 'rejected', 'duplicate')))";

const SOURCES: &[Source] = &[
    Source {
        pruning: Pruning::Raw,
        from: "raws r",
        old: "r.pruned_at IS NULL",
        key: ("r.id", "r.id"),
        id: "r.id",
        // All that have the bytes must be able to do without them.
        may_go: "NOT EXISTS (SELECT 1 FROM quarantine q WHERE q.raw_id = r.id)
             AND NOT EXISTS (SELECT 1 FROM skipped_raws k WHERE k.raw_id = r.id)
             AND NOT EXISTS (SELECT 1 FROM emails e WHERE e.raw_id = r.id AND (e.arrived_at >= :before OR :needed))
             AND NOT EXISTS (SELECT 1 FROM email_copies c JOIN emails e ON e.id = c.email_id
                             WHERE c.raw_id = r.id AND (c.arrived_at >= :before OR :needed))",
        bytes: "length(r.packed)",
    },
    Source {
        pruning: Pruning::Skipped,
        from: "skipped_raws k",
        old: "k.kept_at < :before",
        key: ("k.kept_at", "k.uid"),
        id: "k.raw_id",
        may_go: "TRUE",
        bytes: "(SELECT length(x.packed) + 100 FROM raws x WHERE x.id = k.raw_id)",
    },
    Source {
        pruning: Pruning::Trash,
        from: "email_users u",
        old: "u.trashed_at IS NOT NULL AND u.trashed_at < :before",
        key: ("u.trashed_at", "u.email_id"),
        id: "u.email_id",
        // By the one who put it there last: there nobody has it anywhere else. A team's, and a group account's, is not theirs to throw away.
        may_go: "NOT EXISTS (SELECT 1 FROM email_users w WHERE w.email_id = u.email_id
                             AND (w.trashed_at IS NULL OR (w.trashed_at, w.user_id) > (u.trashed_at, u.user_id)))
             AND NOT EXISTS (SELECT 1 FROM email_teams t WHERE t.email_id = u.email_id)
             AND NOT EXISTS (SELECT 1 FROM email_accounts a JOIN accounts g ON g.id = a.account_id
                             WHERE a.email_id = u.email_id AND g.kind = 'group')
             AND EXISTS (SELECT 1 FROM emails e WHERE e.id = u.email_id AND e.folder_id IS NULL AND :free)",
        bytes: OF_EMAIL,
    },
    Source {
        pruning: Pruning::Trash,
        from: "emails e",
        old: "e.group_trashed_at IS NOT NULL AND e.group_trashed_at < :before",
        key: ("e.group_trashed_at", "e.id"),
        id: "e.id",
        may_go: "e.folder_id IS NOT NULL AND :free
             AND NOT EXISTS (SELECT 1 FROM email_users w WHERE w.email_id = e.id
                             AND (w.trashed_at IS NULL OR w.trashed_at >= :before))",
        bytes: OF_EMAIL,
    },
    Source {
        pruning: Pruning::Digests,
        from: "outbox l",
        old: "l.kind = 'notification' AND l.sent_at < :before",
        key: ("l.sent_at", "l.email_id"),
        id: "l.email_id",
        may_go: "EXISTS (SELECT 1 FROM emails e WHERE e.id = l.email_id AND e.parent_id IS NULL AND NOT :needed)",
        bytes: OF_EMAIL,
    },
    Source {
        pruning: Pruning::Notifications,
        from: "notifications n",
        old: "n.is_read AND n.created_at < :before",
        key: ("n.created_at", "n.id"),
        id: "n.id",
        // Where it is in nobody's inbox, that somebody was told says that it reached them (INBOX-1).
        may_go: "NOT n.is_held AND (n.email_id IS NULL OR EXISTS (SELECT 1 FROM email_users u WHERE u.email_id = n.email_id))",
        bytes: "length(n.detail) + 100",
    },
    Source {
        pruning: Pruning::Reasons,
        from: "fates f",
        old: "f.at < :before",
        key: ("f.at", "f.at"),
        id: "f.uid",
        // Of the others the reason says what a person is to do.
        may_go: "f.fate NOT IN ('quarantined', 'undelivered', 'gone')",
        bytes: "length(f.why) + COALESCE(length(f.reasons), 0)",
    },
    Source {
        pruning: Pruning::Finished,
        from: "effects f",
        old: "f.done_at IS NOT NULL AND f.done_at < :before",
        key: ("f.done_at", "f.id"),
        id: "f.id",
        may_go: "f.due_at IS NULL",
        bytes: "200",
    },
    Source {
        pruning: Pruning::Finished,
        from: "sent_copies s",
        old: "s.done_at IS NOT NULL AND s.done_at < :before",
        key: ("s.done_at", "s.email_id"),
        id: "s.email_id",
        may_go: "s.due_at IS NULL",
        bytes: "200",
    },
];

/// What no record holds, nobody is to look after, and nothing waits for.
const FREE: &str = "(e.parent_id IS NULL AND e.account_record_id IS NULL AND e.assigned_user_id IS NULL
    AND NOT EXISTS (SELECT 1 FROM notes m WHERE m.email_id = e.id) AND NOT :needed)";

/// The windows of one kind of rows, one after the other.
pub struct Windows {
    source: &'static Source,
    times: Times,
    end: Place,
}

/// A window.
pub struct Window {
    after: Place,
    end: Place,
    /// How much in it may go, and how many bytes that is, about.
    pub count: i64,
    pub bytes: i64,
}

/// Returns the rows of a kind, in the order in which they are looked at.
pub fn windows(db: &mut Database, pruning: Pruning, times: Times) -> Result<Vec<Windows>> {
    // Reasons that went are not looked at again: there is a fate for every message that ever was.
    let begin = match pruning {
        Pruning::Reasons => setting::get(db, REASONS)?.and_then(|text| text.parse().ok()).map_or(BEGIN, |at| (at, -i64::MAX)),
        _ => BEGIN,
    };
    let of_kind = SOURCES.iter().filter(|source| source.pruning == pruning);
    Ok(of_kind.map(|source| Windows { source, times, end: begin }).collect())
}

/// Up to when reasons went.
const REASONS: &str = "pruned-reasons-before";

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

#[derive(QueryableByName)]
struct Key {
    #[diesel(sql_type = BigInt)]
    k: i64,
    #[diesel(sql_type = BigInt)]
    i: i64,
}

impl Windows {
    /// Looks at the next window; none where all were looked at. Nothing is locked.
    pub fn next(&mut self, db: &mut Database) -> Result<Option<Window>> {
        let Source { from, old, key: (k, i), id, bytes, .. } = self.source;
        let (a, b) = self.end;
        let keys = format!(
            "SELECT {k} AS k, {i} AS i FROM {from} WHERE {old} AND ({k}, {i}) > ({a}, {b}) ORDER BY {k}, {i} LIMIT {WINDOW}"
        );
        let keys = diesel::sql_query(self.filled(&keys)).load::<Key>(db).context("looking for what is old")?;
        let Some(last) = keys.last() else { return Ok(None) };
        let (after, end) = (self.end, (last.k, last.i));
        self.end = end;
        let (bytes, within) = (bytes.replace(":id", id), self.within(after, end));
        let count = format!("SELECT COUNT(*) AS k, CAST(COALESCE(SUM({bytes}), 0) AS BIGINT) AS i FROM {from} WHERE {within}");
        let counted = diesel::sql_query(self.filled(&count)).load::<Key>(db).context("counting what is old")?;
        let (count, bytes) = counted.first().map_or((0, 0), |row| (row.k, row.i));
        Ok(Some(Window { after, end, count, bytes }))
    }

    /// Takes what may go in a window, in the caller's transaction and under the lock row: what changed since it was looked at counts.
    /// Returns how much it was.
    pub fn take(&self, db: &mut Database, window: &Window) -> Result<i64> {
        let Source { pruning, from, id, .. } = self.source;
        let within = self.within(window.after, window.end);
        if *pruning == Pruning::Reasons {
            let bare = fate::bare("COALESCE(CAST(f.email_id AS TEXT), 'null')", "its reasons were pruned");
            let gone = format!("UPDATE fates AS f SET {bare} WHERE {within}");
            return Ok(i64::try_from(diesel::sql_query(self.filled(&gone)).execute(db)?)?);
        }
        let those = diesel::sql_query(self.filled(&format!("SELECT {id} AS n FROM {from} WHERE {within}"))).load::<Number>(db)?;
        let ids: Vec<i64> = those.into_iter().map(|row| row.n).collect();
        let emails = || ids.iter().copied().map(EmailId).collect::<Vec<_>>();
        match (pruning, *from) {
            (Pruning::Skipped, _) => {
                diesel::sql_query(self.filled(&format!("DELETE FROM skipped_raws AS k WHERE {within}"))).execute(db)?;
                raw::drop_unused(db, &ids)?;
            }
            (Pruning::Raw, _) => raw::prune(db, &ids, self.times.now)?,
            // A server that has them does not bring them back.
            (Pruning::Trash | Pruning::Digests, _) => deletion::delete(db, &emails(), self.times.now)?,
            (Pruning::Notifications, _) => {
                diesel::delete(notifications::table.filter(notifications::id.eq_any(&ids))).execute(db)?;
            }
            (_, "sent_copies s") => {
                diesel::delete(sent_copies::table.filter(sent_copies::email_id.eq_any(emails()))).execute(db)?;
            }
            (_, "effects f") => {
                diesel::delete(effects::table.filter(effects::id.eq_any(&ids))).execute(db)?;
            }
            (_, unknown) => bail!("nothing is known of how to take rows from {unknown}"),
        }
        Ok(i64::try_from(ids.len())?)
    }

    /// Remembers that all windows were taken.
    pub fn finish(&self, db: &mut Database) -> Result<()> {
        match self.source.pruning {
            Pruning::Reasons => setting::set(db, REASONS, &self.times.before.to_string()),
            _ => Ok(()),
        }
    }

    fn within(&self, (a, b): Place, (c, d): Place) -> String {
        let Source { old, key: (k, i), may_go, .. } = self.source;
        format!("{old} AND ({k}, {i}) > ({a}, {b}) AND ({k}, {i}) <= ({c}, {d}) AND {may_go}")
    }

    /// Only numbers of ours are put in.
    fn filled(&self, query: &str) -> String {
        let query = query.replace(":free", FREE).replace(":needed", NEEDED).replace(":waits", WAITS);
        query.replace(":before", &self.times.before.to_string()).replace(":now", &self.times.now.to_string())
    }
}
