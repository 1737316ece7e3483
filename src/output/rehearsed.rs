//! What is said while all that is done is rolled back: nothing of it is so, and it is told as what would be.

use std::sync::PoisonError;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{Format, Output, shown};

/// What would be said.
#[derive(Debug, Default)]
pub(super) struct Rehearsed {
    /// Sentences that speak of what is done.
    pub so: Vec<String>,
    /// Sentences that say themselves that it only would be.
    would: Vec<String>,
    /// What would be made.
    made: Vec<Value>,
}

impl Rehearsed {
    pub fn make<T: Serialize>(&mut self, item: &T, sentence: &str) {
        self.so.push(sentence.to_string());
        self.made.extend(serde_json::to_value(item));
    }

    fn text(&self) -> String {
        let mut text: String = self.would.iter().map(|line| format!("{}\n", shown(line))).collect();
        match self.so.as_slice() {
            [] => {}
            [one] => text.push_str(&format!("It would be so: {}\n", shown(one))),
            more => {
                text.push_str("It would be so:\n");
                more.iter().for_each(|line| text.push_str(&format!("  {}\n", shown(line))));
            }
        }
        text + "Nothing was changed."
    }

    /// What would be made, as it would be, with the mark that it is not.
    fn document(self) -> Value {
        let mut told = Map::from_iter([("dry_run".to_string(), json!(true))]);
        match <[Value; 1]>::try_from(self.made) {
            Ok([Value::Object(fields)]) => told.extend(fields),
            Ok([other]) => drop(told.insert("items".to_string(), json!([other]))),
            Err(made) if made.is_empty() => {}
            Err(made) => drop(told.insert("items".to_string(), Value::Array(made))),
        }
        let said = [self.would, self.so].concat();
        if !said.is_empty() {
            told.insert("says".to_string(), json!(said.join("\n")));
        }
        Value::Object(told)
    }
}

impl Output {
    /// From here on, until `rehearsed`, what is said is what would be so.
    pub fn rehearse(&self) {
        *self.rehearsed.lock().unwrap_or_else(PoisonError::into_inner) = Some(Rehearsed::default());
    }

    /// Whether it only would be so.
    pub fn is_rehearsing(&self) -> bool {
        self.is_kept(|_| {})
    }

    /// Tells what would be so; where that failed, the failure says it all.
    pub fn rehearsed(&self, is_told: bool) {
        let kept = self.rehearsed.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(kept) = kept.filter(|_| is_told) else { return };
        match self.format {
            Format::Text => self.line(&kept.text()),
            Format::Json => self.document(&kept.document()),
            Format::Jsonl => self.json_line(&kept.document()),
        }
    }

    /// Says what was done, or that it would be.
    pub fn say_or_would(&self, done: &str, would: &str) {
        if !self.is_kept(|kept| kept.would.push(would.to_string())) {
            self.say(done);
        }
    }

    /// Keeps what is said for later, where all is only rehearsed.
    pub(super) fn is_kept(&self, keep: impl FnOnce(&mut Rehearsed)) -> bool {
        self.rehearsed.lock().unwrap_or_else(PoisonError::into_inner).as_mut().map(keep).is_some()
    }
}
