//! PARSE-10, CASE-6, ACCESS-5: who is taken to have written a message, and whose matter it is.

use std::borrow::Cow;

use super::{Facts, Plan, Policy, parent};
use crate::mail::{Address, Mail};

/// PARSE-10: when list software of ours or of the message's own list wrote its address into From, the sender is the one
/// behind it. Everything after this sees that sender.
pub fn unveil<'m>(mail: &'m Mail, facts: &Facts, plan: &mut Plan) -> Cow<'m, Mail> {
    let (Some(from), Some(original)) = (&mail.from, mail.behind_via()) else { return Cow::Borrowed(mail) };
    let of_account = facts.account.address.rsplit_once('@').map(|(_, domain)| domain);
    let is_ours =
        facts.own_addresses.contains(&from.key()) || of_account.is_some_and(|own| from.domain().as_deref() == Some(own));
    if !is_ours && !mail.is_from_its_list() {
        plan.note(format!("PARSE-10: From says via, but <{}> is neither ours nor that of its list", from.address));
        return Cow::Borrowed(mail);
    }
    plan.note(format!("PARSE-10: <{}> wrote it, via <{}>", original.address, from.address));
    Cow::Owned(Mail { from: Some(original), ..mail.clone() })
}

/// CASE-6: the original sender of what a user passed on, with a mark or where the account takes every forward. Only when our
/// border says that it was the user (ACCESS-5): else anybody could open cases in anybody's name.
pub fn customer(mail: &Mail, policy: &Policy, facts: &Facts, plan: &mut Plan) -> Option<Address> {
    let from = mail.from.as_ref()?;
    if !facts.account.make_cases || !facts.users.contains_key(&from.key()) {
        return None;
    }
    let forward = mail.forward()?;
    let original = &forward.sender.address;
    if !forward.marked && !facts.account.take_forwards {
        plan.note(format!("CASE-6: a forward of mail from <{original}>, without @fwd"));
        return None;
    }
    if parent::is_internal(&forward.sender.key(), facts) {
        plan.note(format!("CASE-6: a forward of mail from <{original}>, who is one of us"));
        return None;
    }
    if !mail.is_authenticated(&policy.authserv_ids) {
        let who = &from.address;
        plan.note(format!(
            "CASE-6: a forward of mail from <{original}>, but our border does not say that <{who}> sent it (ACCESS-5)"
        ));
        return None;
    }
    plan.note(format!("CASE-6: a user passed it on, so <{original}> is the customer"));
    Some(forward.sender)
}
