//! What records say of themselves beside what rules ask: the usual fields of each kind, and those that the configuration adds. Each
//! value is text in one form, so that equal values are equal.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::fault::{Class, Fault};
use crate::words::RecordKind;

/// What a value may be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Given", into = "Given")]
pub enum FieldKind {
    Text,
    Number,
    /// A day: `2026-12-24`.
    Date,
    Bool,
    /// A number with its currency: `1200 EUR`.
    Amount,
    /// One of these.
    Choice(Vec<String>),
}

/// As it stands in the configuration: a word, or the values to choose from.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Given {
    Word(String),
    Choice(Vec<String>),
}

impl TryFrom<Given> for FieldKind {
    type Error = String;
    fn try_from(given: Given) -> Result<Self, String> {
        match given {
            Given::Choice(values) if values.is_empty() => Err("a list of values to choose from needs some".to_string()),
            Given::Choice(values) => match values.iter().find(|value| !is_value(value)) {
                Some(wrong) => Err(format!("{wrong:?} is no value to choose")),
                None => Ok(Self::Choice(values)),
            },
            Given::Word(word) => match word.as_str() {
                "text" => Ok(Self::Text),
                "number" => Ok(Self::Number),
                "date" => Ok(Self::Date),
                "bool" => Ok(Self::Bool),
                "amount" => Ok(Self::Amount),
                _ => Err(format!("{word:?} is not one of text, number, date, bool, amount, or a list of values to choose from")),
            },
        }
    }
}

impl From<FieldKind> for Given {
    fn from(kind: FieldKind) -> Self {
        match kind {
            FieldKind::Choice(values) => Self::Choice(values),
            FieldKind::Text => Self::Word("text".to_string()),
            FieldKind::Number => Self::Word("number".to_string()),
            FieldKind::Date => Self::Word("date".to_string()),
            FieldKind::Bool => Self::Word("bool".to_string()),
            FieldKind::Amount => Self::Word("amount".to_string()),
        }
    }
}

/// The fields that the configuration adds to those that every kind of record has.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fields(BTreeMap<RecordKind, BTreeMap<String, FieldKind>>);

/// What every record says, whatever its kind.
pub const OF_ALL: [&str; 20] = [
    "number",
    "name",
    "active",
    "description",
    "address",
    "addresses",
    "phone",
    "phones",
    "account",
    "account-name",
    "contact",
    "contact-name",
    "lead",
    "lead-name",
    "assigned-user",
    "assigned-user-name",
    "priority",
    "teams",
    "created-at",
    "closed-at",
];

/// By what else a record is named or shown: neither these nor those can be a field of the configuration.
const RESERVED: [&str; 5] = ["record", "kind", "email-address", "accounts", "contacts"];

const SOURCES: [&str; 8] = ["call", "email", "existing-customer", "partner", "public-relations", "web-site", "campaign", "other"];

/// The stages in which nothing more comes of an Opportunity.
pub const CLOSED_STAGES: [&str; 2] = ["closed-won", "closed-lost"];

/// The status of a Lead that was converted.
pub const CONVERTED: &str = "converted";

/// The usual fields of a kind of record.
fn usual(kind: RecordKind) -> Vec<(&'static str, FieldKind)> {
    let choice = |values: &[&str]| FieldKind::Choice(values.iter().map(ToString::to_string).collect());
    match kind {
        RecordKind::Account => vec![
            ("type", choice(&["customer", "investor", "partner", "reseller"])),
            ("industry", FieldKind::Text),
            ("website", FieldKind::Text),
            ("postal-address", FieldKind::Text),
        ],
        RecordKind::Contact => vec![("title", FieldKind::Text), ("postal-address", FieldKind::Text)],
        RecordKind::Lead => vec![
            ("status", choice(&["new", "assigned", "in-process", CONVERTED, "recycled", "dead"])),
            ("source", choice(&SOURCES)),
            ("company", FieldKind::Text),
            ("title", FieldKind::Text),
            ("industry", FieldKind::Text),
            ("website", FieldKind::Text),
            ("amount", FieldKind::Amount),
            ("postal-address", FieldKind::Text),
        ],
        RecordKind::Opportunity => vec![
            ("stage", choice(&["prospecting", "qualification", "proposal", "negotiation", CLOSED_STAGES[0], CLOSED_STAGES[1]])),
            ("amount", FieldKind::Amount),
            ("probability", FieldKind::Number),
            ("close-date", FieldKind::Date),
            ("source", choice(&SOURCES)),
        ],
        RecordKind::Case => vec![("type", choice(&["question", "incident", "problem"]))],
    }
}

/// Fields that rules ask: their values are fixed.
const FIXED: [(RecordKind, &str); 3] =
    [(RecordKind::Lead, "status"), (RecordKind::Opportunity, "stage"), (RecordKind::Case, "status")];

/// How long a text may be, in characters: it is looked up by.
const LONGEST: usize = 500;

impl Fields {
    /// Returns every field of a kind with what its values may be, the usual ones first; the configuration may give one of those
    /// other values.
    pub fn of(&self, kind: RecordKind) -> Vec<(String, FieldKind)> {
        let added = self.0.get(&kind);
        let mut all: Vec<(String, FieldKind)> = Vec::new();
        for (name, usual) in usual(kind) {
            let given = added.and_then(|added| added.get(name)).cloned();
            all.push((name.to_string(), given.unwrap_or(usual)));
        }
        for (name, field) in added.into_iter().flatten() {
            if !all.iter().any(|(known, _)| known == name) {
                all.push((name.clone(), field.clone()));
            }
        }
        all
    }

    /// Whether a kind has a field; else the error says which it has.
    pub fn knows(&self, kind: RecordKind, name: &str) -> Result<(), Fault> {
        self.field(kind, name).map(|_| ())
    }

    fn field(&self, kind: RecordKind, name: &str) -> Result<FieldKind, Fault> {
        let all = self.of(kind);
        all.iter().find(|(known, _)| known == name).map(|(_, field)| field.clone()).ok_or_else(|| {
            let names = all.iter().map(|(known, _)| known.as_str()).collect::<Vec<_>>().join(", ");
            let what = format!("a record of the kind {kind} has no field {name:?}; it has {names}");
            Fault::new(Class::Usage, what).hint(format!("add one to [fields.{kind}] of the configuration"))
        })
    }

    /// Brings a value into its form. What is wrong with it says what there is.
    pub fn read(&self, kind: RecordKind, name: &str, value: &str) -> Result<String, Fault> {
        let field = self.field(kind, name)?;
        let read = field.read(value).and_then(|read| match (kind, name, &field) {
            (RecordKind::Opportunity, "probability", FieldKind::Number) if !is_percentage(&read) => {
                Err(format!("{value:?} is no percentage, such as 0, 12.5 or 100"))
            }
            _ => Ok(read),
        });
        read.map_err(|wrong| Fault::new(Class::Usage, format!("{name} of a record of the kind {kind}: {wrong}")))
    }

    /// Says what is wrong with the fields of the configuration.
    pub fn wrong(&self) -> Option<(RecordKind, String, &'static str)> {
        let is_name = |name: &str| {
            !name.is_empty()
                && name.len() <= 60
                && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
                && name.starts_with(|c: char| c.is_ascii_lowercase())
        };
        let all = self.0.iter().flat_map(|(kind, fields)| fields.keys().map(move |name| (*kind, name)));
        all.into_iter().find_map(|(kind, name)| {
            let what = match name.as_str() {
                name if OF_ALL.contains(&name) || RESERVED.contains(&name) => "is what every record has",
                name if FIXED.contains(&(kind, name)) => "has values that rules ask for; it stays as it is",
                name if !is_name(name) => "is no name of a field: write small letters, digits and -, at most 60",
                _ => return None,
            };
            Some((kind, name.clone(), what))
        })
    }
}

impl FieldKind {
    fn read(&self, value: &str) -> Result<String, String> {
        let text = value.trim();
        match self {
            Self::Text if is_value(text) => Ok(text.to_string()),
            Self::Text if text.chars().count() > LONGEST => Err(format!("a text has at most {LONGEST} characters")),
            Self::Text => Err("a text without control characters is wanted".to_string()),
            Self::Number => number(text).ok_or_else(|| format!("{text:?} is no number, such as 42 or 0.5")),
            Self::Date => match text.parse::<jiff::civil::Date>() {
                Ok(date) if text.len() == 10 => Ok(date.to_string()),
                _ => Err(format!("{text:?} is no day, such as 2026-12-24")),
            },
            Self::Bool => match text.to_ascii_lowercase().as_str() {
                "true" | "yes" => Ok("true".to_string()),
                "false" | "no" => Ok("false".to_string()),
                _ => Err(format!("{text:?} is neither true nor false")),
            },
            Self::Amount => amount(text).ok_or_else(|| format!("{text:?} is no amount with its currency, such as 1200 EUR")),
            Self::Choice(values) => {
                let chosen = values.iter().find(|one| one.eq_ignore_ascii_case(text));
                chosen.cloned().ok_or_else(|| format!("{text:?} is not one of {}", values.join(", ")))
            }
        }
    }
}

fn is_value(text: &str) -> bool {
    !text.is_empty() && text.chars().count() <= LONGEST && !text.contains(|c: char| c.is_control() && c != '\n')
}

/// A decimal number without what makes no difference.
fn number(text: &str) -> Option<String> {
    let (sign, digits) = text.strip_prefix('-').map_or(("", text.strip_prefix('+').unwrap_or(text)), |rest| ("-", rest));
    let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
    let is_digits = |text: &str| !text.is_empty() && text.len() <= 30 && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(whole) || !is_digits(part) {
        return None;
    }
    let (whole, part) = (whole.trim_start_matches('0'), part.trim_end_matches('0'));
    let whole = if whole.is_empty() { "0" } else { whole };
    match part {
        "" if whole == "0" => Some("0".to_string()),
        "" => Some(format!("{sign}{whole}")),
        _ => Some(format!("{sign}{whole}.{part}")),
    }
}

fn amount(text: &str) -> Option<String> {
    let (one, other) = text.split_once(' ')?;
    let is_currency = |text: &str| text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_alphabetic());
    let (value, currency) = if is_currency(one) { (other, one) } else { (one, other) };
    let value = number(value.trim())?;
    // As money is written.
    let value = if value.split_once('.').is_some_and(|(_, part)| part.len() == 1) { value + "0" } else { value };
    is_currency(currency.trim()).then(|| format!("{value} {}", currency.trim().to_ascii_uppercase()))
}

fn is_percentage(number: &str) -> bool {
    number.is_empty() || number.parse::<f64>().is_ok_and(|number| (0.0..=100.0).contains(&number))
}

/// Returns the digits of a phone number, to look it up by.
pub fn digits(phone: &str) -> String {
    phone.chars().filter(char::is_ascii_digit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_has_one_form_and_a_wrong_one_says_what_there_is() {
        let fields: Fields = toml::from_str(
            "[contact]\ncustomer-number = \"number\"\nsince = \"date\"\nvip = \"bool\"\nlevel = [\"gold\", \"silver\"]\n\
             [account]\ntype = [\"customer\", \"supplier\"]",
        )
        .expect("it is one");
        let read = |name, value| fields.read(RecordKind::Contact, name, value).map_err(|fault| fault.to_string());
        for (name, value, form) in [
            ("customer-number", "04711.50", "4711.5"),
            ("customer-number", "-0.0", "0"),
            ("since", "2026-12-24", "2026-12-24"),
            ("vip", "Yes", "true"),
            ("level", "Gold", "gold"),
            ("title", " Dr. ", "Dr."),
        ] {
            assert_eq!(read(name, value).as_deref(), Ok(form), "{name}");
        }
        for (name, value, says) in [
            ("customer-number", "x", "no number"),
            ("since", "24.12.2026", "no day"),
            ("vip", "perhaps", "neither true nor false"),
            ("level", "bronze", "not one of gold, silver"),
            ("colour", "red", "it has title, postal-address, customer-number, level, since, vip"),
            ("title", "", "a text"),
        ] {
            assert!(read(name, value).is_err_and(|error| error.contains(says)), "{name}: {:?}", read(name, value));
        }
        let amount = |value| fields.read(RecordKind::Opportunity, "amount", value).ok();
        assert_eq!(amount("eur 1200.5").as_deref(), Some("1200.50 EUR"));
        assert_eq!((amount("1200"), amount("1,200 EUR")), (None, None));
        assert!(fields.read(RecordKind::Account, "type", "supplier").is_ok());
        assert!(fields.read(RecordKind::Account, "type", "investor").is_err());
    }

    #[test]
    fn the_configuration_cannot_name_what_is_there() {
        for (text, says) in [
            ("[case]\nname = \"text\"", "every record"),
            ("[lead]\nstatus = [\"x\"]", "rules"),
            ("[lead]\n\"A b\" = \"text\"", "no name"),
        ] {
            let fields: Fields = toml::from_str(text).expect("it is one");
            assert!(fields.wrong().is_some_and(|(.., what)| what.contains(says)), "{text}");
        }
        for text in ["[case]\nx = \"colour\"", "[case]\nx = []", "[thing]\nx = \"text\""] {
            assert!(toml::from_str::<Fields>(text).is_err(), "{text}");
        }
    }
}
