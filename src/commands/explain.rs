//! `espomail explain`.

mod plan;

use std::path::Path;

use anyhow::Result;
use serde_json::{Value, json};

pub use self::plan::told;
use self::plan::{told_actions, written};
use super::hearsay::Hearsay;
use super::{place, right};
use crate::clock::rfc3339;
use crate::context::{self, Context};
use crate::custody;
use crate::decide::access::Actor;
use crate::decide::hearsay::{forget_others, list};
use crate::decide::reason::Reason;
use crate::fault::{Class, Fault};
use crate::mail::{self, Mail};
use crate::output::shown_line;
use crate::pass::explain::{Explained, explain};
use crate::pass::verdict::{Names, Verdict};
use crate::store::access::{self, Trace};
use crate::store::account::Account;
use crate::store::fate::{self, FateOf};
use crate::store::filter::{self, Owner};
use crate::store::server_action;
use crate::store::{Database, Store, account, email, record, remembered, skipped};
use crate::words::{EmailId, Fate, FilterId, RoleAction, UserId};

/// Say what became of an e-mail and why, or what would become of a message
///
/// For a stored e-mail the reasons that were written down when it arrived are printed, once for each account it came
/// through, and then what people did to it, and what followed from that. For a file, today's rules are run without changing
/// anything; where nothing is set up yet, as if it came through a group account without settings. What the rules are that reasons
/// begin with: espomail-rules(7); -o json has each as "rule" beside "because".
///
/// What a filter skipped is no e-mail here and still has its reasons: ask for it by its Message-ID, or by where it stands on the
/// server. A UID of which anything else became is answered in the same way. Of an e-mail that was deleted administrators are told who
/// did it.
#[derive(Debug, clap::Args)]
pub struct Explain {
    /// File with a message (- for standard input), the number or Message-ID of a stored e-mail, the Message-ID of one that a filter
    /// skipped, or ACCOUNT/MAILBOX/UID
    #[arg(value_name = "FILE|ID|PLACE")]
    what: String,
    /// Account that the file's message would come through [default: the one that it is addressed to, or the only one]
    #[arg(long, value_name = "ACCOUNT")]
    account: Option<String>,
}

impl Explain {
    pub fn run(self, context: &Context) -> Result<()> {
        // Through sudo a file would be read with the rights of the service account.
        let is_guest = context::caller().guest().is_some();
        if self.what == "-" || (!is_guest && Path::new(&self.what).is_file()) {
            // It shows what the rules know, of whomever it is.
            context.administrator()?;
            return self.file(context);
        }
        let mut store = context.store()?;
        let actor = context.actor();
        let fates = self.fates(store.connection(), &actor)?;
        // What stands there may be an e-mail: then it is told whole.
        let email = fates.iter().rev().find_map(|fate| fate.email).map(|email| email.to_string());
        let wanted = email.as_deref().unwrap_or(&self.what);
        let deleted = if email.is_none() { self.deleted(store.connection(), &actor, &fates)? } else { Vec::new() };
        let id = match right::email(store.connection(), &actor, wanted, RoleAction::Read) {
            Ok((id, _)) => id,
            Err(_) if email.is_none() && !fates.is_empty() => return untold(context, &mut store, &fates, deleted),
            Err(_) if !deleted.is_empty() => return untold(context, &mut store, &fates, deleted),
            // Whoever may not read it learns neither its number, nor that anything came of what they ask for.
            Err(_) if email.is_some() => return Err(numbered(email::missing(&self.what), &self.what, is_guest)),
            Err(error) => return Err(numbered(error, &self.what, is_guest)),
        };
        let shown = email::show(store.connection(), id)?;
        let mut hearsay = Hearsay::of(store.connection(), &actor, &shown)?;
        let names = Names::all(store.connection())?;
        let others = Others::of(store.connection(), actor.user)?;
        let mut arrivals = Vec::new();
        for arrival in fate::fates_of(store.connection(), id)? {
            let mut told = Arrived::of(store.connection(), &arrival)?;
            if !told.is_for(&actor) {
                // How mail came to another's own account is that user's to know.
                continue;
            }
            if !actor.administrator {
                others.forget(&mut told.why);
                hearsay.forget(store.connection(), &mut told.why)?;
            }
            arrivals.push(told);
        }
        let mut on_server = server_action::of_email(store.connection(), id)?;
        let told: Vec<&str> = arrivals.iter().map(|arrival| arrival.account.as_str()).collect();
        on_server.retain(|action| told.contains(&action.account.as_str()));
        let mail = remembered::shown(store.connection(), id, true)?.unwrap_or_default();
        let sender_not_verified = shown.sender_not_verified;
        let message = mail.document();
        let words = words(store.connection(), id, (!actor.administrator).then_some((&others, &mut hearsay)))?;
        let document = json!({
            "email": id, "sender_not_verified": sender_not_verified, "message": message, "arrivals": arrivals, "by_hand": words,
            "on_server": on_server, "raw_pruned_at": shown.raw_pruned_at.map(rfc3339),
        });
        context.out.item(&document, || {
            let head = if sender_not_verified { "sender not verified\n" } else { "" };
            let told = all_told(&arrivals, &words, &mut store, &names);
            let pruned = shown.raw_pruned_at.map(|at| format!("its raw bytes were pruned on {}\n", rfc3339(at)));
            let pruned = pruned.unwrap_or_default();
            format!("{head}{pruned}{}{told}{}", automatic(&mail), told_actions(&on_server))
        });
        Ok(())
    }

    /// Finds what became of a message that may be no e-mail: by its place, or by the Message-ID of what a filter skipped. Mail of a
    /// group account that nobody has is administrators' to know of, that of a personal account its owner's.
    fn fates(&self, db: &mut Database, actor: &Actor) -> Result<Vec<FateOf>> {
        let mut fates = match place::read(db, &self.what)? {
            // What is where in somebody's own mailbox is theirs to know.
            Some((account, ..)) if !actor.administrator && account.owner.is_some_and(|owner| Some(owner) != actor.user) => {
                Vec::new()
            }
            Some((account, mailbox, uid)) => fate::at(db, account.id, &mailbox, uid)?,
            None => fate::skipped(db, self.what.trim_start_matches('<').trim_end_matches('>'))?,
        };
        let mut theirs = Vec::new();
        for fate in fates.drain(..) {
            let owner = account::find(db, &fate.account.to_string())?.owner;
            if fate.email.is_some() || actor.administrator || (owner.is_some() && owner == actor.user) {
                theirs.push(fate);
            }
        }
        Ok(theirs)
    }

    /// Who deleted what was asked for, of which that is all there is left to tell; administrators look into the audit.
    fn deleted(&self, db: &mut Database, actor: &Actor, fates: &[FateOf]) -> Result<Vec<Word>> {
        if !actor.administrator {
            return Ok(Vec::new());
        }
        let mut traces = access::deletions_of(db, self.what.trim_start_matches('<').trim_end_matches('>'))?;
        for fate in fates {
            if let Some(email) = written(&fate.why)?["email"].as_i64() {
                traces.extend(access::deletions_of(db, &email.to_string())?);
            }
        }
        let word = |trace: Trace| {
            let was = format!("it was {}, <{}>", trace.subject, trace.detail);
            Word::of(trace, json!({ "notes": [{ "because": was }] }))
        };
        Ok(traces.into_iter().map(word).collect())
    }

    fn file(self, context: &Context) -> Result<()> {
        let bytes = if self.what == "-" { context::read_stdin(LARGEST)? } else { read(&self.what)? };
        let explained = match context.store_if_any()? {
            None => explain(None, &bytes, &context.switches(), context.now())?,
            Some(mut store) => {
                let policy = context.policy(store.connection())?;
                let account = self.account_for(&mut store, &bytes)?;
                explain(account.as_ref().map(|account| (&mut store, account)), &bytes, &policy, context.now())?
            }
        };
        let verdict = Verdict::of(&explained.plan, &explained.mail, &explained.names);
        let document = json!({ "message": explained.mail.document(), "decision": verdict });
        context.out.item(&document, || told_file(&explained));
        Ok(())
    }

    /// The account named, else the one that the message is addressed to, else the only one there is; none when there is none.
    fn account_for(&self, store: &mut Store, bytes: &[u8]) -> Result<Option<Account>> {
        if let Some(name) = &self.account {
            return account::find(store.connection(), name).map(Some);
        }
        let found = account::addressed(store.connection(), &mail::parse(bytes))?;
        if found.is_none() && !account::list(store.connection())?.is_empty() {
            return Err(Fault::new(Class::Usage, "the message is addressed to none of the accounts")
                .hint("say which one it would come through: --account NAME")
                .into());
        }
        Ok(found)
    }
}

/// What a filter skipped has no number, and that is what somebody may be looking for; or for a file.
fn numbered(error: anyhow::Error, wanted: &str, is_guest: bool) -> anyhow::Error {
    match error.downcast::<Fault>() {
        Ok(fault) if fault.class == Class::Data && wanted.parse::<i64>().is_ok() => fault
            .hint("try: espomail email list; what a filter skipped has no number: espomail explain MESSAGE-ID, or ACCOUNT/MAILBOX/UID")
            .into(),
        // A guest does not learn which files there are.
        Ok(fault) if fault.class == Class::Data && !wanted.contains('@') && is_guest => Fault::new(fault.class, fault.what)
            .hint("give the number or Message-ID of an e-mail (see espomail email list), ACCOUNT/MAILBOX/UID, or \"-\" and the file as standard input")
            .into(),
        Ok(fault) if fault.class == Class::Data && !wanted.contains('@') => {
            Fault::new(Class::Data, format!("there is neither a file nor an e-mail {wanted}"))
                .hint("give a file, the number or Message-ID of an e-mail (see espomail email list), or ACCOUNT/MAILBOX/UID")
                .into()
        }
        Ok(fault) => fault.into(),
        Err(error) => error,
    }
}

/// One way that a message came, for those who look at it.
#[derive(serde::Serialize)]
struct Arrived {
    account: String,
    mailbox: String,
    uid: i64,
    at: String,
    fate: Fate,
    /// How many bytes of it are kept here although a filter skipped it.
    #[serde(skip_serializing_if = "Option::is_none")]
    kept_bytes: Option<i64>,
    why: Value,
    #[serde(skip)]
    owner: Option<UserId>,
}

impl Arrived {
    fn of(db: &mut Database, fate: &FateOf) -> Result<Self> {
        let through = account::find(db, &fate.account.to_string())?;
        let kept = if fate.fate == Fate::Filtered { skipped::find(db, fate.position, fate.uid)? } else { None };
        Ok(Self {
            kept_bytes: kept.map(|kept| kept.size),
            owner: through.owner,
            account: through.settings.own.name,
            mailbox: fate.mailbox.clone(),
            uid: fate.uid,
            at: rfc3339(fate.at),
            fate: fate.fate,
            why: written(&fate.why)?,
        })
    }

    fn is_for(&self, actor: &Actor) -> bool {
        actor.administrator || self.owner.is_none() || self.owner == actor.user
    }
}

/// Tells of a message that is no e-mail here.
fn untold(context: &Context, store: &mut Store, fates: &[FateOf], words: Vec<Word>) -> Result<()> {
    let names = Names::all(store.connection())?;
    let arrivals = fates.iter().map(|fate| Arrived::of(store.connection(), fate)).collect::<Result<Vec<_>>>()?;
    let document = json!({ "email": Value::Null, "arrivals": arrivals, "by_hand": words });
    context.out.item(&document, || all_told(&arrivals, &words, store, &names));
    Ok(())
}

/// Tells how a message came and why, once for each place, and what people did to it.
fn all_told(arrivals: &[Arrived], words: &[Word], store: &mut Store, names: &Names) -> String {
    let mut of = |head: String, why: &Value| {
        let mut record = |id| match record::name_of(store.connection(), Some(id)) {
            Ok(Some(named)) => named.to_string(),
            // It is gone.
            Ok(None) | Err(_) => format!("record {id}"),
        };
        format!("{head}\n{}", told(why, &mut record, names))
    };
    let mut parts = Vec::new();
    for Arrived { account, mailbox, uid, at, fate, kept_bytes, why, .. } in arrivals {
        let kept = kept_bytes.map(|bytes| {
            let place = place::written(account, mailbox, *uid);
            format!("; its {bytes} bytes are kept: espomail fate raw {place}")
        });
        let kept = kept.unwrap_or_default();
        parts.push(of(format!("{at} through account {account}, mailbox {mailbox}, UID {uid}: {fate}{kept}"), why));
    }
    for Word { at, who, action, why, .. } in words {
        parts.push(of(format!("{at} by {who}: {action}"), why));
    }
    parts.join("\n")
}

/// What a person did to an e-mail.
#[derive(serde::Serialize)]
struct Word {
    at: String,
    who: String,
    action: String,
    subject: String,
    why: Value,
}

impl Word {
    fn of(trace: Trace, why: Value) -> Self {
        let who = trace.user.unwrap_or(trace.os_account);
        Self { at: rfc3339(trace.at), who, action: trace.action, subject: trace.subject, why }
    }
}

/// WHY-1: what people did to an e-mail, the oldest first; some of it is others' to know.
fn words(db: &mut Database, id: EmailId, mut told: Option<(&Others, &mut Hearsay<'_>)>) -> Result<Vec<Word>> {
    let word = |db: &mut Database, (trace, why): (Trace, String), told: &mut Option<(&Others, &mut Hearsay<'_>)>| {
        let mut why = written(&why)?;
        // What became of other e-mails by the same word is told with those.
        let concerns = |step: &Value| step["do"] == "open-case" || step["email"].as_i64().is_none_or(|email| email == id.0);
        if let Some(steps) = list(&mut why, "steps") {
            steps.retain(concerns);
        }
        if let Some((others, hearsay)) = told {
            others.forget(&mut why);
            hearsay.forget(db, &mut why)?;
        }
        anyhow::Ok(Word::of(trace, why))
    };
    let mut words = Vec::new();
    for said in access::words_on(db, id)? {
        words.push(word(db, said, &mut told)?);
    }
    // Of what another does with a copy of their own nothing is left.
    words.retain(|word| word.why["steps"].as_array().is_none_or(|steps| !steps.is_empty()));
    words.extend(access::said_of(db, id)?.into_iter().map(|trace| {
        let why = if trace.detail.is_empty() { json!({}) } else { json!({ "notes": [Reason::read(&trace.detail)] }) };
        Word::of(trace, why)
    }));
    words.sort_by(|one, other| one.at.cmp(&other.at));
    Ok(words)
}

/// The largest message that is read from standard input, in bytes.
const LARGEST: u64 = 1 << 30;

fn read(path: &str) -> Result<Vec<u8>> {
    custody::check_free(path.as_ref())?;
    std::fs::read(path).map_err(|error| Fault::new(Class::Data, format!("cannot read {path}: {error}")).into())
}

fn told_file(explained: &Explained) -> String {
    let (mail, plan) = (&explained.mail, &explained.plan);
    let author = mail.from.as_ref().map(|from| from.address.clone());
    let from = author.or_else(|| mail.signed_by.as_ref().map(|by| by.name.clone())).unwrap_or_default();
    let head = format!("{} from {}: it would be {}\n", shown_line(&mail.subject), shown_line(&from), plan.fate);
    let (defects, automatic) = (defects(mail), automatic(mail));
    format!("{head}{defects}{automatic}{}", told(&json!(plan), &mut |id| explained.names.record(id), &explained.names))
}

fn defects(mail: &Mail) -> String {
    mail.defects.iter().map(|defect| format!("  defect: {}\n", shown_line(defect))).collect()
}

/// AUTO-3: says what wrote it, and by which signs that is seen.
fn automatic(mail: &Mail) -> String {
    mail.automatic.iter().map(|sign| format!("  automatic: {}\n", shown_line(&sign.to_string()))).collect()
}

/// What users other than the one who asks keep to themselves: their filters, their folders, and what they want to hear of. In
/// `email show` it is theirs to know, too.
struct Others {
    user: Option<UserId>,
    /// The filters that are not another user's.
    filters: Vec<FilterId>,
}

impl Others {
    fn of(db: &mut Database, user: Option<UserId>) -> Result<Self> {
        let mut filters = filter::list(db, None)?;
        filters.retain(|one| !matches!(one.owner, Owner::User(owner) if Some(owner) != user));
        Ok(Self { user, filters: filters.into_iter().map(|one| one.filter.id).collect() })
    }

    /// Takes it out of a plan.
    fn forget(&self, why: &mut Value) {
        forget_others(why, self.user, &self.filters);
    }
}
