//! `espomail explain`.

use std::path::Path;

use anyhow::Result;
use serde_json::{Value, json};

use super::hearsay::Hearsay;
use super::right;
use crate::clock::rfc3339;
use crate::context::{self, Context};
use crate::custody;
use crate::decide::Marks;
use crate::decide::access::Actor;
use crate::decide::reason::Reason;
use crate::fault::{Class, Fault};
use crate::mail::{self, Mail};
use crate::output::shown_line;
use crate::pass::explain::{Explained, explain};
use crate::pass::verdict::{Names, Verdict};
use crate::plural::counted;
use crate::store::access::{self, Trace};
use crate::store::account::Account;
use crate::store::fate::{self, FateOf};
use crate::store::filter::{self, Owner};
use crate::store::server_action::{self, Shown as OnServer};
use crate::store::{Database, Store, account, email, record, remembered};
use crate::words::{AccountId, EmailId, Fate, FilterId, FolderId, RecordId, RoleAction, Rule, TeamId, UserId};

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
        let mail = remembered::mail(store.connection(), id, true)?.unwrap_or_default();
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
        let mut fates = match self.place(db)? {
            Some((account, mailbox, uid)) => fate::at(db, account, &mailbox, uid)?,
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

    /// Reads ACCOUNT/MAILBOX/UID; both names may have a slash in them.
    fn place(&self, db: &mut Database) -> Result<Option<(AccountId, String, i64)>> {
        let Some((place, uid)) = self.what.rsplit_once('/') else { return Ok(None) };
        let Ok(uid) = uid.parse() else { return Ok(None) };
        let of = |account: Account| {
            let mailbox = place.strip_prefix(account.name.as_str())?.strip_prefix('/')?.to_string();
            Some((account.id, mailbox, uid))
        };
        Ok(account::list(db)?.into_iter().filter_map(of).max_by_key(|(_, mailbox, _)| std::cmp::Reverse(mailbox.len())))
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
    why: Value,
    #[serde(skip)]
    owner: Option<UserId>,
}

impl Arrived {
    fn of(db: &mut Database, fate: &FateOf) -> Result<Self> {
        let through = account::find(db, &fate.account.to_string())?;
        Ok(Self {
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
    for Arrived { account, mailbox, uid, at, fate, why, .. } in arrivals {
        parts.push(of(format!("{at} through account {account}, mailbox {mailbox}, UID {uid}: {fate}"), why));
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
        if let Some(steps) = list(why, "steps") {
            let is_own = |step: &Value| step["user"].as_i64().map(UserId) == self.user;
            steps.retain(|step| !matches!(step["do"].as_str(), Some("mark" | "put")) || is_own(step));
        }
        for step in list(why, "steps").into_iter().flatten() {
            if step["do"] == "add-user" && step["user"].as_i64().map(UserId) != self.user {
                if step.get("own").is_none() {
                    // Written before what their filter says stood for itself.
                    step["because"] = json!(rule(step));
                }
                for (key, nothing) in
                    [("read", json!(false)), ("trashed", json!(false)), ("folder", json!(null)), ("own", json!(null))]
                {
                    step[key] = nothing;
                }
            }
        }
        if let Some(steps) = list(why, "steps") {
            steps.retain(|step| step["do"] != "sort" || step["user"].as_i64().map(UserId) == self.user);
        }
        if let Some(notes) = list(why, "notes") {
            // Written before it stood beside it whose own matter a note is.
            let is_old = |note: &Value| {
                note.get("user").is_none() && matches!(rule(note), Some(Rule::Notify1 | Rule::Notify2 | Rule::Filter6))
            };
            notes.retain(|note| !is_old(note) && note["user"].as_i64().is_none_or(|user| self.user == Some(UserId(user))));
        }
        if let Some(filters) = list(why, "filters") {
            filters.retain(|trial| self.filters.iter().any(|known| trial["filter"].as_i64() == Some(known.0)));
        }
        list(why, "again").into_iter().flatten().for_each(|again| self.forget(again));
    }
}

/// Reads what was written down of a plan; what has no `rule` beside its reason is given it.
fn written(why: &str) -> Result<Value> {
    let mut why = serde_json::from_str(why)?;
    give_rules(&mut why);
    Ok(why)
}

fn give_rules(why: &mut Value) {
    for note in list(why, "notes").into_iter().flatten().filter(|note| note.is_string()) {
        *note = json!({ "because": note });
    }
    for key in ["steps", "notes", "candidates"] {
        for one in list(why, key).into_iter().flatten().filter(|one| one.get("rule").is_none()) {
            one["rule"] = json!(rule(one));
        }
    }
    list(why, "again").into_iter().flatten().for_each(give_rules);
}

fn rule(of: &Value) -> Option<Rule> {
    Reason::read(of["because"].as_str().unwrap_or_default()).rule
}

fn list<'v>(why: &'v mut Value, key: &str) -> Option<&'v mut Vec<Value>> {
    why.get_mut(key).and_then(Value::as_array_mut)
}

/// Writes the steps and notes of a plan, one a line.
pub fn told(plan: &Value, record: &mut dyn FnMut(RecordId) -> String, names: &Names) -> String {
    let mut text = String::new();
    for step in plan["steps"].as_array().into_iter().flatten() {
        let because = step["because"].as_str().unwrap_or_default();
        let own = step["own"]["because"].as_str().map(|own| format!("; {own}")).unwrap_or_default();
        text.push_str(&format!("  {}\n      because {}\n", did(step, record, names), shown_line(&format!("{because}{own}"))));
    }
    if let Some(error) = plan["error"].as_str() {
        text.push_str(&format!("  error: {}\n", shown_line(error)));
    }
    for note in plan["notes"].as_array().into_iter().flatten() {
        text.push_str(&format!("  note: {}\n", shown_line(note["because"].as_str().unwrap_or_default())));
    }
    if plan["of_nobody"].as_bool() == Some(true) {
        text.push_str("  it reached nobody; see espomail email list --of-nobody\n");
    }
    for again in plan["again"].as_array().into_iter().flatten() {
        text.push_str(&format!("  {} reprocessed:\n", again["at"].as_str().unwrap_or_default()));
        text.push_str(&told(again, record, names));
    }
    text
}

/// What goes along with a case that a person merges into another, and makes a difference there.
fn went_along(apart: &Value, names: &Names) -> String {
    let all = |of: &Value| of.as_array().into_iter().flatten().filter_map(Value::as_i64).collect::<Vec<i64>>();
    let new = |of: &str, there: &str| {
        let there = all(&apart[there]);
        all(&apart[of]).into_iter().filter(move |id| !there.contains(id))
    };
    let count = |of: &Value, noun: &str| Some(of.as_array()?.len()).filter(|some| *some > 0).map(|some| counted(some, noun));
    let things = &apart["belongings"];
    let along = [
        count(&apart["emails"], "e-mail"),
        count(&things["notes"], "note"),
        count(&things["notifications"], "notification"),
        count(&things["reviews"], "held e-mail"),
    ];
    let teams = new("teams", "into_teams").map(|id| format!("team {}", names.team(TeamId(id))));
    let followers = new("followers", "into_followers").map(|id| format!("{} as a follower", names.user(UserId(id))));
    let all: Vec<String> = along.into_iter().flatten().chain(teams).chain(followers).collect();
    if all.is_empty() { String::new() } else { format!(", with {}", all.join(", ")) }
}

/// Says what is done with a message on its server (FETCH-9).
fn on_server(verb: &str, target: &str) -> String {
    match verb {
        "move" => format!("on the server: into mailbox {}", shown_line(target)),
        "flag" => format!("on the server: the keyword {}", shown_line(target)),
        "delete" => "on the server: deleted".to_string(),
        verb => format!("on the server: {verb}"),
    }
}

/// Says what became of it.
fn told_actions(actions: &[OnServer]) -> String {
    let mut text = String::new();
    for action in actions {
        let error = action.last_error.as_ref().map(|error| format!(": {error}")).unwrap_or_default();
        let state = match (action.done_at, action.due_at) {
            (Some(at), _) => format!("done at {}{error}", rfc3339(at)),
            (None, _) if action.held => "it waits for a person's word".to_string(),
            (None, Some(at)) if action.attempts > 0 => format!("failed, tried again at {}{error}", rfc3339(at)),
            (None, Some(_)) => "due with the next fetch".to_string(),
            (None, None) => format!("given up{error}; see: espomail account actions {}", action.account),
        };
        let place = format!("account {}, mailbox {}, UID {}", action.account, action.mailbox, action.uid);
        text.push_str(&format!("{place}: {}: {}\n", on_server(action.verb.as_str(), &action.target), shown_line(&state)));
    }
    text
}

fn did(step: &Value, record: &mut dyn FnMut(RecordId) -> String, names: &Names) -> String {
    let number = |key: &str| step[key].as_i64().unwrap_or_default();
    let user = |key: &str| names.user(UserId(number(key)));
    let team = || names.team(TeamId(number("team")));
    let teams = || {
        let teams = step["teams"].as_array().into_iter().flatten().filter_map(Value::as_i64);
        teams.map(|team| names.team(TeamId(team))).collect::<Vec<_>>().join(", ")
    };
    let text = |key: &str| step[key].as_str().unwrap_or_default();
    let mut record = |key: &str| record(RecordId(number(key)));
    match step["do"].as_str().unwrap_or_default() {
        "add-email" => {
            let folder = step["folder"].as_i64().map(|id| format!(", in group folder {}", names.folder(FolderId(id))));
            let of = step["parent"].as_i64().map(|_| format!(", of {}", record("parent")));
            let (of, folder) = (of.unwrap_or_default(), folder.unwrap_or_default());
            format!("stored as e-mail {} in thread {}{of}{folder}", number("id"), number("thread"))
        }
        "add-account" => "the account was added to the e-mail".to_string(),
        "keep-copy" => "the bytes of this copy are kept as well; see espomail email show".to_string(),
        "add-team" => format!("team {} was added to the e-mail", team()),
        "add-user" if step["trashed"].as_bool() == Some(true) => format!("into the trash of {}", user("user")),
        "add-user" if step["folder"].is_i64() => {
            format!("into folder {} of {}", names.folder(FolderId(number("folder"))), user("user"))
        }
        "add-user" if step["read"].as_bool() == Some(true) => format!("into the inbox of {}, read", user("user")),
        "add-user" => format!("into the inbox of {}", user("user")),
        "join-threads" => format!("thread {} was joined into thread {}", number("from"), number("into")),
        "answer" => "an answer was queued".to_string(),
        "hold-action" => format!("a budget is spent: {} is held; see espomail budget list", text("action")),
        "verify" => "a copy of it shows that one of us wrote it".to_string(),
        "mark-replied" => format!("e-mail {} was marked as answered", number("email")),
        "amend" => "it was read again".to_string(),
        "relink" => match step["parent"].as_i64() {
            Some(_) => format!("the e-mail came to {}", record("parent")),
            None => "the e-mail belongs to no record any more".to_string(),
        },
        "set-parent" => format!("the e-mail now belongs to {}", record("parent")),
        "adopt-thread" => format!("what its thread has by address alone came to {}", record("case")),
        "merge-cases" => format!("{} was merged into {}{}", record("from"), record("into"), went_along(&step["apart"], names)),
        "reopen" => format!("{} was opened again, {}", record("case"), step["status"].as_str().unwrap_or_default()),
        "hold" => format!("it waits for a person's word: espomail review show {}", number("review")),
        "open-case" => match step["assigned_user"].as_i64() {
            Some(_) => format!("case:{} was opened and given to {}", number("number"), user("assigned_user")),
            None => format!("case:{} was opened, for nobody yet", number("number")),
        },
        "act-on-server" => on_server(text("verb"), text("target")),
        "notify" => format!("{} is told ({})", user("user"), text("kind")),
        "invite" => {
            let people = step["addresses"].as_array().into_iter().flatten().filter_map(serde_json::Value::as_str);
            format!("takes part in it from now on: {}", shown_line(&people.collect::<Vec<_>>().join(", ")))
        }
        "set-delivery" => format!("e-mail {} to {}: {}", number("email"), shown_line(text("address")), text("state")),
        "set-address" => format!("the address {} is {}", shown_line(text("address")), text("state")),
        "assign" => format!("{} is {}'s", record("case"), user("user")),
        "set-status" => format!("{} is {}", record("case"), text("status")),
        "add-record" => format!("{}:{} was added: {}", text("kind"), number("number"), shown_line(text("name"))),
        "move-emails" => match step["into"].as_i64() {
            Some(_) => format!("{} came to {}", counted(number("count"), "e-mail"), record("into")),
            None => format!("{} belong to no record any more", counted(number("count"), "e-mail")),
        },
        "delete-record" => format!("{} was deleted", text("name")),
        "delete-email" => format!("e-mail {}, <{}>, was deleted for everybody", number("email"), shown_line(text("message_id"))),
        "merge-records" => format!("{} was merged into {}", record("from"), record("into")),
        "set-record" => format!("{} says something else of itself", record("record")),
        // As it was written down until now.
        "set-case" => format!("{} says something else of itself", record("case")),
        "set-teams" => {
            format!("{} is of {}", record("case"), Some(teams()).filter(|teams| !teams.is_empty()).unwrap_or("no team".into()))
        }
        "remove-team" => format!("team {} was taken from the e-mail", team()),
        "share-email" => match teams().as_str() {
            "" => "the e-mail is of no team".to_string(),
            teams => format!("the e-mail is of {teams}"),
        },
        "assign-email" => match step["user"].as_i64() {
            Some(_) => format!("the e-mail is {}'s", user("user")),
            None => "the e-mail is nobody's".to_string(),
        },
        "mark-important" if step["important"] == true => "important to everybody who has it".to_string(),
        "mark-important" => "not important to anybody".to_string(),
        "sort" => {
            let marked = step["read"].as_bool().map(|read| if read { "marked as read" } else { "marked as unread" });
            let place = &step["place"];
            let placed = match (place["trashed"].as_bool(), place["folder"].as_i64()) {
                (None, _) => None,
                (Some(true), _) => Some("into the trash".to_string()),
                (_, Some(folder)) => Some(format!("into folder {}", names.folder(FolderId(folder)))),
                (..) => Some("into the inbox".to_string()),
            };
            let done: Vec<String> = placed.into_iter().chain(marked.map(str::to_string)).collect();
            format!("{} for {}", done.join(", "), user("user"))
        }
        "remove-user" => format!("out of the inbox of {}", user("user")),
        "mark" => {
            let read = |key: &str| step[key].as_bool();
            format!("for {} it is {}", user("user"), Marks { read: read("read"), important: read("important") })
        }
        "put" => match (step["place"].as_str(), step["place"]["folder"].as_i64()) {
            (_, Some(folder)) => format!("into folder {} of {}", names.folder(FolderId(folder)), user("user")),
            (place, None) => format!("into the {} of {}", place.unwrap_or_default(), user("user")),
        },
        "file" => match step["folder"].as_i64() {
            Some(folder) => format!("into group folder {}", names.folder(FolderId(folder))),
            None => "out of its group folder".to_string(),
        },
        "file-away" => format!("into the {} of its group folder", text("place")),
        "decide" => format!("review {} is decided: {}", number("review"), text("decision")),
        "unfollow" => format!("{} does not follow {} any more", user("user"), record("record")),
        "follow" => format!("{} follows {}", user("user"), record("record")),
        "advance-rotation" => format!("the turn in team {} was {}'s", team(), user("user")),
        "note-assignment" => format!("{} got it", user("user")),
        "add-note" => format!("a note \"{}\" in the stream of {}", step["kind"].as_str().unwrap_or_default(), record("record")),
        other => other.to_string(),
    }
}
