//! ACK-3: how much is done by itself because of one address, one domain, one account, and all mail together.
//!
//! Who has one address has many others for nothing: with what stands behind a plus, with capital letters, in quotes, and under
//! every name below their domain. All of them draw on one budget. Dots in a local part are left as they are: most servers tell
//! such addresses apart, and where they do not, the budget of the domain counts them.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::Serialize;
use unicode_normalization::UnicodeNormalization;

use crate::mail::{Address, digest};
use crate::words::{AccountId, BudgetAction};

/// The lengths of time that are limited, in seconds.
pub const PERIODS: [i64; 2] = [2 * 3_600, 24 * 3_600];

/// How often something may be done in each of [`PERIODS`]; 0 is no limit.
type Limit = [i64; PERIODS.len()];

/// The limits of one kind of action (`[budgets.…]` in the configuration).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Limits {
    pub per_address: Limit,
    pub per_domain: Limit,
    pub per_account: Limit,
    pub overall: Limit,
}

impl Limits {
    pub(super) const fn of(&self, subject: &Subject) -> Limit {
        match subject {
            Subject::Address(_) => self.per_address,
            Subject::Domain(_) => self.per_domain,
            Subject::Account(_) => self.per_account,
            Subject::Overall => self.overall,
        }
    }

    const fn new(per_address: Limit, per_domain: Limit, per_account: Limit, overall: Limit) -> Self {
        Self { per_address, per_domain, per_account, overall }
    }
}

/// The limits of every kind; none by themselves, as for what people ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Budgets {
    pub answers: Limits,
    pub cases: Limits,
    pub reopens: Limits,
    pub notifications: Limits,
}

impl Budgets {
    /// Those of a configuration that names none. EspoCRM answers an address five times in two hours; the others are far above
    /// what people do, and far below what a loop does over night.
    pub const USUAL: Self = Self {
        answers: Limits::new([5, 10], [200, 1_000], [1_000, 5_000], [5_000, 20_000]),
        cases: Limits::new([100, 300], [1_000, 3_000], [5_000, 20_000], [20_000, 50_000]),
        reopens: Limits::new([20, 60], [200, 600], [1_000, 4_000], [5_000, 20_000]),
        notifications: Limits::new([1_000, 3_000], [10_000, 30_000], [50_000, 200_000], [200_000, 500_000]),
    };

    /// Whether every limit is a number of things that can be done.
    pub fn is_credible(&self) -> bool {
        let kinds = [self.answers, self.cases, self.reopens, self.notifications];
        let limits = kinds.into_iter().flat_map(|kind| [kind.per_address, kind.per_domain, kind.per_account, kind.overall]);
        limits.flatten().all(|most| (0..=1_000_000_000).contains(&most))
    }

    pub(super) const fn of(&self, action: BudgetAction) -> &Limits {
        match action {
            BudgetAction::Answer => &self.answers,
            BudgetAction::Case => &self.cases,
            BudgetAction::Reopen => &self.reopens,
            BudgetAction::Notification => &self.notifications,
        }
    }
}

/// Whose budget it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    Address(String),
    Domain(String),
    Account(AccountId),
    /// All mail together.
    Overall,
}

impl std::fmt::Display for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Address(address) => write!(f, "address:{address}"),
            Self::Domain(domain) => write!(f, "domain:{domain}"),
            Self::Account(account) => write!(f, "account:{account}"),
            Self::Overall => f.write_str("overall"),
        }
    }
}

impl Serialize for Subject {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Whose budgets mail from an address draws on, the narrowest first; mail without a sender draws on the last two alone.
pub fn subjects(address: Option<&Address>, account: AccountId) -> Vec<Subject> {
    let of_sender = address.iter().flat_map(|address| {
        let key = address.key();
        let (person, domain) = match key.rsplit_once('@') {
            Some((local, domain)) => {
                let domain = domain.trim().trim_end_matches('.');
                (format!("{}@{domain}", person(local)), Some(Subject::Domain(short(registered(domain).to_string()))))
            }
            None => (key, None),
        };
        std::iter::once(Subject::Address(short(person))).chain(domain)
    });
    of_sender.chain([Subject::Account(account), Subject::Overall]).collect()
}

/// Returns the local part that all those of one person have in common, of an address in the form by which addresses are compared.
fn person(local: &str) -> String {
    let local = local.trim();
    let bare = match local.strip_prefix('"').and_then(|local| local.strip_suffix('"')) {
        // RFC 5321, section 4.1.2: the quotes, and what is quoted without need, are no part of the name.
        Some(quoted) => {
            let mut is_literal = false;
            let bare = quoted.chars().filter(|c| {
                is_literal = *c == '\\' && !is_literal;
                !is_literal
            });
            Cow::Owned(bare.collect())
        }
        None => Cow::Borrowed(local),
    };
    let plain = bare.nfkc().collect::<String>().to_lowercase();
    match plain.find('+') {
        Some(at) if at > 0 => plain[..at].trim_end().to_string(),
        _ => plain,
    }
}

/// Returns the domain that somebody registered, of one in IDNA form: one label below the suffixes of the registries (the public
/// suffix list). A suffix that a company hands out names under, such as `github.io`, is the company's own domain here: such
/// names cost nothing. Addresses in place of a name are one domain.
fn registered(domain: &str) -> &str {
    if domain.starts_with('[') {
        return "[addresses]";
    }
    let mut name = domain;
    loop {
        let Some(suffix) = psl::suffix(name.as_bytes()) else { return domain };
        let Some(place) = domain.len().checked_sub(suffix.as_bytes().len()) else { return domain };
        let (before, text) = domain.split_at_checked(place).unwrap_or((domain, ""));
        match (suffix.typ(), text.split_once('.')) {
            (Some(psl::Type::Private), Some((_, above))) => name = above,
            _ => {
                let before = before.trim_end_matches('.');
                return &domain[before.rfind('.').map_or(0, |dot| dot + 1)..];
            }
        }
    }
}

/// What is longer than an address can be (RFC 5321, section 4.5.3.1.3) is known by its digest: it is a key of the database.
fn short(text: String) -> String {
    const LONGEST: usize = 254;
    if text.len() <= LONGEST { text } else { digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect() }
}

/// What was done of late: for each subject and action that was looked up, in each of [`PERIODS`].
pub type Spent = HashMap<(Subject, BudgetAction), [i64; PERIODS.len()]>;

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Address {
        Address { name: String::new(), address: text.to_string() }
    }

    #[test]
    fn ack_3_the_other_addresses_of_a_person_draw_on_the_same_budget() {
        let of = |text: &str| subjects(Some(&address(text)), AccountId(7))[0].to_string();
        for same in [
            "dora@example.org",
            "Dora+1@example.org",
            "dora+a+b@EXAMPLE.org",
            "dora+@example.org.",
            "\"dora\"@example.org",
            "\"do\\ra+x\"@example.org",
            "dora\u{ff0b}x@example.org",
            " dora @example.org",
        ] {
            assert_eq!(of(same), "address:dora@example.org", "{same}");
        }
        for (one, same) in [
            ("jo\u{308}rg@ex\u{e4}mple.test", "j\u{f6}rg+1@xn--exmple-cua.test"),
            ("a@b\u{fc}cher.example", "A@XN--BCHER-KVA.example."),
            ("a@example\u{3002}org", "a@example.org"),
        ] {
            assert_eq!(of(one), of(same), "{one}");
        }
        for (one, other) in [
            ("d.ora@example.org", "dora@example.org"),
            ("+1@example.org", "+2@example.org"),
            ("dora@example.org", "dora@mail.example.org"),
            ("\"do\\\\ra\"@example.org", "dora@example.org"),
            ("dora-1@example.org", "dora@example.org"),
        ] {
            assert_ne!(of(one), of(other), "{one}");
        }
        assert_eq!(of("nobody"), "address:nobody");
    }

    #[test]
    fn ack_3_names_below_a_domain_draw_on_its_budget() {
        for (domain, budget) in [
            ("example.org", "example.org"),
            ("mail.example.org", "example.org"),
            ("x7.y9.mail.example.org.", "example.org"),
            ("a.example.co.uk", "example.co.uk"),
            ("b.example.co.uk", "example.co.uk"),
            ("example.co.uk", "example.co.uk"),
            ("co.uk", "co.uk"),
            // Names that a company hands out for nothing.
            ("a.github.io", "github.io"),
            ("b.c.github.io", "github.io"),
            ("x.duckdns.org", "duckdns.org"),
            ("host.internal", "host.internal"),
            ("a.host.internal", "host.internal"),
            ("localhost", "localhost"),
            ("[192.0.2.1]", "[addresses]"),
            ("[IPv6:2001:db8::1]", "[addresses]"),
            ("", ""),
            ("..", ""),
            ("a..org", "a..org"),
        ] {
            let sender = address(&format!("dora@{domain}"));
            assert_eq!(subjects(Some(&sender), AccountId(7))[1].to_string(), format!("domain:{budget}"), "{domain}");
        }
        for odd in ["a@\u{202e}", "@", "a@.", "a@-.-.", "\"@b", "\"\"@b", "a@b@c.example", "a@\u{e4}\u{308}..\u{301}"] {
            assert_eq!(subjects(Some(&address(odd)), AccountId(7)).len(), 4, "{odd}");
        }
    }
}
