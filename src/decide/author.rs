//! PARSE-10, AUTO-2, CASE-6, ACCESS-5: who is taken to have written a message, how far that is known, and whose matter it is.

use super::reason::reason;
use std::borrow::Cow;

use super::facts::{Arrival, EmailFacts, Facts, Policy};
use super::plan::Plan;
use crate::mail::{Address, Mail, token};
use crate::words::{AccountKind, Rule, UserId};

/// Where a message comes from, and how far that is known (ACCESS-5). From is anybody's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// It went out from here; the user who wrote it.
    Ours(Option<UserId>),
    /// This user of ours wrote it, elsewhere: it stood in their own Sent mailbox, they put it into their own account, or our border
    /// vouches for From.
    Verified(UserId),
    /// From is a user's address, or an account's, and nothing says that it is true: to us it is received mail.
    Claimed(Option<UserId>),
    /// Somebody else wrote it.
    Outside,
}

impl Origin {
    /// What was found of a stored e-mail when it came.
    pub const fn of_stored(known: &EmailFacts) -> Self {
        match (known.ours, known.author) {
            (true, author) => Self::Ours(author),
            (false, _) if known.claimed => Self::Claimed(None),
            (false, _) => Self::Outside,
        }
    }

    /// Whether one of us wrote it, beyond doubt.
    pub const fn is_ours(self) -> bool {
        matches!(self, Self::Ours(_) | Self::Verified(_))
    }

    /// Whether it says that one of us wrote it, and nothing vouches for that.
    pub const fn is_claimed(self) -> bool {
        matches!(self, Self::Claimed(_))
    }

    /// Whether From is an address of ours, true or not.
    pub const fn is_own_word(self) -> bool {
        !matches!(self, Self::Outside)
    }

    /// The user who wrote it, beyond doubt.
    pub const fn author(self) -> Option<UserId> {
        match self {
            Self::Ours(author) => author,
            Self::Verified(user) => Some(user),
            Self::Claimed(_) | Self::Outside => None,
        }
    }
}

/// A message as every rule behind this sees it.
pub struct Seen<'m> {
    /// Its From is whoever stands behind a list or a form.
    pub mail: Cow<'m, Mail>,
    pub origin: Origin,
    /// The list that says who wrote it, where that is all we know (PARSE-10): it is the list that takes part, not whom it names.
    pub list: Option<Address>,
}

/// Finds out who wrote a message.
pub fn see<'m>(mail: &'m Mail, policy: &Policy, facts: &Facts, plan: &mut Plan) -> Seen<'m> {
    let behind = behind_list(mail, facts, plan).or_else(|| Some((behind_form(mail, policy, facts, plan)?, None)));
    match behind {
        Some((behind, list)) => {
            let mail = Mail { from: Some(behind), ..mail.clone() };
            // What our border says is about the From that stands there.
            let origin = claimed(&mail, facts).map_or(Origin::Outside, Origin::Claimed);
            told(origin, &mail, facts, plan);
            Seen { mail: Cow::Owned(mail), origin, list }
        }
        None => {
            let origin = origin(mail, policy, facts);
            told(origin, mail, facts, plan);
            Seen { mail: Cow::Borrowed(mail), origin, list: None }
        }
    }
}

/// What comes in is a copy of a letter that went out from here: it has the Message-ID that we gave, and the content (DUP-2).
pub fn letter<'m>(arrival: &Arrival, mail: &'m Mail, policy: &Policy, facts: &Facts) -> Option<Seen<'m>> {
    // Of what came in part nobody has seen the files (FETCH-8).
    if arrival.partial || !is_token_ours(mail, policy) {
        return None;
    }
    let known = facts.emails_by_message_id.get(&mail.identity())?.iter().filter_map(|email| facts.emails.get(email));
    let letter = known.into_iter().find(|known| known.ours && !known.partial && known.content_digest == mail.content_digest)?;
    Some(Seen { mail: Cow::Borrowed(mail), origin: Origin::Ours(letter.author), list: None })
}

/// The same of an e-mail that is in the store. What went out from here is ours, whatever it looks like; what another copy of it showed
/// stays shown.
pub fn see_again<'m>(
    mail: &'m Mail,
    (ours, author): (bool, Option<UserId>),
    policy: &Policy,
    facts: &Facts,
    plan: &mut Plan,
) -> Seen<'m> {
    if ours && is_token_ours(mail, policy) {
        return Seen { mail: Cow::Borrowed(mail), origin: Origin::Ours(author), list: None };
    }
    let seen = see(mail, policy, facts, plan);
    match author.filter(|_| ours && seen.origin.is_claimed()) {
        Some(author) => Seen { origin: Origin::Verified(author), ..seen },
        None => seen,
    }
}

/// PARSE-10: when list software of ours or of the message's own list wrote its address into From, the sender is the one
/// behind it. Anybody has a list, so what one says of addresses elsewhere lets nobody into the cases of those: then the list comes
/// along, to be asked in their place.
fn behind_list(mail: &Mail, facts: &Facts, plan: &mut Plan) -> Option<(Address, Option<Address>)> {
    let (from, original) = (mail.from.as_ref()?, mail.behind_via()?);
    let of_account = facts.account.address.rsplit_once('@').map(|(_, domain)| domain);
    let is_ours = facts.is_own(&from.key()) || of_account.is_some_and(|own| from.domain().as_deref() == Some(own));
    if !is_ours && !mail.is_from_its_list() {
        plan.note(reason!(Parse10, "From says via, but <{}> is neither ours nor that of its list", from.address));
        return None;
    }
    if is_ours || from.domain() == original.domain() {
        plan.note(reason!(Parse10, "<{}> wrote it, via <{}>", original.address, from.address));
        return Some((original, None));
    }
    plan.note(reason!(
        Parse10,
        "<{}> wrote it, says <{}>, a list that is not ours: so it enters where that list takes part",
        original.address,
        from.address
    ));
    Some((original, Some(from.clone())))
}

/// AUTO-2: a web form, a shop or a scanner writes as one of our group accounts. Whoever its Reply-To names is the customer.
fn behind_form(mail: &Mail, policy: &Policy, facts: &Facts, plan: &mut Plan) -> Option<Address> {
    let from = mail.from.as_ref()?;
    let key = from.key();
    if !facts.is_own(&key) || facts.user_of(&key).is_some() || facts.account.is_sent_mailbox || is_token_ours(mail, policy) {
        return None;
    }
    let is_others = |reply_to: &&Address| reply_to.address.contains('@') && !facts.is_own(&reply_to.key());
    let Some(customer) = mail.behind_forms().find(is_others) else {
        plan.note(reason!(Auto2, "it comes as <{key}>, which is our own account, and names nobody to answer to"));
        return None;
    };
    plan.note(reason!(
        Auto2,
        "it comes as <{key}>, which is our own account; Reply-To <{}> is whose matter it is",
        customer.address
    ));
    Some(customer.clone())
}

/// AUTO-2: whether its Message-ID is one that we gave. Others may have seen it, so it makes nobody the author.
pub fn is_token_ours(mail: &Mail, policy: &Policy) -> bool {
    mail.message_id.as_ref().is_some_and(|id| token::is_ours(&policy.tokens, id))
}

/// Whose word From is: a user's, or an account's of ours; none where it is neither.
fn claimed(mail: &Mail, facts: &Facts) -> Option<Option<UserId>> {
    let key = mail.from.as_ref()?.key();
    match facts.user_of(&key) {
        Some(user) => Some(Some(user)),
        None => facts.is_own(&key).then_some(None),
    }
}

fn origin(mail: &Mail, policy: &Policy, facts: &Facts) -> Origin {
    let Some(user) = claimed(mail, facts) else { return Origin::Outside };
    let account = &facts.account;
    if account.is_sent_mailbox {
        // FETCH-15: nobody else puts anything there.
        match (account.kind, account.owner) {
            (AccountKind::Personal, Some(owner)) if user.is_none_or(|user| user == owner) => return Origin::Verified(owner),
            (AccountKind::Group, _) if user.is_none() => return Origin::Ours(None),
            _ => {}
        }
    }
    let exact = mail.from.as_ref().and_then(|from| facts.users.get(&from.key())).copied();
    if let Some(owner) = exact.filter(|user| is_put_by_owner(mail, facts) && account.owner == Some(*user)) {
        return Origin::Verified(owner);
    }
    match (exact, is_authenticated(mail, exact, policy, facts)) {
        (Some(user), true) => Origin::Verified(user),
        // A form, a shop, a colleague who is no user: known to be one of our own house, and that is all.
        (None, true) if user.is_none() => Origin::Outside,
        _ => Origin::Claimed(user),
    }
}

/// ACCESS-5: whether our border vouches for From. What stands in a personal account, its owner may have written, or a server of their
/// choice, our border's field included; so there it is believed of the owner alone.
fn is_authenticated(mail: &Mail, from: Option<UserId>, policy: &Policy, facts: &Facts) -> bool {
    let account = &facts.account;
    let is_owners = account.owner.is_some() && from == account.owner;
    (account.kind == AccountKind::Group || is_owners) && mail.is_authenticated(&policy.authserv_ids)
}

/// ACCESS-5: whether the owner of a personal account put the message there: others write to its inbox, and what they send is carried.
fn is_put_by_owner(mail: &Mail, facts: &Facts) -> bool {
    facts.account.kind == AccountKind::Personal && !mail.was_carried()
}

fn told(origin: Origin, mail: &Mail, facts: &Facts, plan: &mut Plan) {
    let from = mail.from.as_ref().map(Address::key).unwrap_or_default();
    match origin {
        Origin::Claimed(Some(user)) => {
            let login = facts.login(user).unwrap_or("a user");
            plan.note(reason!(
                Access5,
                "sender not verified: <{from}> is {login}'s, but it did not go out from here, stood in no Sent mailbox of \
                 theirs, and our border does not vouch for it: it is received mail"
            ));
        }
        Origin::Claimed(None) => plan.note(reason!(
            Access5,
            "sender not verified: <{from}> is our own account's, but it did not go out from here, and our border does not \
             vouch for it: it is received mail"
        )),
        Origin::Verified(_) if facts.account.is_sent_mailbox => {
            plan.note(reason!(Fetch15, "it stood in the Sent mailbox of its author"));
        }
        Origin::Verified(_) if is_put_by_owner(mail, facts) => {
            plan.note(reason!(Access5, "no server carried it into its author's own account, so it was they who put it there"));
        }
        Origin::Verified(_) => plan.note(reason!(Access5, "our border vouches for <{from}>, who is one of us")),
        Origin::Ours(_) | Origin::Outside => {}
    }
}

/// CASE-6: the original sender of what a user passed on, with a mark or where the account takes every forward. Only when we know
/// that it was the user (ACCESS-5): else anybody could open cases in anybody's name.
pub fn customer(mail: &Mail, origin: Origin, facts: &Facts, plan: &mut Plan) -> Option<Address> {
    let from = mail.from.as_ref()?;
    if !facts.account.make_cases || facts.user_of(&from.key()).is_none() {
        return None;
    }
    let forward = mail.forward()?;
    let original = &forward.sender.address;
    if !forward.marked && !facts.account.take_forwards {
        plan.note(reason!(Case6, "a forward of mail from <{original}>, without @fwd"));
        return None;
    }
    if facts.is_internal(&forward.sender.key()) {
        plan.note(reason!(Case6, "a forward of mail from <{original}>, who is one of us"));
        return None;
    }
    if !origin.is_ours() {
        let who = &from.address;
        plan.note(reason!(
            Case6,
            "a forward of mail from <{original}>, but our border does not say that <{who}> sent it ({})",
            Rule::Access5
        ));
        return None;
    }
    plan.note(reason!(Case6, "a user passed it on, so <{original}> is the customer"));
    Some(forward.sender)
}
