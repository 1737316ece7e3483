//! espomail-access(7): who is asking, and who may do what. Its table of rights is held to the words themselves.

use espomail::words::{RoleAction, RoleLevel, RoleScope};

use super::roff;

const PAGE: &str = include_str!("../../man/espomail-access.7");

#[test]
fn access_2_the_manual_has_what_roles_can_say() {
    let mut table = String::new();
    for scope in RoleScope::ALL {
        let words = |words: Vec<&str>| words.join(", ");
        let actions = words(scope.actions().iter().copied().map(RoleAction::as_str).collect());
        let levels = words(scope.levels().iter().copied().map(RoleLevel::as_str).collect());
        table += &format!("{}\n", roff(&format!("{scope:<18}{actions:<22}{levels}")));
    }
    let shown = PAGE.split("and on how much of it:\n.IP\n.EX\n").nth(1).and_then(|rest| rest.split(".EE\n").next());
    assert_eq!(shown, Some(table.as_str()), "put it into man/espomail-access.7");
}
