//! HTML that is safe to show: no script, no remote load, no form (PARSE-6). And what it says as plain text.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use ammonia::Builder;
use regex::Regex;

use super::markup::{Token, Tokens};
use super::parameter::without_percent;

/// Open elements beyond which a tree costs more than its size, or more stack than there is.
const DEEPEST: usize = 500;
/// Less-than signs in all the HTML of a message: each may be an element of a few hundred bytes, or a piece of text of its own.
/// So many take 100 MB and a second.
const MOST: usize = 150_000;
/// Tags in all, where we cannot tell which of them the parser will heed.
const MOST_IN_FOREIGN: usize = 10_000;
/// The largest HTML that is read, in bytes.
const LARGEST: usize = 4 << 20;
/// The longest URL that names a part, in bytes.
const LONGEST_URL: usize = 2_000;
/// The longest tag, in bytes outside quotes: attributes are compared with one another.
const LONGEST_TAG: usize = 4 << 10;
/// Open formatting elements, summed over the tags behind them: each paragraph opens all of them again.
const FORMATTING_COST: usize = 500_000;

/// Open elements, summed over the tags behind them: the parser goes through them for many.
const DEPTH_COST: usize = 20_000_000;
/// Text and tags that stand in a table and in no cell of it: each is moved before the table, past all others.
const MOST_MISPLACED: usize = 10_000;
/// Ampersands of a run of text times its length: for each the parser copies the run. The serialiser searches the rest of it for
/// each of them, and for each character from U+0080 to U+00BF, which begins with C2 (a no-break space).
const ENTITY_COST: usize = 20_000_000_000;

static SANITISER: LazyLock<Builder<'static>> = LazyLock::new(|| sanitiser(HashMap::new()));

/// `renamed` has pictures that the HTML names in another way than by their Content-ID.
fn sanitiser(renamed: HashMap<String, String>) -> Builder<'static> {
    let mut builder = Builder::default();
    builder.add_clean_content_tags(["title", "noscript", "noembed", "noframes", "iframe"]);
    builder.url_schemes(["http", "https", "mailto", "tel", "cid", "data"].into());
    builder.attribute_filter(move |_, attribute, value| match attribute {
        // A picture from elsewhere tells its sender that, when and where the mail was read.
        "src" => match scheme(value).as_deref() {
            Some("cid") => Some(Cow::Borrowed(value)),
            Some("data") if is_picture(value) => Some(Cow::Borrowed(value)),
            _ => renamed.get(value.trim()).map(|renamed| Cow::Owned(renamed.clone())),
        },
        "cite" | "longdesc" => None,
        "href" if scheme(value).as_deref() == Some("data") => None,
        _ => Some(Cow::Borrowed(value)),
    });
    builder
}

/// Returns the scheme of a URL in lower case, as browsers read it: controls and white space in it and before it do not count.
fn scheme(url: &str) -> Option<String> {
    let (before, _) = url.split_once(':')?;
    let scheme: String = before.chars().filter(|c| !c.is_whitespace() && !c.is_control()).collect();
    scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c)).then(|| scheme.to_ascii_lowercase())
}

/// Whether a `data:` URL holds a picture that runs nothing (RFC 2397); SVG may.
fn is_picture(url: &str) -> bool {
    let kind = url.trim().get(5..).and_then(|rest| rest.split([';', ',']).next()).unwrap_or_default().trim().to_ascii_lowercase();
    matches!(kind.as_str(), "image/png" | "image/jpeg" | "image/jpg" | "image/pjpeg" | "image/gif" | "image/webp" | "image/bmp")
}

/// Whether HTML is neither too deep nor too large to be read; where it is, that is said. What the parts of one message cost is
/// added up.
pub fn bears(html: &str, spent: &mut Spent, defects: &mut Vec<String>) -> bool {
    let is_reasonable = is_reasonable(html, spent);
    let defect = "limit: the HTML is too deep or too large and is left raw";
    if !is_reasonable && !defects.iter().any(|other| other == defect) {
        defects.push(defect.to_string());
    }
    is_reasonable
}

/// Returns HTML that can be read ([`bears`]) without anything that acts or loads.
pub fn sanitised(html: &str, references: &References) -> String {
    let clean =
        if references.renamed.is_empty() { SANITISER.clean(html) } else { sanitiser(references.renamed.clone()).clean(html) };
    super::charset::without_nul(&clean.to_string()).into_owned()
}

/// Returns plain text as HTML.
pub fn from_text(text: &str) -> String {
    format!("<pre>{}</pre>", ammonia::clean_text(text).replace("&#10;", "\n").replace("&#32;", " "))
}

/// What HTML refers to among the parts of its message.
#[derive(Default)]
pub struct References {
    ids: HashSet<String>,
    /// Pictures that are named by a Content-ID without `cid:`, a Content-Location or a file name, and their URL.
    renamed: HashMap<String, String>,
}

/// URLs in attributes and in styles.
static URLS: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r#"(?i)(?:\b(?:src|background|href)\s*=\s*|\burl\(\s*)(?:"([^"]*)"|'([^']*)'|([^\s>)"']*))"#;
    Regex::new(pattern).unwrap_or_else(|error| unreachable!("{error}"))
});

impl References {
    /// Remembers every `cid:` URL (RFC 2392), and every other one that is the name of a part: `parts` has the ids by name.
    pub fn read(&mut self, html: &str, parts: &HashMap<String, String>) {
        if parts.is_empty() {
            return;
        }
        for found in URLS.captures_iter(html) {
            let Some(url) = found.get(1).or_else(|| found.get(2)).or_else(|| found.get(3)) else { continue };
            let url = unescaped(url.as_str().trim());
            if url.is_empty() || url.len() > LONGEST_URL {
                continue;
            }
            if scheme(&url).as_deref() == Some("cid") {
                let id = url.split_once(':').map(|(_, id)| id.trim()).unwrap_or_default();
                let plain = String::from_utf8_lossy(&without_percent(id.as_bytes())).into_owned();
                self.ids.extend([id, &plain].map(|id| id.trim_matches(['<', '>', ' ']).to_string()));
                continue;
            }
            let plain = String::from_utf8_lossy(&without_percent(url.as_bytes())).into_owned();
            if let Some(id) = parts.get(&url).or_else(|| parts.get(&plain)).or_else(|| parts.get(plain.trim_start_matches("./")))
            {
                self.ids.insert(id.clone());
                self.renamed.insert(url, format!("cid:{id}"));
            }
        }
    }

    /// Whether the HTML refers to this Content-ID.
    pub fn contains(&self, content_id: &str) -> bool {
        self.ids.contains(content_id)
    }
}

/// Reads the character references of an attribute that mean ASCII.
fn unescaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let mut rest = value;
    while let Some((before, behind)) = rest.split_once('&') {
        text.push_str(before);
        let name = behind.get(..8).unwrap_or(behind).split(';').next().unwrap_or_default();
        let number = name.strip_prefix('#').and_then(|number| match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok(),
            None => number.parse().ok(),
        });
        let meant = match name {
            "amp" => Some('&'),
            "lt" => Some('<'),
            "gt" => Some('>'),
            "quot" => Some('"'),
            "apos" => Some('\''),
            _ => number.and_then(char::from_u32),
        };
        match meant {
            Some(c) => {
                text.push(c);
                rest = behind[name.len()..].strip_prefix(';').unwrap_or(&behind[name.len()..]);
            }
            None => {
                text.push('&');
                rest = behind;
            }
        }
    }
    text.push_str(rest);
    text
}

/// Returns what HTML says. It has been sanitised, or is too unusual to be; then its tags are left out.
pub fn to_text(html: &str) -> String {
    let mut text = String::with_capacity(html.len() / 2);
    let mut preformatted = 0_usize;
    for token in Tokens(html) {
        match token {
            Token::Text(run) => add_text(&mut text, run, preformatted > 0),
            Token::Tag { name, is_end, .. } => {
                let name = name.to_ascii_lowercase();
                match name.as_str() {
                    "br" => text.push('\n'),
                    "pre" if is_end => preformatted = preformatted.saturating_sub(1),
                    "pre" => preformatted += 1,
                    "td" | "th" if is_end => text.push(' '),
                    "li" if !is_end => {
                        new_line(&mut text, 1);
                        text.push_str("- ");
                    }
                    "hr" | "div" | "tr" | "table" | "section" | "article" | "header" | "footer" | "dt" | "dd" | "li" => {
                        new_line(&mut text, 1);
                    }
                    "blockquote" => {
                        new_line(&mut text, 2);
                        text.push(if is_end { QUOTE_END } else { QUOTE_START });
                        text.push('\n');
                    }
                    "p" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "ul" | "ol" => new_line(&mut text, 2),
                    _ => {}
                }
            }
        }
    }
    let mut text = if text.contains(QUOTE_START) { with_quote_marks(&text) } else { text.replace(QUOTE_END, "") };
    text.truncate(text.trim_end().len());
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

/// Lines between which a quotation stands, until the text is whole; no text has these characters.
const QUOTE_START: char = '\u{E000}';
const QUOTE_END: char = '\u{E001}';
/// Quotations in one another beyond which no more marks are written.
const DEEPEST_QUOTE: usize = 8;

/// Writes `>` before the lines of a quotation, as plain text has it.
fn with_quote_marks(text: &str) -> String {
    let mut marked = String::with_capacity(text.len() + text.len() / 8);
    let (mut depth, mut depth_above) = (0_usize, 0);
    let mut has_gap = false;
    for line in text.lines() {
        let bare = line.trim_matches([QUOTE_START, QUOTE_END]).trim_end();
        depth = (depth + line.matches(QUOTE_START).count()).saturating_sub(line.matches(QUOTE_END).count());
        if bare.is_empty() {
            has_gap = true;
            continue;
        }
        let marks = |depth: usize| ">".repeat(depth.min(DEEPEST_QUOTE));
        if has_gap && !marked.is_empty() {
            marked.push_str(&marks(depth.min(depth_above)));
            marked.push('\n');
        }
        if depth > 0 {
            marked.push_str(&marks(depth));
            marked.push(' ');
        }
        marked.push_str(bare);
        marked.push('\n');
        (depth_above, has_gap) = (depth, false);
    }
    marked
}

/// Ends the line, and begins the next one with `count - 1` empty lines before it.
fn new_line(text: &mut String, count: usize) {
    text.truncate(text.trim_end_matches([' ', '\t']).len());
    if text.is_empty() {
        return;
    }
    let there = text.len() - text.trim_end_matches('\n').len();
    text.extend(std::iter::repeat_n('\n', count.saturating_sub(there)));
}

fn add_text(text: &mut String, run: &str, preformatted: bool) {
    let mut rest = run;
    while let Some(next) = rest.chars().next() {
        let (c, length) = if next == '&' { entity(rest) } else { (next, next.len_utf8()) };
        rest = &rest[length..];
        if matches!(c, QUOTE_START | QUOTE_END) {
            continue;
        }
        if preformatted || !matches!(c, ' ' | '\t' | '\r' | '\n') {
            text.push(if c == '\u{A0}' { ' ' } else { c });
        } else if !text.is_empty() && !text.ends_with([' ', '\n']) {
            text.push(' ');
        }
    }
}

/// Reads one of the entities that the sanitiser writes.
fn entity(text: &str) -> (char, usize) {
    const ENTITIES: [(&str, char); 6] =
        [("&amp;", '&'), ("&lt;", '<'), ("&gt;", '>'), ("&nbsp;", '\u{A0}'), ("&quot;", '"'), ("&#39;", '\'')];
    let found = ENTITIES.iter().find(|(entity, _)| text.starts_with(entity));
    found.map_or(('&', 1), |(entity, c)| (*c, entity.len()))
}

/// Whether HTML can be read at a cost in proportion to its size.
fn is_reasonable(html: &str, spent: &mut Spent) -> bool {
    spent.size += html.len();
    if spent.size > LARGEST {
        return false;
    }
    let marks = memchr::memchr_iter(b'<', html.as_bytes()).count();
    spent.marks += marks;
    if spent.marks > MOST {
        return false;
    }
    let mut cost = Cost { spent, open: Vec::new(), formatting: 0, run: Run::default(), is_in_table: false, is_foreign: false };
    let mut tokens = Tokens(html);
    let mut is_reasonable = true;
    while let (behind, Some(token)) = (tokens.0, tokens.next()) {
        let whole = &behind[..behind.len() - tokens.0.len()];
        if !cost.bears(&token, whole) {
            is_reasonable = false;
            break;
        }
    }
    if cost.is_foreign {
        cost.spent.foreign += marks;
    }
    is_reasonable && spent.foreign <= MOST_IN_FOREIGN
}

/// What the HTML of one message has cost so far.
#[derive(Default)]
pub struct Spent {
    size: usize,
    marks: usize,
    formatting: usize,
    depth: usize,
    entities: usize,
    misplaced: usize,
    foreign: usize,
}

/// What the parser will do for one piece of HTML.
struct Cost<'a, 's> {
    spent: &'s mut Spent,
    /// Open elements, and whether each is a formatting element.
    open: Vec<(&'a str, bool)>,
    formatting: usize,
    run: Run,
    is_in_table: bool,
    is_foreign: bool,
}

/// Text that will stand in one piece, whatever end tags there are between.
#[derive(Clone, Copy, Default)]
struct Run {
    length: usize,
    searched_for: usize,
}

impl Run {
    fn add(&mut self, text: &str) {
        self.length += text.len();
        self.searched_for += memchr::memchr2_iter(b'&', 0xC2, text.as_bytes()).count();
    }

    const fn cost(self) -> usize {
        self.length.saturating_mul(self.searched_for)
    }
}

impl<'a> Cost<'a, '_> {
    /// Adds a token; returns whether the HTML is still reasonable.
    fn bears(&mut self, token: &Token<'a>, whole: &str) -> bool {
        match token {
            Token::Text(text) => {
                let before = self.run.cost();
                self.run.add(text);
                self.spent.entities = self.spent.entities.saturating_add(self.run.cost() - before);
                self.spent.misplaced += usize::from(self.is_in_table && !text.trim_ascii().is_empty());
            }
            Token::Tag { length, .. } if *length > LONGEST_TAG => return false,
            Token::Tag { name, is_end, .. } => {
                let mut attributes = Run::default();
                attributes.add(whole);
                self.spent.entities = self.spent.entities.saturating_add(attributes.cost());
                // One that the parser passes over leaves the text around it in one piece.
                if !*is_end && (!is_in(name, &PASSED_OVER) || self.has_table()) {
                    self.run = Run::default();
                }
                self.spent.formatting += self.formatting;
                self.spent.depth += self.open.len();
                self.place(name, *is_end);
                if !is_in(name, &LIGHT) {
                    self.is_foreign |= is_in(name, &FOREIGN);
                    self.nest(name, *is_end);
                }
            }
        }
        self.open.len() <= DEEPEST
            && self.spent.formatting <= FORMATTING_COST
            && self.spent.depth <= DEPTH_COST
            && self.spent.entities <= ENTITY_COST
            && self.spent.misplaced <= MOST_MISPLACED
    }

    /// An end tag counts where it closes the innermost open element; any other may be passed over by the parser, so its
    /// element counts as open. Elements that the parser closes by itself do not count.
    fn nest(&mut self, name: &'a str, is_end: bool) {
        if !is_end {
            let is_formatting = is_in(name, &FORMATTING);
            self.formatting += usize::from(is_formatting);
            self.open.push((name, is_formatting));
        } else if let Some((_, is_formatting)) = self.open.pop_if(|(innermost, _)| innermost.eq_ignore_ascii_case(name)) {
            self.formatting -= usize::from(is_formatting);
        }
    }

    fn place(&mut self, name: &str, is_end: bool) {
        if is_in(name, &["td", "th", "caption"]) {
            self.is_in_table = is_end && self.has_table();
        } else if name.eq_ignore_ascii_case("table") {
            self.is_in_table = !is_end;
        } else if is_in(name, &["tr", "tbody", "thead", "tfoot", "colgroup", "col"]) {
            self.is_in_table |= self.has_table();
        } else {
            self.spent.misplaced += usize::from(self.is_in_table);
        }
    }

    fn has_table(&self) -> bool {
        self.open.iter().any(|(name, _)| name.eq_ignore_ascii_case("table"))
    }
}

fn is_in(name: &str, names: &[&str]) -> bool {
    names.iter().any(|other| name.eq_ignore_ascii_case(other))
}

/// Elements without content, or ended by the next of their kind.
const LIGHT: [&str; 22] = [
    "br", "img", "hr", "input", "meta", "link", "col", "area", "base", "wbr", "p", "li", "td", "th", "tr", "dd", "dt", "option",
    "tbody", "html", "head", "body",
];
/// Elements that the parser opens again in the next paragraph.
const FORMATTING: [&str; 14] = ["a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u"];
/// Elements whose start tags count in few places, most of them in tables.
const PASSED_OVER: [&str; 15] = [
    "html", "head", "body", "frame", "frameset", "caption", "col", "colgroup", "tbody", "thead", "tfoot", "tr", "td", "th",
    "form",
];
/// Elements in which other rules hold.
const FOREIGN: [&str; 7] = ["svg", "math", "select", "template", "frameset", "plaintext", "script"];

#[cfg(test)]
mod tests {
    use super::*;

    fn sanitise(html: &str, references: &References, spent: &mut Spent, defects: &mut Vec<String>) -> String {
        if bears(html, spent, defects) { sanitised(html, references) } else { String::new() }
    }

    #[test]
    fn parse_6_nothing_that_acts_or_loads_survives() {
        let hostile = "<p onclick=x()>Hi<script>alert(1)</script><img src=http://tracker.example/a.gif><img src='cid:a@b'>\
                       <form action=/x><input name=a></form><style>@import url(http://x)</style><a href='javascript:x()'>l</a>\
                       <iframe src=http://x></iframe><svg onload=x()></svg><div style='background:url(http://x)'>d</div>";
        let clean = sanitise(hostile, &References::default(), &mut Spent::default(), &mut Vec::new());
        for word in ["script", "tracker", "form", "input", "style", "javascript", "iframe", "svg", "onclick", "http"] {
            assert!(!clean.contains(word), "{word} in {clean}");
        }
        assert!(clean.contains("Hi") && clean.contains("cid:a@b"), "{clean}");
    }

    #[test]
    fn parse_2_deep_html_is_left_out_in_no_time() {
        for deep in ["<div>".repeat(100_000), "<b>".repeat(100_000), "<b></i>".repeat(100_000), "<".repeat(1_000_000)] {
            let mut defects = Vec::new();
            sanitise(&deep, &References::default(), &mut Spent::default(), &mut defects);
        }
        let mut defects = Vec::new();
        assert_eq!(sanitise(&"<b x></i>".repeat(1_000), &References::default(), &mut Spent::default(), &mut defects), "");
        assert_eq!(defects.len(), 1);
    }

    #[test]
    fn parse_2_html_that_costs_more_than_its_size_is_left_out() {
        let fonts: String = (0..400).map(|n| format!("<font color=c{n}>")).collect();
        for (what, hostile) in [
            ("end tags in comments", "<!--</div>--><div>".repeat(20_000)),
            ("end tags in scripts", "<script></div></script><div>".repeat(20_000)),
            ("end tags in attributes", "<div a='</div>'>".repeat(20_000)),
            ("a quote that opens no value", format!("<p =\'>{}\'>", "<div>".repeat(20_000))),
            ("end tags out of scope", "<div><object></div></object>".repeat(20_000)),
            ("names with hyphens", "<x-a></x-b>".repeat(20_000)),
            ("foreign content", format!("<svg><style>{}</style></svg>", "<div>".repeat(20_000))),
            ("formatting opened in each paragraph", format!("<p>{fonts}{}", "x</p><p>".repeat(5_000))),
            ("text outside cells", format!("<table>{}", "x<p>".repeat(50_000))),
            ("ampersands", "&".repeat(500_000)),
            ("no-break spaces", "\u{a0}".repeat(1_900_000)),
            ("no-break spaces between tags that do not count", "\u{a0}\u{a0}\u{a0}</x><tr>".repeat(70_000)),
            ("no-break spaces in an attribute", format!("<p title='{}'>", "\u{a0}".repeat(1_900_000))),
            ("less-than signs", "<".repeat(3_900_000)),
            ("items", "<li>".repeat(400_000)),
            ("items below many open elements", format!("{}{}", "<span>".repeat(400), "<li>x".repeat(100_000))),
            ("attributes", format!("<p {}>", "a ".repeat(50_000))),
        ] {
            let mut defects = Vec::new();
            let started = std::time::Instant::now();
            assert_eq!(sanitise(&hostile, &References::default(), &mut Spent::default(), &mut defects), "", "{what}");
            assert!(!defects.is_empty() && started.elapsed().as_secs() < 2, "{what}: {:?}", started.elapsed());
        }
    }

    #[test]
    fn parse_6_large_honest_html_is_kept() {
        let row = "<tr><td><b>1</b>&nbsp;&amp;<br></td><td align=right><a href='https://example.org/?a=1&b=2'>x</a></td></tr>\n";
        let html = format!("<!--[if mso]><table><![endif]--><table><tbody>{}</tbody></table><p>end", row.repeat(10_000));
        let mut defects = Vec::new();
        assert!(sanitise(&html, &References::default(), &mut Spent::default(), &mut defects).contains("<p>end"), "{defects:?}");
        assert!(defects.is_empty());
    }

    #[test]
    fn parse_6_text_says_what_html_says() {
        for (html, text) in [
            ("<div>a</div><div>b</div>", "a\nb\n"),
            ("<p>a  b\n c</p><p>d</p>", "a b c\n\nd\n"),
            ("a<br>b&nbsp;c &lt;d&gt; &amp;amp;", "a\nb c <d> &amp;\n"),
            ("<ul><li>a</li><li>b</li></ul>c", "- a\n- b\n\nc\n"),
            ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc\n"),
            ("<pre>a\n  b</pre>", "a\n  b\n"),
            ("<title>t</title><style>s</style><!-- c --><script>x</script>a", "a\n"),
            ("  ", ""),
            ("a<blockquote>b<br>c<blockquote>d</blockquote></blockquote>e", "a\n\n> b\n> c\n>\n>> d\n\ne\n"),
        ] {
            assert_eq!(to_text(&sanitise(html, &References::default(), &mut Spent::default(), &mut Vec::new())), text, "{html}");
        }
    }

    #[test]
    fn parse_8_references_are_whole_content_ids() {
        let mut references = References::default();
        references.read(
            "<img src=\"cid:a%25b@x\"><img src=CID:c><div style='background:url(cid:d)'>",
            &[("x".to_string(), "x".to_string())].into(),
        );
        assert!(references.contains("a%b@x") && references.contains("c") && references.contains("d"));
        assert!(!references.contains("a") && !references.contains("cid"));
    }
}
