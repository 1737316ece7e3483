//! espomail-rules(7): what the ids mean that reasons begin with. The page and the program know the same rules, and each has a test.

use espomail::words::Rule;
use regex::Regex;

use crate::support::{source_files, source_text};

const PAGE: &str = include_str!("../../man/espomail-rules.7");

/// The rules that have a paragraph, in the order of the page.
fn ids() -> Vec<String> {
    let id = |paragraph: &str| Some(paragraph.strip_prefix("\\fB")?.split_once("\\fR\n")?.0.replace("\\-", "-"));
    PAGE.split(".TP\n").skip(1).map(|paragraph| id(paragraph).unwrap()).collect()
}

#[test]
fn why_1_every_rule_that_a_reason_names_stands_in_the_manual() {
    let rules: Vec<&str> = Rule::ALL.iter().map(|rule| rule.as_str()).collect();
    assert_eq!(ids(), rules, "every rule once, in the order of the program");
    let src = source_text(&["src"]);
    let is_used = |rule: &Rule| Regex::new(&format!(r"\b(reason!\(\s*|Rule::){rule:?}\b")).unwrap().is_match(&src);
    assert_eq!(Rule::ALL.iter().filter(|rule| !is_used(rule)).collect::<Vec<_>>(), Vec::<&Rule>::new(), "no reason names them");
}

#[test]
fn why_1_no_text_carries_a_rule_by_hand() {
    let by_hand = |text: &str| {
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap().lines();
        let code = code.map(|line| line.split("//").next().unwrap());
        let words = code.flat_map(|line| line.split(|c: char| !c.is_ascii_alphanumeric() && c != '-'));
        words.filter(|word| word.parse::<Rule>().is_ok()).map(str::to_string).collect::<Vec<_>>()
    };
    assert_eq!(by_hand("// LINK-4\nfn f() -> &str { \"LINK-4: x (LINK-5)\" }").len(), 2, "a planted one is found");
    for file in source_files("src") {
        let is_exempt = file.iter().any(|part| part == "tests") || file.ends_with("tests.rs") || file.ends_with("src/words.rs");
        let found = by_hand(&std::fs::read_to_string(&file).unwrap());
        assert!(is_exempt || found.is_empty(), "{}: {found:?}: say it with reason! or Rule", file.display());
    }
}

#[test]
fn why_1_every_rule_has_a_test() {
    let tests = source_text(&["src", "tests"]);
    // One test may show several rules.
    let has_none = |rule: &&Rule| {
        let id = rule.as_str().to_lowercase().replace('-', "_");
        !tests.contains(&format!("fn {id}_")) && !tests.contains(&format!("_{id}_"))
    };
    assert_eq!(Rule::ALL.iter().filter(has_none).collect::<Vec<_>>(), Vec::<&Rule>::new());
}
