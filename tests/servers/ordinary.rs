//! The ordinary tests, those that `make test` runs against Dovecot, with another server in its place: `make servers`.

use std::process::Command;

use crate::support::dovecot::INSTEAD;
use crate::support::source_files;

/// Tests whose meaning does not hang on Dovecot, by parts of their names.
const TESTS: [&str; 5] = ["fetch::", "mailbox::dovecot::", "mailbox::faults::", "sent::", "traces::"];

/// Those among them that look for the words of Dovecot, for certificates that it shows on other addresses, or at what it is told in one flight.
const OF_DOVECOT: [&str; 4] =
    ["fetch::trips::", "a_missing_mailbox", "a_wrong_password_says_what_to_type", "fetch_16_a_certificate"];

/// Those whose mail users have longer names than Cyrus knows; names of mailboxes that it does not have; its Sent is there from the beginning.
const NOT_ON_CYRUS: [&str; 8] = [
    "fetch_9_a_server_that_cannot_expunge_single",
    "fetch_9_a_uid_that_is_another_messages",
    "fetch_9_what_a_server_only_says_it_has_moved",
    "filter_4_a_command_that_fails_or_hangs",
    "downloaded_and_stays_as_it_is::postgresql",
    "fetch_4_unicode_names_are_listed_and_opened",
    "send_7_without_a_sent_mailbox",
    // The name of its user is too long for Cyrus.
    "fetch_7_a_wait_hears_of_mail_within_a_second_and_ends_when_it_is_told_to::postgresql",
];

/// Courier has every mailbox below INBOX, does not say the next UID, knows nobody whom its system does not, and hears of news once a minute.
const NOT_ON_COURIER: [&str; 22] = [
    "afterwards::fetch_9_a_death",
    "fetch_9_a_server_without_move",
    "fetch_9_a_uid_that_is_another_messages",
    "fetch_9_filters_say_where",
    "fetch_9_messages_are_left",
    "fetch_9_nothing_is_done_under_uids",
    "fetch_9_what_a_server_only_says",
    "fetch_9_what_a_server_refuses",
    "fetch_9_what_its_owner_has_read",
    "fetch_9_what_was_moved",
    "fetch_9_what_was_to_be_done",
    "fetch_1_case_3",
    "fetch_1_every_way_in",
    "fetch_2_a_deleted_email",
    "fetch_4_",
    "fetch_5_uidvalidity_changed",
    "fetch_6_a_panic",
    "fetch_6_the_third_death",
    "inbox_2_",
    "mailbox::faults::",
    "sent::",
    "traces::",
];

/// Runs them with a server in the place of Dovecot, but for some.
fn ordinary(server: &str, but: &[&str]) {
    let mut tests = Command::new(std::env::current_exe().unwrap());
    tests.args(TESTS).args(OF_DOVECOT.iter().chain(but).flat_map(|name| ["--skip", name]));
    tests.args(["--skip", "servers::"]).env(INSTEAD, server).env("ESPOMAIL_TEST_USERS", users().join(" "));
    assert!(tests.status().unwrap().success(), "not all of them pass on {server}");
}

/// The names of the mail users of tests in two worlds: not every server knows everybody, as Dovecot does here.
fn users() -> Vec<String> {
    let mut users: Vec<String> = ["ways", "missing", "many", "since", "giant"].map(String::from).to_vec();
    for file in source_files("tests") {
        let text = std::fs::read_to_string(file).unwrap();
        for line in text.lines().filter(|line| line.contains("&mut World, user: &str)")) {
            let name = line.trim_start().strip_prefix("fn ").and_then(|rest| rest.split_once('('));
            users.extend(name.iter().flat_map(|(name, _)| ["sqlite", "postgresql"].map(|world| format!("{name}-{world}"))));
        }
    }
    users.sort();
    users.dedup();
    users
}

#[test]
#[ignore = "make servers"]
fn the_tests_of_any_server_pass_on_cyrus() {
    ordinary("cyrus", &NOT_ON_CYRUS);
}

#[test]
#[ignore = "make servers"]
fn the_tests_of_any_server_pass_on_courier() {
    ordinary("courier", &NOT_ON_COURIER);
}
