//! A filter, as people see it.

use super::settings::{FilterShown, action_text};
use crate::commands::show::lines;
use crate::output::shown;
use crate::pass::verdict::Names;
use crate::store::filter::Stored;
use crate::words::FilterId;

#[derive(serde::Serialize)]
pub struct Shown {
    pub id: FilterId,
    pub name: String,
    pub scope: String,
    pub place: i64,
    #[serde(flatten)]
    pub settings: FilterShown,
    pub sieve: Option<String>,
    pub criteria: Vec<String>,
    pub actions: Vec<String>,
}

impl Shown {
    pub fn new(names: &Names, stored: &Stored) -> Self {
        let filter = &stored.filter;
        Self {
            id: filter.id,
            name: filter.name.clone(),
            scope: stored.scope.clone(),
            place: stored.place,
            settings: FilterShown::new(&filter.settings, names),
            sieve: filter.sieve.as_ref().map(|script| script.text.clone()),
            criteria: filter.criteria.iter().map(ToString::to_string).collect(),
            actions: filter.actions.iter().map(|action| action_text(names, action, stored.owner)).collect(),
        }
    }

    pub fn text(&self) -> String {
        let mut all = vec![
            ("filter", self.name.clone()),
            ("number", self.id.to_string()),
            ("scope", self.scope.clone()),
            ("place", self.place.to_string()),
        ];
        all.extend(self.settings.lines());
        let mut text = lines(&all);
        if let Some(script) = &self.sieve {
            text.push_str("sieve:\n");
            script.lines().for_each(|line| text.push_str(&format!("  {}\n", shown(line))));
            return text;
        }
        self.criteria.iter().for_each(|criterion| text.push_str(&format!("  if {}\n", shown(criterion))));
        self.actions.iter().for_each(|action| text.push_str(&format!("  then {}\n", shown(action))));
        text
    }
}
