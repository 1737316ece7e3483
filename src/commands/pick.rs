//! `espomail fetch ACCOUNT --mailbox NAME --uid N`: single messages, by a person's word.

use anyhow::{Context as _, Result};
use serde_json::json;

use super::account::connect;
use super::fetch::{Picked, complain_of};
use crate::context::Context;
use crate::fault::{Class, Fault, Reach, one_line, reach_of};
use crate::pass::picked::{self, Place};
use crate::pass::{Tally, index};
use crate::store::{Store, access as trace, account};

/// Takes these messages of one mailbox in, and nothing else. One that cannot be taken holds up no other.
pub fn take(context: &Context, picked: &Picked<'_>) -> Result<()> {
    let Picked { accounts, mailbox, uids, is_rehearsal } = *picked;
    let [wanted] = accounts else {
        let what = "a mailbox is of one account: name that one";
        return Err(Fault::new(Class::Usage, what).hint("espomail fetch ACCOUNT --mailbox NAME --uid NUMBER").into());
    };
    let permit = context.administrator()?;
    let (begun, mut store) = (std::time::Instant::now(), context.store()?);
    let account = account::find(store.connection(), wanted)?;
    let policy = context.policy(store.connection())?;
    let mut tally = Tally::default();
    let mut faults = Vec::new();
    let mut work = |store: &mut Store| {
        let mut session = connect(context, &account)?;
        let opened = session.examine(mailbox)?;
        let place = Place { account: &account, mailbox, opened: &opened };
        let mut one = |store: &mut Store, session: &mut _, uid: u32| {
            let taken = picked::take(store, session, &place, uid, &policy, context.now())?;
            store.transaction(|db| {
                let detail = format!("mailbox {mailbox}, UID {uid}: {taken}");
                trace::record(db, &permit, "fetch", &format!("account:{}", account.name), &detail, context.now())
            })?;
            tally.merge(&taken);
            anyhow::Ok(())
        };
        for uid in uids {
            let Err(error) = one(store, &mut session, *uid) else { continue };
            let is_its_own = reach_of(&error) == Reach::Mailbox;
            faults.push(error);
            if !is_its_own {
                break;
            }
        }
        session.logout();
        anyhow::Ok(())
    };
    let done = if is_rehearsal { store.rehearse_all(work) } else { work(&mut store) };
    let of_account = || format!("account {}", account.name);
    done.with_context(of_account)?;
    let mut faults: Vec<anyhow::Error> = faults.into_iter().map(|error| error.context(of_account())).collect();
    let errors: Vec<String> = faults.iter().map(one_line).collect();
    if tally.is_empty()
        && let Some(last) = faults.pop()
    {
        faults.iter().for_each(|fault| context.out.complain(fault));
        return Err(last);
    }
    let would = if is_rehearsal { "it would be so: " } else { "" };
    let mut document = json!({ "account": account.name, "mailbox": mailbox, "uids": uids, "messages": tally });
    document["errors"] = json!(errors);
    document["dry_run"] = json!(is_rehearsal);
    context.out.made(&document, &format!("Account {}, mailbox {mailbox}: {would}{tally}.", account.name));
    faults.iter().for_each(|fault| context.out.complain(fault));
    if !is_rehearsal {
        index::follow(&mut store, begun, &|| false);
        complain_of(context, &account.name, &tally);
    }
    Ok(())
}
