//! How a plan that was written down is told, a step a line (WHY-1).

use anyhow::Result;
use serde_json::{Value, json};

use crate::clock::rfc3339;
use crate::decide::Marks;
use crate::decide::hearsay::{list, rule};
use crate::output::shown_line;
use crate::pass::verdict::Names;
use crate::plural::counted;
use crate::store::server_action::Shown as OnServer;
use crate::words::{FolderId, RecordId, TeamId, UserId};

/// Reads what was written down of a plan; what has no `rule` beside its reason is given it.
pub(super) fn written(why: &str) -> Result<Value> {
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
pub(super) fn told_actions(actions: &[OnServer]) -> String {
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
        "run" => format!("the command {:?} is run for the filter {:?}", text("command"), text("filter")),
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
        "remove-team" => format!("team {} was taken from e-mail {}", team(), number("email")),
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
        "file-copy" => {
            let folder = step["folder"].as_i64().map(|folder| names.folder(FolderId(folder))).unwrap_or_default();
            format!("into group folder {folder}, if it is in none")
        }
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
