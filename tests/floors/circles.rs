//! No circles inside a room: a file imports others of its room one way, so each can be read when those below it are known.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::LazyLock;

use regex::Regex;

/// The rooms, in none of which two files know each other, by whatever way round.
const HELD: [&str; 12] =
    ["mail", "decide", "depot", "net", "mailbox", "oauth", "relay", "store", "pass", "context", "config", "commands"];

static ITEM: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\b(?:struct|enum|fn|const|static|type|trait|macro_rules!)\s+(\w+)").unwrap());
static IMPORT: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(?m)^\s*(pub(?:\([^)]*\))?\s+)?use ([^;]+);").unwrap());
static INLINE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(?:^|[^\w:])((?:super|self|crate|[a-z]\w*)(?:::\w+)+)").unwrap());

/// A module by its path: `["decide", "hand", "case"]`.
type Module = Vec<String>;

/// What one file of a room says.
struct File {
    /// Without comments and tests.
    code: String,
    /// What it defines.
    items: BTreeSet<String>,
    /// What it imports, and whether it hands that on.
    uses: Vec<(bool, Vec<String>)>,
}

struct Room(BTreeMap<Module, File>);

/// Expands `a::{b, c::{d, e}}`.
fn expand(path: &str) -> Vec<String> {
    let Some((head, group)) = path.split_once('{') else {
        return vec![path.split(" as ").next().unwrap().trim().to_string()];
    };
    let group = group.trim_end().strip_suffix('}').unwrap();
    let (mut depth, mut from, mut found) = (0, 0, Vec::new());
    for (at, c) in group.char_indices().chain([(group.len(), ',')]) {
        depth += i32::from(c == '{') - i32::from(c == '}');
        if c == ',' && depth == 0 {
            let item = group[from..at].trim();
            found.extend(expand(item).into_iter().filter(|item| !item.is_empty()).map(|item| format!("{}{item}", head.trim())));
            from = at + 1;
        }
    }
    found
}

fn segments(path: &str) -> Vec<String> {
    path.split("::").map(str::to_string).collect()
}

impl File {
    fn read(text: &str) -> Self {
        let before_tests = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        let code: Vec<&str> = before_tests.lines().map(|line| line.split("//").next().unwrap()).collect();
        let code = code.join("\n");
        let items = ITEM.captures_iter(&code).map(|found| found[1].to_string()).collect();
        let uses = IMPORT.captures_iter(&code).flat_map(|found| {
            let is_public = found.get(1).is_some();
            expand(&found[2]).into_iter().map(move |path| (is_public, segments(&path)))
        });
        Self { items, uses: uses.collect(), code: IMPORT.replace_all(&code, "").into_owned() }
    }
}

impl Room {
    fn of(name: &str) -> Self {
        let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let files = crate::support::source_files("src").into_iter().filter_map(|file| {
            let path = file.strip_prefix(&src).unwrap().with_extension("");
            let mut module: Module = path.iter().map(|part| part.to_str().unwrap().to_string()).collect();
            module.pop_if(|last| last == "mod");
            let is_of_it = module[0] == name && !module.contains(&"tests".to_string());
            is_of_it.then(|| (module, std::fs::read_to_string(file).unwrap()))
        });
        Self::from(files)
    }

    fn from(files: impl IntoIterator<Item = (Module, String)>) -> Self {
        Self(files.into_iter().map(|(module, text)| (module, File::read(&text))).collect())
    }

    /// Where a path begins that a file names, and the rest of it; none where that is outside the room.
    fn start(&self, file: &Module, path: &[String]) -> Option<(Module, Vec<String>)> {
        let ups = path.iter().take_while(|part| *part == "super").count();
        let (base, rest) = match path[0].as_str() {
            "crate" => (path.get(1).cloned().into_iter().collect(), &path[2.min(path.len())..]),
            "self" => (file.clone(), &path[1..]),
            "super" if ups < file.len() => (file[..file.len() - ups].to_vec(), &path[ups..]),
            first => {
                let is_child = self.0.contains_key(&[file.as_slice(), &[first.to_string()]].concat());
                (if is_child { file.clone() } else { Module::new() }, path)
            }
        };
        self.0.contains_key(&base).then(|| (base, rest.to_vec()))
    }

    /// The file that an item is in, whatever doors hand it on.
    fn find(&self, mut base: Module, path: &[String]) -> Module {
        for (at, part) in path.iter().enumerate() {
            let child = [base.as_slice(), std::slice::from_ref(part)].concat();
            if self.0.contains_key(&child) {
                base = child;
                continue;
            }
            let file = &self.0[&base];
            let handed_on = file.uses.iter().filter(|(is_public, _)| *is_public && !file.items.contains(part));
            return handed_on
                .filter(|(_, path)| path.last() == Some(part) || path.last().is_some_and(|last| last == "*"))
                .filter_map(|(_, path)| self.start(&base, path))
                .map(|(start, rest)| match rest.split_last() {
                    Some((last, rest)) if last == "*" => (self.find(start, rest), true),
                    _ => (self.find(start, &rest), false),
                })
                .find(|(found, is_glob)| !is_glob || self.0[found].items.contains(&path[at]))
                .map_or(base, |(found, _)| found);
        }
        base
    }

    /// Which files of the room a file knows. What it hands on to others it need not know.
    fn knows(&self, module: &Module) -> BTreeSet<Module> {
        let file = &self.0[module];
        let words: BTreeSet<&str> = file.code.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
        let inline = INLINE.captures_iter(&file.code).map(|found| segments(&found[1]));
        let imported = file
            .uses
            .iter()
            .filter(|(is_public, path)| !is_public || path.last().is_some_and(|name| words.contains(name.as_str())));
        let imported = imported.map(|(_, path)| path.clone());
        let paths = inline.chain(imported).filter_map(|path| self.start(module, &path));
        paths.map(|(start, rest)| self.find(start, &rest)).filter(|known| known != module).collect()
    }

    /// The files that know each other, by whatever way round.
    fn circles(&self) -> Vec<String> {
        let mut knows: BTreeMap<&Module, BTreeSet<Module>> = self.0.keys().map(|file| (file, self.knows(file))).collect();
        // Whoever knows nobody that is left is in no circle; nor is whom nobody that is left knows.
        loop {
            let left: BTreeSet<Module> = knows.keys().map(|file| (*file).clone()).collect();
            let known: BTreeSet<Module> = knows.values().flatten().cloned().collect();
            knows.retain(|file, others| known.contains(*file) && others.iter().any(|other| left.contains(other)));
            knows.values_mut().for_each(|others| others.retain(|other| left.contains(other)));
            if knows.len() == left.len() {
                break;
            }
        }
        let names = |files: &BTreeSet<Module>| files.iter().map(|file| file.join("/")).collect::<Vec<_>>().join(", ");
        knows.iter().map(|(file, others)| format!("{} knows {}", file.join("/"), names(others))).collect()
    }
}

#[test]
fn no_circles_inside_a_room() {
    for room in HELD {
        let circles = Room::of(room).circles();
        assert!(circles.is_empty(), "{room}:\n{}", circles.join("\n"));
    }
}

#[test]
fn a_planted_circle_is_found() {
    let room = |files: &[(&str, &str)]| {
        Room::from(files.iter().map(|(module, text)| (segments(module), (*text).to_string()))).circles().len()
    };
    let door = ("a", "mod b;\nmod c;\npub use b::*;\npub use c::See;");
    assert_eq!(room(&[door, ("a::b", "use super::c::See;\npub struct Be;"), ("a::c", "pub struct See;")]), 0);
    assert_eq!(room(&[door, ("a::b", "use super::See;\npub struct Be;"), ("a::c", "use super::Be;\npub struct See;")]), 2);
    assert_eq!(
        room(&[door, ("a::b", "pub fn b() { super::c::see() }"), ("a::c", "use crate::a::{b::{self, b}};\nfn see() {}")]),
        2
    );
    let busy = ("a", "mod b;\npub use b::Be;\nfn a() -> Be { Be }");
    assert_eq!(room(&[busy, ("a::b", "use super::a;\npub struct Be;")]), 2);
    assert_eq!(room(&[busy, ("a::b", "// super::a\npub struct Be;\n#[cfg(test)]\nmod tests { use super::super::a; }")]), 0);
}
