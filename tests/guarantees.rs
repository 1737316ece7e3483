//! `docs/guarantees.md` names a test beside each promise: every one of them is there.

use std::path::Path;

#[test]
fn every_test_that_the_guarantees_name_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let document = std::fs::read_to_string(root.join("docs/guarantees.md")).unwrap();
    let text = crate::support::source_text(&["tests", "src"]);
    // The names are in code marks, behind "Tests:", to the end of the paragraph.
    let named: Vec<&str> = document
        .split("\n\n")
        .filter_map(|paragraph| paragraph.split_once("Tests:"))
        .flat_map(|(_, names)| names.split('`').skip(1).step_by(2))
        .collect();
    let missing: Vec<&&str> = named.iter().filter(|name| !text.contains(&format!("fn {name}("))).collect();
    assert!(missing.is_empty(), "tests that are not there: {missing:?}");
    assert!(named.len() > 20, "{named:?}");
    // A promise without a test is none: each item of a list of promises names one.
    let promises = document.split("\n\n").filter(|paragraph| paragraph.starts_with("- "));
    let untested: Vec<&str> = promises.filter(|promise| !promise.contains("Tests:")).collect();
    assert!(untested.is_empty(), "promises without a test: {untested:#?}");
}
