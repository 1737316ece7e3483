//! Where a signature begins: the line `-- ` (RFC 3676, section 4.3) or one like it, a program's own, or a closing formula
//! with a block of contact lines. In doubt it is text.

use super::line::{Part, clean};
use super::words::{CLOSINGS, DEVICES, NOTES, SENT_FROM, SENT_FROM_END};

/// The most lines of a signature behind `-- `.
const BEHIND_DELIMITER: usize = 20;
/// The most lines of a signature that begins otherwise.
const SHORT: usize = 8;
/// The longest line of such a signature, in bytes.
const NARROW: usize = 120;
/// The most words by which a program or its device is named.
const NAMED: usize = 10;

/// Marks the lines of the signature, at the end of the text above the quotation or below it.
/// `has_more`: a message that is passed on follows.
pub fn mark(lines: &[&str], parts: &mut [Part], has_more: bool) {
    let first_quoted = parts.iter().position(|part| *part == Part::Quoted).unwrap_or(parts.len());
    let behind = parts.iter().rposition(|part| *part == Part::Quoted).map_or(parts.len(), |last| last + 1);
    // The one below first: there it is that of the whole message.
    for (start, end) in [(behind, parts.len()), (0, first_quoted)] {
        let has_other_text = has_more
            || (0..parts.len()).any(|at| !(start..end).contains(&at) && parts[at] == Part::Reply && !lines[at].trim().is_empty());
        if let Some(at) = begin(&lines[start..end], has_other_text) {
            parts[start + at..end].fill(Part::Signature);
        }
    }
    standing_apart(lines, parts);
}

/// Programs also sign above the text and, where what they quote bears no mark, in the middle of it: on lines that stand
/// apart.
fn standing_apart(lines: &[&str], parts: &mut [Part]) {
    let is_text = |at: &usize| parts[*at] == Part::Reply && !clean(lines[*at]).is_empty();
    let mut left = (0..lines.len()).filter(is_text).count();
    let mut start = 0;
    for paragraph in lines.split(|line| clean(line).is_empty()) {
        let end = start + paragraph.len();
        let is_reply = || parts[start..end].iter().all(|part| *part == Part::Reply);
        if paragraph.first().is_some_and(|line| is_program(line))
            && is_reply()
            && paragraph.iter().all(|line| is_program(line))
            && left > paragraph.len()
        {
            left -= paragraph.len();
            parts[start..end].fill(Part::Signature);
        }
        start = end + 1;
    }
}

/// Returns the line on which the signature begins.
fn begin(lines: &[&str], may_be_all: bool) -> Option<usize> {
    let end = last_filled(lines)?;
    let first = lines.iter().position(|line| !line.trim().is_empty())?;
    let is_left = |at: &usize| *at > first || may_be_all;
    let program = program(lines, end).filter(is_left);
    // A person's block may stand above what the program writes.
    let above = program.unwrap_or(end);
    let block =
        last_filled(&lines[..above]).and_then(|end| delimiter(lines, end).or_else(|| closing(lines, end))).filter(is_left);
    block.or(program)
}

fn last_filled(lines: &[&str]) -> Option<usize> {
    Some(lines.iter().rposition(|line| !line.trim().is_empty())? + 1)
}

fn filled(lines: &[&str]) -> usize {
    lines.iter().filter(|line| !line.trim().is_empty()).count()
}

fn is_narrow(lines: &[&str], most: usize) -> bool {
    filled(lines) <= most && lines.iter().all(|line| line.len() <= NARROW)
}

fn delimiter(lines: &[&str], end: usize) -> Option<usize> {
    let within = |at: &usize| filled(&lines[at + 1..end]) <= BEHIND_DELIMITER;
    let from = end.saturating_sub(BEHIND_DELIMITER * 3);
    // The first `-- `: what follows it may have lines of its own.
    if let Some(at) = (from..end).find(|at| lines[*at].trim_end_matches('\r') == "-- " && within(at)) {
        return Some(at);
    }
    let is_no_text = |at: &usize| !is_text(&lines[at + 1..end]);
    if let Some(at) = (from..end).rev().find(|at| clean(lines[*at]) == "--").filter(within).filter(is_no_text) {
        return Some(at);
    }
    // Any other rule may stand between parts of the text.
    let is_signature = |at: &usize| {
        let block = &lines[at + 1..end];
        is_like(lines, *at) && is_narrow(block, SHORT) && (filled(block) == 0 || is_signed(block))
    };
    let at = (from..end).rev().find(|at| is_like(lines, *at)).filter(is_signature)?;
    // Rules under one another are one.
    Some(
        (from..at)
            .rev()
            .take_while(|at| is_like(lines, *at) || clean(lines[*at]).is_empty())
            .filter(|at| is_like(lines, *at))
            .last()
            .unwrap_or(at),
    )
}

/// Whether lines below a rule look like a signature: a name or a closing formula on the first, or a way to reach somebody, and no
/// text that asks or tells.
fn is_signed(block: &[&str]) -> bool {
    let mut filled = block.iter().map(|line| clean(line)).filter(|line| !line.is_empty());
    let Some(first) = filled.clone().next() else { return false };
    let is_all_apart = filled.clone().all(|line| !is_question(line) && !is_item(line));
    let told = filled.clone().filter(|line| is_sentence(line)).count();
    let named = is_name(first) || is_closing(first) || is_program(first);
    let reached = block.iter().any(|line| is_contact(line)) && !is_sentence(first);
    let is_note = || block.iter().map(|line| line.to_lowercase()).any(|line| NOTES.iter().any(|note| line.contains(note)));
    is_all_apart && is_note()
        || is_all_apart && told * 2 <= filled.clone().count() && (reached || (named && filled.all(|line| !is_sentence(line))))
}

/// Whether lines below `--` are more of the text.
fn is_text(block: &[&str]) -> bool {
    let mut filled = block.iter().map(|line| clean(line)).filter(|line| !line.is_empty());
    let is_told = filled.clone().next().is_some_and(|first| is_sentence(first) || is_item(first));
    filled.any(is_question) || (is_told && !block.iter().any(|line| is_contact(line)))
}

fn is_question(line: &str) -> bool {
    line.ends_with(['?', '？', '؟'])
}

/// Whether a line is one of a list.
fn is_item(line: &str) -> bool {
    let number = line.trim_start_matches(|c: char| c.is_ascii_digit());
    ["- ", "* ", "• ", "> "].iter().any(|mark| line.starts_with(mark))
        || number.len() < line.len() && line.len() - number.len() <= 2 && (number.starts_with(". ") || number.starts_with(") "))
}

/// Whether a line is a sentence.
fn is_sentence(line: &str) -> bool {
    let words = line.split_whitespace().count();
    line.ends_with(['。', '！']) || words >= 10 || (line.ends_with(['.', '!', ';']) && words >= 3)
}

/// Whether a line may be somebody's name: few words, all with a capital where the script has them, and no numbers.
fn is_name(line: &str) -> bool {
    let words = || line.split_whitespace();
    let is_part = |word: &str| {
        let small =
            ["von", "van", "de", "der", "den", "di", "da", "del", "la", "le", "of", "und", "and", "y", "e", "&", "-", "|"];
        word.starts_with(|c: char| !c.is_lowercase()) || small.contains(&word.to_lowercase().as_str())
    };
    (1..=5).contains(&words().count())
        && line.chars().count() <= 50
        && line.chars().any(char::is_alphabetic)
        && !line.chars().any(|c| c.is_ascii_digit() || matches!(c, ':' | '=' | '#' | '!' | '?' | '/' | '\\'))
        && words().all(is_part)
}

/// Whether a line tells how to reach somebody.
fn is_contact(line: &str) -> bool {
    const TELEPHONE: [&str; 15] =
        ["tel", "phone", "fax", "mob", "cell", "handy", "fon", "tél", "тел", "電話", "电话", "전화", "☎", "📞", "puh"];
    let lower = line.to_lowercase();
    let digits = line.bytes().filter(u8::is_ascii_digit).count();
    let is_number = || {
        let others = line.chars().filter(|c| !(c.is_ascii_digit() || "+()/.- ".contains(*c))).count();
        line.contains('+') && others <= 12 || others <= 3 && !line.contains(':')
    };
    line.contains('@')
        || line.contains("www.")
        || line.contains("://")
        || line.contains(" | ")
        || (digits >= 5 && TELEPHONE.iter().any(|word| lower.contains(word)))
        || (digits >= 7 && is_number())
}

/// Whether a line is a closing formula.
fn is_closing(line: &str) -> bool {
    let line = clean(line).trim_end_matches([',', '.', '!', '，', '。', '、', ' ', ';', ':', '-', '–']);
    line.len() <= 80 && CLOSINGS.contains(&line.to_lowercase().as_str())
}

/// Whether a line is a rule that may stand above a signature and no underline of a heading.
fn is_like(lines: &[&str], at: usize) -> bool {
    let line = clean(lines[at]);
    let mut signs = line.chars().filter(|c| !c.is_whitespace());
    let Some(first) = signs.next() else { return false };
    if !signs.clone().all(|c| c == first) {
        return false;
    }
    let length = signs.count() + 1;
    let has_gap = at == 0 || clean(lines[at - 1]).is_empty();
    match first {
        '—' | '–' | 'ᐧ' => true,
        '_' => length >= 2,
        '-' => length == 2 || (length > 2 && has_gap),
        '=' | '*' | '~' | '#' | '+' | '.' => length >= 3 && has_gap,
        _ => false,
    }
}

/// "Sent from my …" and what a program writes under it.
fn program(lines: &[&str], end: usize) -> Option<usize> {
    let mut found = None;
    for at in (0..end).rev() {
        if is_program(lines[at]) {
            found = Some(at);
        } else if !clean(lines[at]).is_empty() {
            break;
        }
    }
    let from = end.saturating_sub(4);
    found.or_else(|| {
        let at = from + lines[from..end].iter().position(|line| is_program(line))?;
        // Its link, or the excuse for errors.
        let is_one_block = lines[at + 1..end].iter().all(|line| !clean(line).is_empty());
        (is_one_block && end - at <= 3 && is_narrow(&lines[at + 1..end], 2)).then_some(at)
    })
}

/// Whether a line is one by which a program or a device signs.
pub fn is_program(line: &str) -> bool {
    let line = clean(line).trim_matches(|c: char| matches!(c, '*' | '<' | '>' | '(' | ')' | '_' | '[') || c.is_whitespace());
    if line.len() < 6 || line.len() > NARROW {
        return false;
    }
    let line = clean(line).to_lowercase();
    // Nearly all lines differ from all of them in the first byte, or the last.
    let (first, last) = (line.bytes().next(), line.bytes().next_back());
    let starts = || SENT_FROM.iter().any(|start| start.bytes().next() == first && line.starts_with(start));
    let ends = || SENT_FROM_END.iter().any(|end| end.bytes().next_back() == last && line.ends_with(end));
    if !starts() && !ends() {
        return false;
    }
    // A link is no name.
    let named = line.split("http").next().unwrap_or_default();
    let clause = named.split([',', ';', '，']).next().unwrap_or_default().split(". ").next().unwrap_or_default();
    if clause.split_whitespace().count() > NAMED {
        return false;
    }
    let names_device = DEVICES.iter().any(|device| clause.contains(device));
    // Any device may be one's own, where it is not the subject of a sentence.
    let is_own = line.starts_with("sent from my ") && clause.len() == named.len() && clause.split_whitespace().count() <= 7;
    names_device || is_own && !line.ends_with('.') || line.starts_with("sent via mobile")
}

/// A closing formula with contact lines under it; without them it is a part of the text.
fn closing(lines: &[&str], end: usize) -> Option<usize> {
    let from = end.saturating_sub(SHORT * 2);
    let at = from + lines[from..end].iter().rposition(|line| is_closing(line))?;
    let behind: Vec<&str> = lines[at + 1..end].iter().map(|line| line.trim()).filter(|line| !line.is_empty()).collect();
    // A post scriptum, a question: text.
    let goes_on =
        |line: &&&str| is_question(line) || line.to_lowercase().starts_with("p.s") || line.to_lowercase().starts_with("ps:");
    if behind.iter().any(|line| goes_on(&line)) {
        return None;
    }
    let reaches = |line: &&&str| is_contact(line) || line.bytes().filter(u8::is_ascii_digit).count() >= 6;
    let is_block = (2..=SHORT * 2).contains(&behind.len()) && behind.iter().all(|line| line.len() <= NARROW);
    (is_block && behind.iter().any(|line| reaches(&line))).then_some(at)
}
