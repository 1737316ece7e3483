//! The events of a batch that the configuration has a command for (HOOK-1): one question a batch, and rows only where there is one.

use anyhow::Result;
use serde_json::{Value, json};

use super::Batch;
use super::rows::EffectRow;
use crate::store::{Database, hook};
use crate::words::{AccountId, DeliveryState, EmailId, Fate, Hook, NoteKind, RecordKind};

/// An event: of which e-mail and account, and what else is known of it.
type Event = (Hook, Option<EmailId>, Option<AccountId>, Value);

impl Batch<'_> {
    /// Adds a row for each event that is wanted.
    pub(super) fn hear(&mut self, db: &mut Database) -> Result<()> {
        let nothing = self.fates.is_empty() && self.records.is_empty() && self.held.is_empty() && self.deliveries.is_empty();
        let wanted = if nothing { Vec::new() } else { hook::wanted(db)? };
        let events: Vec<Event> = wanted.into_iter().flat_map(|hook| self.events_of(hook)).collect();
        self.effects.extend(events.into_iter().map(|(hook, email_id, account_id, about)| EffectRow {
            id: 0,
            email_id,
            account_id,
            filter: String::new(),
            command: String::new(),
            created_at: self.now,
            due_at: Some(self.now),
            attempts: 0,
            event: Some(hook),
            about: Some(about.to_string()),
        }));
        Ok(())
    }

    fn events_of(&self, hook: Hook) -> Vec<Event> {
        let through = |email: EmailId| {
            let first = (email, AccountId(i64::MIN));
            self.email_accounts.range(first..).next().filter(|(of, _)| *of == email).map(|(_, account)| *account)
        };
        match hook {
            Hook::EmailImported => {
                let new = self.fates.iter().filter(|row| matches!(row.fate, Fate::Imported | Fate::Held));
                let of = |row: &crate::store::fate::FateRow| row.email_id.map(|email| (email, row.fate));
                new.filter_map(of)
                    .map(|(email, fate)| (hook, Some(email), through(email), json!({ "fate": fate.as_str() })))
                    .collect()
            }
            Hook::CaseCreated => {
                let cases = self.records.iter().filter(|row| row.kind == RecordKind::Case);
                let opener = |case| {
                    let note = self.notes.iter().find(|note| note.record_id == case && note.kind == NoteKind::Created);
                    note.and_then(|note| note.email_id)
                };
                let of = |row: &super::rows::RecordRow| {
                    let about = json!({ "record": format!("case:{}", row.number), "name": row.name });
                    (hook, opener(row.id), row.through_account_id, about)
                };
                cases.map(of).collect()
            }
            Hook::AnswerHeld => {
                let held = self.held.iter().filter_map(|row| row.answer());
                held.map(|(email, account, because)| (hook, Some(email), Some(account), json!({ "because": because }))).collect()
            }
            Hook::MessageUndelivered => {
                let failed = self.deliveries.iter().filter(|row| row.state == DeliveryState::Failed);
                let about = |row: &crate::store::address::DeliveryRow| json!({ "state": "failed", "address": row.address, "status": row.status, "error": row.diagnostic });
                failed.map(|row| (hook, Some(row.email), None, about(row))).collect()
            }
            // It is told of where people are (FETCH-12).
            Hook::AccountFailing => Vec::new(),
        }
    }
}
