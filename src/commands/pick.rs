//! `espomail fetch ACCOUNT --mailbox NAME --uid N`: single messages, by a person's word.

use anyhow::{Context as _, Result};
use serde_json::json;

use super::account::connect;
use super::fetch::{Picked, complain_of};
use crate::context::Context;
use crate::fault::{Class, Fault};
use crate::pass::picked::{self, Place};
use crate::pass::{Tally, index};
use crate::store::{access as trace, account};

/// Takes these messages of one mailbox in, and nothing else.
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
    let mut work = |store: &mut crate::store::Store| {
        let mut session = connect(context, &account)?;
        let opened = session.examine(mailbox)?;
        let place = Place { account: &account, mailbox, opened: &opened };
        for uid in uids {
            let taken = picked::take(store, &mut session, &place, *uid, &policy, context.now())?;
            store.transaction(|db| {
                let detail = format!("mailbox {mailbox}, UID {uid}: {taken}");
                trace::record(db, &permit, "fetch", &format!("account:{}", account.name), &detail, context.now())
            })?;
            tally.merge(&taken);
        }
        session.logout();
        anyhow::Ok(())
    };
    let done = if is_rehearsal { store.rehearse_all(work) } else { work(&mut store) };
    done.with_context(|| format!("account {}", account.name))?;
    let would = if is_rehearsal { "it would be so: " } else { "" };
    context.out.made(
        &json!({ "account": account.name, "mailbox": mailbox, "uids": uids, "messages": tally, "dry_run": is_rehearsal }),
        &format!("Account {}, mailbox {mailbox}: {would}{tally}.", account.name),
    );
    if !is_rehearsal {
        index::follow(&mut store, begun, &|| false);
        complain_of(context, &account.name, &tally);
    }
    Ok(())
}
