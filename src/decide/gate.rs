//! LINK-1 to LINK-3, THREAD-1: the gate before cases and conversations. A Message-ID is no secret: it stands in every copy, in
//! every forward and in every archive of a list. So who names one enters only where they take part already, where one of us
//! lets them in, or with a signed token. Writing makes nobody a participant, and neither does being named.

use super::author::Origin;
use super::bounce;
use std::collections::{BTreeSet, HashSet};

use super::facts::{EmailFacts, Facts, Policy};
use super::plan::Plan;
use super::reason::reason;
use crate::mail::{Address, Mail, token};
use crate::words::{EmailId, ParentBy, RecordId, ThreadId, UserId};

/// Who asks to enter, and with what.
pub struct Gate {
    /// Who wrote the message, the one whose matter it is (CASE-6), or the list that says who wrote it (PARSE-10); in comparison form.
    sender: String,
    /// Who wrote it, as far as that is known (ACCESS-5).
    origin: Origin,
    /// The owner of the personal account that it came through. A file, and a server of their choice, says whatever they want it to
    /// say, so it leads nowhere where they may do nothing (ACCESS-2).
    keeper: Option<UserId>,
    /// The letters of ours that lead it where the keeper may do nothing: whose token it bears, and those that the keeper wrote and it
    /// names, as a customer's answer does; not in what is imported. With their threads and cases.
    letters: HashSet<EmailId>,
    led: (HashSet<ThreadId>, BTreeSet<RecordId>),
    /// The threads of which the keeper may read an e-mail.
    reached: HashSet<ThreadId>,
    /// The letter of ours that it reports on (BOUNCE-2).
    report: Option<EmailId>,
    /// The valid tokens that it carries, the nearest first.
    pub passes: Vec<Pass>,
}

/// A valid token of ours.
pub struct Pass {
    /// The Message-ID or address that it stands in.
    pub text: String,
    /// The e-mail of ours that carries it as its Message-ID, where it is here.
    pub letter: Option<EmailId>,
    /// The record that it leads to; none where a person took the letter from its record.
    pub record: Option<RecordId>,
}

impl Gate {
    /// Looks at a message; who enters `in_place` of its From.
    pub fn of(mail: &Mail, in_place: Option<&Address>, origin: Origin, policy: &Policy, facts: &Facts, plan: &mut Plan) -> Self {
        let mut gate = Self::without_tokens(mail, in_place, origin, facts);
        gate.passes = passes(mail, policy, facts, plan);
        let may_use = |record| facts.account.importer.is_none_or(|user| facts.may_edit(user, facts.survivor(record)));
        gate.passes.retain(|pass| pass.record.is_none_or(may_use));
        gate.letters.extend(gate.passes.iter().filter_map(|pass| pass.letter));
        gate.led = led_by(&gate.letters, facts);
        gate
    }

    /// The same for a message whose place is known already.
    pub fn without_tokens(mail: &Mail, in_place: Option<&Address>, origin: Origin, facts: &Facts) -> Self {
        let letters = letters_of_keeper(mail, facts);
        Self {
            sender: in_place.or(mail.from.as_ref()).map(Address::key).unwrap_or_default(),
            origin,
            keeper: facts.account.owner,
            led: led_by(&letters, facts),
            letters,
            reached: reached(facts),
            report: bounce::outgoing(mail, facts),
            passes: Vec::new(),
        }
    }

    /// Whether the message may have to do with a stored e-mail at all: one of a case that the keeper may change, or else one that they
    /// may read; or it answers our own letter.
    pub fn may_touch(&self, email: EmailId, facts: &Facts) -> bool {
        let Some(user) = self.keeper else { return true };
        let may = match facts.parent_of(email).filter(|(record, _)| facts.is_case(*record)) {
            Some((case, _)) => facts.may_edit(user, case),
            None => facts.may_read_email(user, email, true),
        };
        may || self.letters.contains(&email)
    }

    /// The same of a thread.
    fn may_touch_thread(&self, thread: ThreadId, facts: &Facts) -> bool {
        let Some(user) = self.keeper else { return true };
        let thread = facts.thread(thread);
        let may = match facts.parent_of_thread(thread).filter(|record| facts.is_case(*record)) {
            Some(case) => facts.may_edit(user, case),
            None => self.reached.contains(&thread),
        };
        may || self.led.0.contains(&thread)
    }

    /// Whether the keeper, or our own letter that the message answers, lets it have to do with a case.
    fn may_touch_case(&self, case: RecordId, facts: &Facts) -> bool {
        let is_led = || self.led.1.iter().any(|of| facts.survivor(*of) == case);
        self.keeper.is_none_or(|user| facts.may_edit(user, case)) || self.bears_token_of(case, facts) || is_led()
    }

    fn bears_token_of(&self, case: RecordId, facts: &Facts) -> bool {
        self.passes.iter().any(|pass| pass.record.map(|record| facts.survivor(record)) == Some(case))
    }

    /// Returns whose message it is.
    pub fn sender(&self) -> &str {
        &self.sender
    }

    /// Whether one of us wrote it.
    pub fn is_ours(&self) -> bool {
        self.origin.is_ours()
    }

    /// Whether one of us wrote it, or it only says so: From is an address of ours.
    pub fn is_of_house(&self) -> bool {
        self.origin.is_own_word()
    }

    /// Says what lets the message into a case; none where nothing does.
    pub fn role(&self, case: RecordId, facts: &Facts) -> Option<&'static str> {
        if facts.is_case(case) && !self.may_touch_case(case, facts) {
            return None;
        }
        let by_token = || self.bears_token_of(case, facts).then_some("the bearer of a signed token");
        let reports = || {
            let letter = self.report.and_then(|letter| facts.parent_of(letter));
            letter.is_some_and(|(record, _)| record == case).then_some("a server that reports on a letter in it")
        };
        let one_of_us = || self.is_ours().then_some("one of us");
        // Written in another program, or forged like any other From: it is received mail, and nobody's part (ACCESS-5).
        let as_us = || facts.is_own(&self.sender).then_some("an address of ours");
        let as_team = || is_of_its_team(&self.sender, case, facts).then_some(AS_TEAM);
        role_of(&self.sender, case, facts).or_else(one_of_us).or_else(as_us).or_else(as_team).or_else(by_token).or_else(reports)
    }

    /// Whether the sender takes part in a case: a token lets the message in, and makes nobody a participant.
    pub fn takes_part(&self, case: RecordId, facts: &Facts) -> bool {
        role_of(&self.sender, case, facts).is_some()
    }

    /// Whether the sender takes part in a thread: by its e-mails, in its case, or as one of its Account; or nobody does yet.
    pub fn is_in_thread(&self, thread: ThreadId, facts: &Facts) -> bool {
        let thread = facts.thread(thread);
        if facts.in_threads.contains(&(thread, self.sender.clone())) {
            return true;
        }
        match facts.parent_of_thread(thread) {
            Some(case) if facts.is_case(case) => self.takes_part(case, facts),
            of_thread => {
                !facts.peopled.contains(&thread) || of_thread.is_some_and(|record| is_of_account(&self.sender, record, facts))
            }
        }
    }

    /// Whether the message may stand in a thread. In accounts that make no cases nothing is moved by that, so it is enough to
    /// answer what nobody has; see [`Self::admits_email`].
    pub fn admits(&self, thread: ThreadId, is_borne: bool, facts: &Facts) -> bool {
        if !self.may_touch_thread(thread, facts) {
            return false;
        }
        let case = facts.parent_of_thread(thread).filter(|record| facts.is_case(*record));
        match case {
            Some(case) => self.role(case, facts).is_some() || self.is_in_thread(thread, facts),
            None => self.is_ours() || self.is_in_thread(thread, facts) || (!is_borne && !facts.account.make_cases),
        }
    }

    /// Whether the message may answer an e-mail: by the e-mail's own case, which need not be that of its thread. In accounts that
    /// make no cases it is enough to be named in it.
    pub fn admits_email(&self, email: EmailId, facts: &Facts) -> bool {
        let Some(known) = facts.emails.get(&email).filter(|_| self.may_touch(email, facts)) else { return false };
        match facts.parent_of(email).filter(|(record, _)| facts.is_case(*record)) {
            Some((case, _)) => self.role(case, facts).is_some(),
            None => {
                let is_loose = facts.parent_of_thread(known.thread).is_none_or(|record| !facts.is_case(record));
                let is_named = is_loose && !self.sender.is_empty() && known.people.contains(&self.sender);
                self.admits(known.thread, true, facts) || (is_named && !facts.account.make_cases)
            }
        }
    }

    /// Whether the message brings two threads together: only who takes part in both can say that they are one. What one of us
    /// answers quotes ids that strangers put there, so for ours the same people must take part in both: then nobody comes to
    /// what they had no part in. So it is for those who only say to be one of us, who takes part in many cases.
    pub fn may_join(&self, one: ThreadId, other: ThreadId, facts: &Facts) -> bool {
        if self.is_of_house() {
            return same_people(one, other, facts);
        }
        self.is_in_thread(one, facts) && self.is_in_thread(other, facts)
    }
}

/// The letters that the owner of a personal account wrote, and that a message names or reports on: those are theirs to have answered.
fn letters_of_keeper(mail: &Mail, facts: &Facts) -> HashSet<EmailId> {
    let Some(keeper) = facts.account.owner.filter(|_| facts.account.importer.is_none()) else { return HashSet::new() };
    let named = mail.ancestors().filter_map(|id| facts.emails_by_message_id.get(id)).flatten().copied();
    let is_theirs = |email: &EmailId| facts.emails.get(email).is_some_and(|known| known.ours && known.author == Some(keeper));
    named.chain(bounce::outgoing(mail, facts)).filter(is_theirs).collect()
}

/// The threads and the cases of some letters.
fn led_by(letters: &HashSet<EmailId>, facts: &Facts) -> (HashSet<ThreadId>, BTreeSet<RecordId>) {
    let threads = letters.iter().filter_map(|letter| facts.emails.get(letter)).map(|known| facts.thread(known.thread));
    let records = letters.iter().filter_map(|letter| facts.parent_of(*letter)).map(|(record, _)| record);
    (threads.collect(), records.filter(|record| facts.is_case(*record)).collect())
}

/// The threads of which the owner of a personal account may read an e-mail.
fn reached(facts: &Facts) -> HashSet<ThreadId> {
    let Some(owner) = facts.account.owner else { return HashSet::new() };
    let may_read = |(email, _): &(&EmailId, &EmailFacts)| facts.may_read_email(owner, **email, true);
    let known = facts.emails.iter().filter(may_read).map(|(_, known)| known.thread);
    facts.reached.iter().copied().chain(known).map(|thread| facts.thread(thread)).collect()
}

/// Whether an address is a record's, or of the same Account.
fn is_of_account(address: &str, record: RecordId, facts: &Facts) -> bool {
    let records = facts.records_by_address.get(address).map(Vec::as_slice).unwrap_or_default();
    let account = facts.account_of(record);
    records.iter().any(|own| *own == record || account.is_some_and(|account| facts.is_of_account(*own, account)))
}

/// Whether all from outside who take part in one thread take part in the other, and the other way round.
fn same_people(one: ThreadId, other: ThreadId, facts: &Facts) -> bool {
    let case = |thread| facts.parent_of_thread(thread).filter(|record| facts.is_case(*record));
    let (one_case, other_case) = (case(one), case(other));
    if one_case.is_some() && one_case == other_case {
        return true;
    }
    let people = |thread: ThreadId, case: Option<RecordId>| {
        let all = match case {
            Some(case) => facts.participants.get(&case),
            None => facts.thread_people.get(&facts.thread(thread)),
        };
        let outside = all.into_iter().flatten().filter(|person| !facts.is_internal(person));
        outside.map(String::as_str).collect::<Vec<_>>()
    };
    let (some, others) = (people(one, one_case), people(other, other_case));
    let all_in = |people: &[&str], there: ThreadId, known: &[&str]| {
        let of = facts.parent_of_thread(there);
        let is_in = |person: &str, record: RecordId| match facts.is_case(record) {
            true => role_of(person, record, facts).is_some(),
            false => is_of_account(person, record, facts),
        };
        people.iter().all(|person| known.contains(person) || of.is_some_and(|record| is_in(person, record)))
    };
    !some.is_empty() && !others.is_empty() && all_in(&some, other, &others) && all_in(&others, one, &some)
}

/// LINK-1: reads the tokens of a message, in the ids of earlier messages, the newest first, then in its recipients. One that is
/// the Message-ID of an e-mail of ours leads to where that e-mail is now, whatever the record that it was made for: merges,
/// splits and people move it. Where the e-mail is gone, or never had a place, the record stands.
fn passes(mail: &Mail, policy: &Policy, facts: &Facts, plan: &mut Plan) -> Vec<Pass> {
    let mut passes = Vec::new();
    for text in mail.token_places() {
        for part in token::parts(&text) {
            let made_for = match token::read(&policy.tokens, part, facts.now) {
                Ok(record) => record,
                Err(token::WhyNot::NoToken) => continue,
                Err(why) => {
                    plan.note(reason!(Link1, "the token in <{text}> does not count: {why}"));
                    continue;
                }
            };
            let letter = facts.letter(&text);
            let place = letter.and_then(|letter| facts.parent_of(letter)).map(|(record, _)| record);
            if letter.is_some_and(|letter| is_taken_away(letter, facts)) {
                passes.push(Pass { text: text.clone().into_owned(), letter, record: None });
                continue;
            }
            if place.is_none() && is_of_an_earlier(made_for, token::issued(part), facts) {
                let name = facts.name(made_for);
                plan.note(reason!(
                    Link1,
                    "the token in <{text}> does not count: it is older than {name}, which has the number anew"
                ));
                continue;
            }
            // One of our messages that belongs to no record.
            let Some(record) = place.or(Some(facts.survivor(made_for))).filter(|record| record.0 != 0) else { continue };
            if !facts.records.contains_key(&record) {
                plan.note(reason!(Link1, "the token in <{text}> names a record that is gone"));
                continue;
            }
            passes.push(Pass {
                text: text.clone().into_owned(),
                letter: letter.filter(|_| place.is_some()),
                record: Some(record),
            });
        }
    }
    passes
}

/// Whether a token was made for another record: a database that was put back from a copy gives out again the numbers that came after
/// the copy, and whoever has the token is no part of the record that has its number now. A letter that is here says itself where it
/// belongs, so the clocks of several hosts need not agree.
fn is_of_an_earlier(record: RecordId, issued: Option<i64>, facts: &Facts) -> bool {
    let begun = facts.records.get(&record).map(|known| known.created_at);
    issued.zip(begun).is_some_and(|(issued, begun)| issued < begun)
}

/// Whether a person said of an e-mail that it belongs to no record (LINK-7).
pub fn is_taken_away(email: EmailId, facts: &Facts) -> bool {
    facts.emails.get(&email).is_some_and(|known| known.parent.is_none() && known.parent_by == Some(ParentBy::Hand))
}

/// What somebody of the team of a case is to it by From alone (ACCESS-5).
pub const AS_TEAM: &str = "said to be one of its team, not verified";

/// Whether an address is that of somebody who may read the case as its team: their letter is no other matter. Nobody takes part by it.
pub fn is_of_its_team(address: &str, case: RecordId, facts: &Facts) -> bool {
    let person = facts.user_of(address).and_then(|user| Some((user, facts.people.get(&user).filter(|person| person.active)?)));
    let teams = facts.records.get(&case).map(|known| known.teams.as_slice()).unwrap_or_default();
    person.is_some_and(|(user, person)| person.actor.teams.iter().any(|team| teams.contains(team)) && facts.may_read(user, case))
}

/// Says what an address is to a case: its contact, a colleague of the contact, a former correspondent, one of its people.
pub fn role_of(address: &str, case: RecordId, facts: &Facts) -> Option<&'static str> {
    let known = facts.records.get(&case)?;
    let records = facts.records_by_address.get(address).map(Vec::as_slice).unwrap_or_default();
    if known.contact.iter().chain(&known.others).any(|contact| records.contains(contact)) {
        return Some("its contact");
    }
    if facts.correspondents.contains(&(case, address.to_string())) {
        return Some("a former correspondent");
    }
    if let Some(user) = facts.user_of(address) {
        if known.assigned_user == Some(user) {
            return Some("its assigned user");
        }
        if facts.followers.contains(&(case, user)) {
            return Some("a follower");
        }
    }
    let account = known.account?;
    records.iter().any(|record| facts.is_of_account(*record, account)).then_some("of its Account")
}
