//! Which e-mails came through a desk: an account that makes cases, or one that is gone, was nobody's own, and may have made some. What a
//! person said of other mail says nothing of cases (DUP-3), and it goes to none by its thread alone (ACCESS-2).

/// Whether that is so of an e-mail, in SQL.
macro_rules! is_at_desk {
    () => {{
        use $crate::store::schema::{accounts, email_accounts, former_account_emails, former_accounts};
        let through = email_accounts::table
            .inner_join(accounts::table.on(accounts::id.eq(email_accounts::account_id)))
            .filter(email_accounts::email_id.eq(emails::id))
            .filter(accounts::make_cases.eq(true));
        let former = former_account_emails::table
            .inner_join(former_accounts::table.on(former_accounts::id.eq(former_account_emails::former_id)))
            .filter(former_account_emails::email_id.eq(emails::id))
            .filter(former_accounts::owner.eq(""));
        diesel::dsl::exists(through).or(diesel::dsl::exists(former))
    }};
}
pub(super) use is_at_desk;
