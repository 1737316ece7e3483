//! WHY-1: why something is so: by which rule, and in words. Words are for people: nothing in here reads them.

use serde::ser::{Serialize, SerializeStruct, Serializer};

use crate::words::{EmailId, FilterId, Rule};

/// Why something is so. In JSON `rule` stands beside `because`, which begins with it as in text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reason {
    pub rule: Option<Rule>,
    /// Without the rule.
    pub text: String,
    /// The filter that says so: what is so because of it can be taken back (WHY-2).
    pub filter: Option<FilterId>,
    /// The e-mail that hands it on to those that answer it: where that loses it, they do, too (THREAD-2).
    pub answered: Option<EmailId>,
}

/// Makes a reason: `reason!(Link4, "<{address}> is no known record's")`.
macro_rules! reason {
    ($rule:ident, $($text:tt)+) => { $crate::words::Rule::$rule.because(format_args!($($text)+)) };
}

pub(crate) use reason;

impl Rule {
    /// Makes a reason of what the rule says.
    pub fn because(self, text: impl std::fmt::Display) -> Reason {
        Reason { rule: Some(self), text: text.to_string(), filter: None, answered: None }
    }

    /// The part of the manual that it stands in: `LINK`.
    pub fn family(self) -> &'static str {
        self.as_str().split('-').next().unwrap_or_default()
    }
}

impl Reason {
    /// Reads what was written into a column of text: the form in which people see it.
    pub fn read(text: &str) -> Self {
        match text.split_once(": ").and_then(|(rule, text)| Some((rule.parse().ok()?, text))) {
            Some((rule, text)) => Rule::because(rule, text),
            None => text.into(),
        }
    }

    /// Goes on with it.
    pub fn and(&self, more: impl std::fmt::Display) -> Self {
        Self { text: format!("{}{more}", self.text), ..self.clone() }
    }

    /// Says which filter it is because of.
    pub fn by(self, filter: Option<FilterId>) -> Self {
        Self { filter, ..self }
    }

    /// Says which e-mail it is handed on by.
    pub fn on(self, answered: EmailId) -> Self {
        Self { answered: Some(answered), ..self }
    }

    /// As it stands behind the words of another of that rule: the same id is not said twice.
    pub fn behind(&self, rule: Rule) -> String {
        if self.rule == Some(rule) { self.text.clone() } else { self.to_string() }
    }

    /// Puts several together; the rule is that of the first.
    pub fn all<'r>(reasons: impl IntoIterator<Item = &'r Self>) -> Option<Self> {
        let mut reasons = reasons.into_iter();
        let first = reasons.next()?.clone();
        Some(reasons.fold(first, |all, more| all.and(format_args!("; {more}"))))
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.rule {
            Some(rule) => write!(f, "{rule}: {}", self.text),
            None => f.write_str(&self.text),
        }
    }
}

impl From<&str> for Reason {
    fn from(text: &str) -> Self {
        Self { text: text.to_string(), ..Self::default() }
    }
}

impl From<&Self> for Reason {
    fn from(reason: &Self) -> Self {
        reason.clone()
    }
}

impl Serialize for Reason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Reason", 2)?;
        fields.serialize_field("rule", &self.rule)?;
        fields.serialize_field("because", &self.to_string())?;
        fields.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn why_1_a_reason_reads_back_with_its_rule_and_json_has_it_beside() {
        let reason = reason!(Link4, "<{}> is: no known record's", "a@x");
        assert_eq!(reason.to_string(), "LINK-4: <a@x> is: no known record's");
        for one in [&reason, &Reason::from("it came: late"), &Reason::from("LINK-99: x"), &Reason::from("")] {
            assert_eq!(&Reason::read(&one.to_string()), one);
        }
        assert_eq!(serde_json::json!(reason), serde_json::json!({ "rule": "LINK-4", "because": reason.to_string() }));
        let two = Reason::all([&reason, &reason!(Link5, "y")]).map(|both| (both.rule, both.text));
        assert_eq!(two, Some((Some(Rule::Link4), "<a@x> is: no known record's; LINK-5: y".to_string())));
    }
}
