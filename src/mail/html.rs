//! HTML that is safe to show: no script, no remote load, no form (PARSE-6).

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

use ammonia::Builder;

/// Open elements beyond which a tree costs more than its size, or more stack than there is.
const DEEPEST: usize = 500;
/// The largest HTML that is read, in bytes.
const LARGEST: usize = 4 << 20;

static SANITISER: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let mut builder = Builder::default();
    builder.url_schemes(["http", "https", "mailto", "tel", "cid"].into());
    builder.attribute_filter(|element, attribute, value| match (element, attribute) {
        // A picture from elsewhere tells its sender that, when and where the mail was read.
        (_, "src") => {
            value.trim_start().get(..4).is_some_and(|scheme| scheme.eq_ignore_ascii_case("cid:")).then_some(Cow::Borrowed(value))
        }
        (_, "cite" | "longdesc") => None,
        _ => Some(Cow::Borrowed(value)),
    });
    builder
});

/// Returns HTML without anything that acts or loads. HTML too deep or too large to be read is left out, and said.
pub fn sanitise(html: &str, defects: &mut Vec<String>) -> String {
    if !is_reasonable(html) {
        defects.push("limit: the HTML is too deep or too large and is left raw".to_string());
        return String::new();
    }
    super::charset::without_nul(&SANITISER.clean(html).to_string()).into_owned()
}

/// Whether HTML can be read at a cost in proportion to its size. An element counts as open until its end tag; those
/// that the parser closes by itself do not count.
pub fn is_reasonable(html: &str) -> bool {
    if html.len() > LARGEST {
        return false;
    }
    let bytes = html.as_bytes();
    let mut open: HashMap<&[u8], usize> = HashMap::new();
    let mut depth = 0_usize;
    for at in memchr::memchr_iter(b'<', bytes) {
        let rest = &bytes[at + 1..];
        let (closing, rest) = if let [b'/', rest @ ..] = rest { (true, rest) } else { (false, rest) };
        let end = rest.iter().take(16).position(|byte| !byte.is_ascii_alphanumeric()).unwrap_or(rest.len().min(16));
        let name = &rest[..end];
        if name.is_empty() || is_light(name) {
            continue;
        }
        let count = open.entry(name).or_default();
        if !closing {
            (*count, depth) = (*count + 1, depth + 1);
        } else if *count > 0 {
            (*count, depth) = (*count - 1, depth - 1);
        }
        if depth > DEEPEST {
            return false;
        }
    }
    true
}

/// Elements without content, or ended by the next of their kind.
fn is_light(name: &[u8]) -> bool {
    const LIGHT: [&str; 19] = [
        "br", "img", "hr", "input", "meta", "link", "col", "area", "base", "wbr", "p", "li", "td", "th", "tr", "dd", "dt",
        "option", "tbody",
    ];
    LIGHT.iter().any(|light| name.eq_ignore_ascii_case(light.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_6_nothing_that_acts_or_loads_survives() {
        let hostile = "<p onclick=x()>Hi<script>alert(1)</script><img src=http://tracker.example/a.gif><img src='cid:a@b'>\
                       <form action=/x><input name=a></form><style>@import url(http://x)</style><a href='javascript:x()'>l</a>\
                       <iframe src=http://x></iframe><svg onload=x()></svg><div style='background:url(http://x)'>d</div>";
        let clean = sanitise(hostile, &mut Vec::new());
        for word in ["script", "tracker", "form", "input", "style", "javascript", "iframe", "svg", "onclick", "http"] {
            assert!(!clean.contains(word), "{word} in {clean}");
        }
        assert!(clean.contains("Hi") && clean.contains("cid:a@b"), "{clean}");
    }

    #[test]
    fn parse_2_deep_html_is_left_out_in_no_time() {
        for deep in ["<div>".repeat(100_000), "<b>".repeat(100_000), "<b></i>".repeat(100_000), "<".repeat(1_000_000)] {
            let mut defects = Vec::new();
            sanitise(&deep, &mut defects);
        }
        let mut defects = Vec::new();
        assert_eq!(sanitise(&"<b x></i>".repeat(1_000), &mut defects), "");
        assert_eq!(defects.len(), 1);
    }
}
