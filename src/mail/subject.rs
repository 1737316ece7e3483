//! What stays of a subject when answers and forwards have written their prefixes before it (RFC 5256, section 2.1, in
//! more languages), and whether it looks like an answer at all (THREAD-3).

/// What mail clients write before the subject of an answer, in lower case.
const ANSWER: [&str; 45] = [
    "re",
    "aw",
    "antw",
    "antwort",
    "sv",
    "svar",
    "vs",
    "r",
    "rif",
    "ref",
    "res",
    "resp",
    "rép",
    "rep",
    "odp",
    "odpowiedź",
    "ynt",
    "yan",
    "cevap",
    "vá",
    "vlasz",
    "válasz",
    "atb",
    "ats",
    "bls",
    "tl",
    "ответ",
    "отв",
    "відп",
    "відповідь",
    "απ",
    "σχετ",
    "השב",
    "תגובה",
    "رد",
    "回复",
    "回覆",
    "答复",
    "答覆",
    "返信",
    "返",
    "답장",
    "회신",
    "re to",
    "vast",
];

/// What they write before the subject of a forwarded e-mail.
const FORWARD: [&str; 29] = [
    "fw",
    "fwd",
    "wg",
    "tr",
    "rv",
    "enc",
    "i",
    "pd",
    "vb",
    "vl",
    "vid",
    "doorst",
    "fs",
    "ilt",
    "i̇lt",
    "ct",
    "trs",
    "továbbítás",
    "továbbított",
    "пересл",
    "переслано",
    "fwd to",
    "πρθ",
    "הועבר",
    "إعادة توجيه",
    "转发",
    "轉寄",
    "転送",
    "전달",
];

/// A subject, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// Without prefixes, tags and trailers, in lower case; empty when nothing says what it is about.
    pub base: String,
    /// Whether a prefix of an answer stands before it.
    pub is_answer: bool,
    /// Whether a prefix or trailer of a forwarded e-mail stands at it.
    pub is_forward: bool,
}

/// A prefix of a subject.
enum Leader {
    Answer,
    Forward,
}

/// Reads a subject.
pub fn read(subject: &str) -> Subject {
    let mut rest = subject.trim();
    let mut read = Subject { base: String::new(), is_answer: false, is_forward: false };
    loop {
        let before = rest.len();
        if let Some(inner) = without_trailer(rest) {
            (rest, read.is_forward) = (inner, true);
        }
        // A tag goes only where something else stays.
        let untagged = without_tag(rest).filter(|inner| !inner.is_empty());
        if let Some((leader, after)) = leader(untagged.unwrap_or(rest)) {
            match leader {
                Leader::Answer => read.is_answer = true,
                Leader::Forward => read.is_forward = true,
            }
            rest = after;
        } else if let Some(inner) = untagged {
            rest = inner;
        }
        if rest.len() == before {
            break;
        }
    }
    read.base = rest.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    if matches!(read.base.as_str(), "(no subject)" | "no subject" | "(kein betreff)" | "(sans objet)" | "(без темы)") {
        read.base.clear();
    }
    read
}

/// Whether the outermost prefix is that of a forwarded e-mail: this message passes something on, and does not answer one that did.
pub fn passes_on(subject: &str) -> bool {
    let subject = subject.trim();
    let untagged = without_tag(subject).filter(|inner| !inner.is_empty());
    matches!(leader(untagged.unwrap_or(subject)), Some((Leader::Forward, _)))
}

/// Returns the number by which e-mails with this base subject from or to this address are found; none when the subject
/// or the address says nothing.
pub fn key(base: &str, address: &str) -> Option<i64> {
    if !base.chars().any(char::is_alphanumeric) || address.is_empty() {
        return None;
    }
    let mut hasher = blake3::Hasher::new();
    hasher.update(&(base.len() as u64).to_le_bytes());
    hasher.update(base.as_bytes());
    hasher.update(address.as_bytes());
    let bytes = hasher.finalize().as_bytes().first_chunk::<8>().copied().unwrap_or_default();
    // Zero stands in the database for no key.
    Some(i64::from_le_bytes(bytes)).filter(|key| *key != 0)
}

/// Takes `(fwd)` from the end, and `[fwd: …]` from around.
fn without_trailer(text: &str) -> Option<&str> {
    if let Some(inner) = strip_end_ignoring_case(text, "(fwd)") {
        return Some(inner.trim_end());
    }
    let inner = strip_start_ignoring_case(text, "[fwd:").or_else(|| strip_start_ignoring_case(text, "[fw:"))?;
    inner.strip_suffix(']').map(str::trim)
}

/// Takes a tag such as `[list]` from the front.
fn without_tag(text: &str) -> Option<&str> {
    let (tag, rest) = text.strip_prefix('[')?.split_once(']')?;
    (!tag.contains('[')).then(|| rest.trim_start())
}

/// Takes a prefix such as `Re:`, `AW :`, `Re[2]:`, `回复：` from the front.
fn leader(text: &str) -> Option<(Leader, &str)> {
    // No prefix is longer, so a long subject costs no more than a short one.
    let head_end = text.char_indices().nth(24).map_or(text.len(), |(at, _)| at);
    let (colon, mark) = text.get(..head_end)?.char_indices().find(|(_, c)| matches!(c, ':' | '：'))?;
    let after = text.get(colon + mark.len_utf8()..)?.trim_start();
    let word = text.get(..colon)?.trim();
    // RFC 5256: a blob may stand between the word and its colon; some clients count there.
    let end = word.find(['[', '(', '^', '*']).unwrap_or(word.len());
    let (word, count) = word.split_at(end);
    if !count.chars().all(|c| c.is_ascii_digit() || "[]()^*".contains(c)) {
        return None;
    }
    let word = word.trim().to_lowercase();
    if ANSWER.contains(&word.as_str()) {
        Some((Leader::Answer, after))
    } else if FORWARD.contains(&word.as_str()) {
        Some((Leader::Forward, after))
    } else {
        None
    }
}

fn strip_start_ignoring_case<'t>(text: &'t str, start: &str) -> Option<&'t str> {
    let head = text.get(..start.len())?;
    head.eq_ignore_ascii_case(start).then(|| text.get(start.len()..)).flatten()
}

fn strip_end_ignoring_case<'t>(text: &'t str, end: &str) -> Option<&'t str> {
    let at = text.len().checked_sub(end.len())?;
    text.get(at..)?.eq_ignore_ascii_case(end).then(|| text.get(..at)).flatten()
}

/// The most case numbers that one subject is read for.
const CASE_NUMBERS: usize = 8;

/// Returns the case numbers that a subject names as `[#123]` (LINK-3), in order; a subject is read for the first few.
pub fn case_numbers(subject: &str) -> Vec<i64> {
    let numbers = subject.split("[#").skip(1).filter_map(|rest| rest.split_once(']')?.0.trim().parse().ok());
    numbers.filter(|number| *number > 0).take(CASE_NUMBERS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thread_3_prefixes_of_every_language_leave_one_base() {
        let answers = [
            "Re: Printer on fire",
            "RE : Printer on fire",
            "AW: printer  on fire",
            "SV: Re: Printer on fire",
            "Antw: Printer on fire",
            "Re[2]: Printer on fire",
            "re(3): Printer on fire",
            "Re^2: Printer on fire",
            "[desk] Re: [#12] Printer on fire",
            "Re: AW: WG: Printer on fire (fwd)",
            "回复：Printer on fire",
            "Ответ: Printer on fire",
            "Odp: Printer on fire",
            "YNT: Printer on fire",
            "Vá: Printer on fire",
            "RES: Printer on fire",
            "返信: Printer on fire",
            "R: Printer on fire",
        ];
        for subject in answers {
            let read = read(subject);
            assert_eq!((read.base.as_str(), read.is_answer), ("printer on fire", true), "{subject}");
        }
        for subject in ["Printer on fire", "[desk] Printer on fire", "Fwd: Printer on fire", "[Fwd: Printer on fire]"] {
            let read = read(subject);
            assert_eq!((read.base.as_str(), read.is_answer), ("printer on fire", false), "{subject}");
        }
    }

    #[test]
    fn thread_3_words_with_a_colon_are_no_prefix_and_empty_subjects_have_no_key() {
        for subject in ["Reminder: pay", "Report: done", "Question (urgent): when", "Re printer", "日程：明日"] {
            assert!(!read(subject).is_answer, "{subject}");
        }
        for subject in ["", "Re:", "Re: (No Subject)", "Re: ...", "[#12]", "Re: []"] {
            let base = read(subject).base;
            let key = key(&base, "a@example.org");
            assert!(key.is_none() || subject == "[#12]", "{subject}: {base}");
        }
        assert!(key("fire", "").is_none());
        assert_ne!(key("fire", "a@example.org"), key("fire", "b@example.org"));
    }

    #[test]
    fn thread_3_a_subject_of_nothing_but_prefixes_costs_no_more_than_its_length() {
        let long = "Re: [x] ".repeat(100_000);
        assert!(read(&long).is_answer);
    }
}
