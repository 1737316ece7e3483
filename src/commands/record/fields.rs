//! What records say, as options.

use std::collections::BTreeMap;

use anyhow::Result;
use clap::ArgAction;

use crate::commands::{argument, right};
use crate::decide::access::Actor;
use crate::decide::fields::digits;
use crate::decide::hand::RecordChanges;
use crate::store::record::{self, RecordName};
use crate::store::{Database, team, user};
use crate::words::{RecordId, RecordKind, RoleAction};

/// The usual fields that some kinds have, and those of the configuration.
#[derive(Debug, clap::Args)]
pub struct Fields {
    /// Job title; of a contact or lead
    #[arg(long)]
    title: Option<String>,
    /// customer, investor, partner or reseller; of a case question, incident or problem
    #[arg(long = "type", value_name = "TYPE")]
    of_type: Option<String>,
    /// How far a lead is: new, assigned, in-process, converted, recycled or dead
    #[arg(long)]
    status: Option<String>,
    /// How far an opportunity is: prospecting, qualification, proposal, negotiation, closed-won or closed-lost
    #[arg(long)]
    stage: Option<String>,
    /// Amount with its currency, such as '1200 EUR'; of an opportunity or lead
    #[arg(long)]
    amount: Option<String>,
    /// Percent; of an opportunity
    #[arg(long, value_name = "NUMBER")]
    probability: Option<String>,
    /// Day on which an opportunity is expected to close, such as 2026-12-24
    #[arg(long, value_name = "DAY")]
    close_date: Option<String>,
    /// Where a lead or opportunity came from: call, email, existing-customer, partner, public-relations, web-site, campaign or other
    #[arg(long)]
    source: Option<String>,
    /// Company of a lead
    #[arg(long, value_name = "NAME")]
    company: Option<String>,
    /// Website; of an account or lead
    #[arg(long, value_name = "WEBSITE")]
    website: Option<String>,
    /// Industry; of an account or lead
    #[arg(long)]
    industry: Option<String>,
    /// Street, town and country
    #[arg(long, value_name = "TEXT")]
    postal_address: Option<String>,
    /// Any of these, or a field of the configuration; may be given several times
    #[arg(long = "field", value_name = "NAME=VALUE", value_parser = pair)]
    fields: Vec<(String, String)>,
}

/// Reads `NAME=VALUE`.
pub fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or_else(|| format!("{text:?} is not NAME=VALUE"))?;
    Ok((name.trim().to_string(), value.to_string()))
}

/// Reads a phone number.
fn phone(text: &str) -> Result<String, String> {
    let is_one = text.is_empty() || (text.len() <= 100 && !text.contains(char::is_control) && digits(text).len() >= 2);
    if is_one { Ok(text.to_string()) } else { Err(format!("{text:?} is no phone number")) }
}

impl Fields {
    /// Returns what is given, by name; an empty value clears.
    pub fn given(&self) -> Vec<(String, String)> {
        let usual = [
            ("title", &self.title),
            ("type", &self.of_type),
            ("status", &self.status),
            ("stage", &self.stage),
            ("amount", &self.amount),
            ("probability", &self.probability),
            ("close-date", &self.close_date),
            ("source", &self.source),
            ("company", &self.company),
            ("website", &self.website),
            ("industry", &self.industry),
            ("postal-address", &self.postal_address),
        ];
        let usual = usual.into_iter().filter_map(|(name, value)| Some((name.to_string(), value.clone()?)));
        usual.chain(self.fields.iter().cloned()).collect()
    }
}

/// Turns what is given into changes.
pub fn values(given: Vec<(String, String)>) -> BTreeMap<String, Option<String>> {
    given.into_iter().map(|(name, value)| (name, Some(value).filter(|value| !value.trim().is_empty()))).collect()
}

/// Everything that a record says.
#[derive(Debug, clap::Args)]
pub struct Says {
    /// E-mail address, in place of those there are; may be given several times, an empty one clears them
    #[arg(long = "address", value_name = "ADDRESS", value_parser = argument::address)]
    pub addresses: Vec<String>,
    /// Phone number, in place of those there are; may be given several times, an empty one clears them
    #[arg(long = "phone", value_name = "NUMBER", value_parser = phone)]
    phones: Vec<String>,
    /// What else there is to say; an empty text clears it
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Account it belongs to, such as account:3; of a contact several, the first of which its mail belongs to; an empty name forgets
    /// them
    #[arg(long = "account", value_name = "RECORD")]
    accounts: Vec<String>,
    /// Contact of an opportunity, such as contact:7, in place of those there are; may be given several times, an empty one clears
    /// them
    #[arg(long = "contact", value_name = "RECORD")]
    contacts: Vec<String>,
    /// Account that a lead was converted into; an empty name forgets it
    #[arg(long, value_name = "RECORD")]
    converted_account: Option<String>,
    /// Contact that a lead was converted into; an empty name forgets it
    #[arg(long, value_name = "RECORD")]
    converted_contact: Option<String>,
    /// User it is assigned to; an empty name forgets it
    #[arg(long, value_name = "USER")]
    assigned_user: Option<String>,
    /// Team, in place of those there are; may be given several times, an empty one clears them
    #[arg(long = "team", value_name = "TEAM")]
    teams: Vec<String>,
    /// Whether it is active; inactive records get no mail
    #[arg(long, action = ArgAction::Set, value_name = "BOOL")]
    active: Option<bool>,
    #[command(flatten)]
    fields: Fields,
}

impl Says {
    pub fn changes(&self, db: &mut Database, actor: &Actor, name: Option<String>) -> Result<RecordChanges> {
        let teams = argument::list(&self.teams);
        let teams = teams.map(|names| team::find_all(db, &names)).transpose()?;
        let find = |login| argument::or_none(login, |login| user::find(db, login));
        let assigned_user = self.assigned_user.as_deref().map(find).transpose()?;
        let mut one = |named: &Option<String>, kind| {
            let named = named.as_ref().map(|named| named_records(db, actor, std::slice::from_ref(named), kind)).transpose()?;
            anyhow::Ok(named.flatten().map(|records| records.first().copied()))
        };
        let converted_account = one(&self.converted_account, RecordKind::Account)?;
        let converted_contact = one(&self.converted_contact, RecordKind::Contact)?;
        Ok(RecordChanges {
            name,
            active: self.active,
            description: self.description.clone(),
            priority: None,
            addresses: argument::list(&self.addresses),
            phones: argument::list(&self.phones),
            accounts: named_records(db, actor, &self.accounts, RecordKind::Account)?,
            contacts: named_records(db, actor, &self.contacts, RecordKind::Contact)?,
            converted_account,
            converted_contact,
            assigned_user,
            teams,
            values: values(self.fields.given()),
        })
    }
}

/// Finds records of a kind that somebody names, which they must be able to read; none given stays, `none` or an empty one clears.
pub fn named_records(db: &mut Database, actor: &Actor, given: &[String], kind: RecordKind) -> Result<Option<Vec<RecordId>>> {
    let mut found = Vec::new();
    for text in given.iter().filter(|text| !matches!(text.as_str(), "" | "none")) {
        let named: RecordName =
            text.parse().map_err(|wrong: String| crate::fault::Fault::new(crate::fault::Class::Usage, wrong))?;
        record::of_kind(named, &[kind])?;
        found.push(right::record(db, actor, named, RoleAction::Read)?.0);
    }
    Ok((!given.is_empty()).then_some(found))
}
