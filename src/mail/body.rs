//! What a letter of ours says: the text that was written, the signature below it, and the letter that it goes on from, as text
//! and, where there is any, as HTML (SEND-10).

use super::compose::File;
use super::reply::{html_from_text, text_from_html};

/// The largest HTML that is quoted, in bytes; of a larger one there is the text.
const LARGEST: usize = 512 << 10;

/// What stands below what people write.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Signature {
    /// Empty is made of the HTML.
    pub text: String,
    /// Sanitised; empty is made of the text.
    pub html: String,
}

impl Signature {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.text.trim().is_empty() && self.html.trim().is_empty()
    }

    /// Returns it behind its line (RFC 3676, section 4.3).
    fn as_text(&self) -> String {
        let made = if self.text.trim().is_empty() { text_from_html(&self.html) } else { self.text.clone() };
        format!("-- \n{}", made.trim_end())
    }

    fn as_html(&self) -> String {
        let made = if self.html.trim().is_empty() { html_from_text(&self.text) } else { self.html.clone() };
        format!("<div>-- <br>\n{made}</div>")
    }
}

/// What somebody wrote.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Written {
    pub text: String,
    pub html: Option<String>,
    /// The files of the template that it was made from.
    pub files: Vec<File>,
    /// They wrote it with everything else before their eyes: nothing is put below it.
    pub is_whole: bool,
}

/// The letter that it goes on from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Quoted {
    pub text: String,
    /// Sanitised.
    pub html: String,
    /// It came as HTML, so its reader sees HTML.
    pub is_html: bool,
}

/// What goes out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Body {
    pub text: String,
    pub html: Option<String>,
    /// The files of the template that it was made from.
    pub files: Vec<File>,
}

/// Returns what stands below the text: the signature behind its line (RFC 3676, section 4.3), then the quotation. An editor
/// shows it below the place where one writes.
pub fn below(signature: &Signature, quoted: Option<&Quoted>) -> String {
    let mut below = String::new();
    if !signature.is_empty() {
        below.push_str(&format!("\n\n{}", signature.as_text()));
    }
    if let Some(quoted) = quoted {
        below.push_str(&format!("\n\n{}", quoted.text));
    }
    below
}

impl Written {
    /// Puts everything together. There is HTML where some was written, and where what is quoted came as HTML.
    pub fn with(self, signature: &Signature, quoted: Option<&Quoted>) -> Body {
        if self.is_whole {
            return Body { text: self.text, html: self.html, files: self.files };
        }
        let quotes_html = quoted.is_some_and(|quoted| quoted.is_html && quoted.html.len() <= LARGEST);
        let html = match self.html {
            Some(html) => Some(html),
            None if quotes_html => Some(format!("<div>{}</div>\n", html_from_text(&self.text))),
            None => None,
        };
        let html = html.map(|mut html| {
            if !signature.is_empty() {
                html.push_str(&format!("\n{}\n", signature.as_html()));
            }
            match quoted {
                Some(quoted) if quoted.html.len() <= LARGEST => html.push_str(&format!("<br>\n{}", quoted.html)),
                Some(quoted) => html.push_str(&format!("<br>\n<div>{}</div>\n", html_from_text(&quoted.text))),
                None => {}
            }
            html
        });
        Body { text: format!("{}{}", self.text.trim_end(), below(signature, quoted)), html, files: self.files }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str, html: Option<&str>) -> Written {
        Written { text: text.to_string(), html: html.map(str::to_string), ..Written::default() }
    }

    fn signed(text: &str, html: &str) -> Signature {
        Signature { text: text.to_string(), html: html.to_string() }
    }

    fn quoted(is_html: bool) -> Quoted {
        Quoted { text: "Dora wrote:\n> Hot.\n".to_string(), html: "<blockquote><b>Hot.</b></blockquote>".to_string(), is_html }
    }

    #[test]
    fn send_10_the_signature_stands_between_text_and_quotation() {
        let body = written("Soon.\n\n", None).with(&signed("Ada\nExample Inc\n", ""), Some(&quoted(false)));
        assert_eq!(body.text, "Soon.\n\n-- \nAda\nExample Inc\n\nDora wrote:\n> Hot.\n");
        assert_eq!(body.html, None);
        assert_eq!(written("Soon.", None).with(&signed(" \n", ""), None).text, "Soon.");
        let edited = Written { is_whole: true, ..written("As edited\n> Hot.\n", None) };
        assert_eq!(edited.with(&signed("Ada", ""), Some(&quoted(true))).text, "As edited\n> Hot.\n");
    }

    #[test]
    fn send_10_a_signature_has_a_form_for_each_kind_of_letter() {
        let both = signed("Ada", "<p><b>Ada</b></p>");
        let body = written("Soon.", Some("<p>Soon.</p>")).with(&both, None);
        assert_eq!(body.text, "Soon.\n\n-- \nAda");
        assert_eq!(body.html.as_deref(), Some("<p>Soon.</p>\n<div>-- <br>\n<p><b>Ada</b></p></div>\n"));
        let only = signed("", "<p>Ada <b>Example</b></p>");
        assert_eq!(
            written("Soon.", None).with(&only, None),
            Body { text: "Soon.\n\n-- \nAda Example".into(), ..Body::default() }
        );
    }

    #[test]
    fn send_10_html_is_answered_in_html_and_what_was_typed_stays_text_in_it() {
        let body = written("1 < 2 <script>x</script>", None).with(&signed("<b>Ada</b>", ""), Some(&quoted(true)));
        let html = body.html.expect("the customer reads HTML");
        assert!(html.starts_with("<div>1 &lt; 2 &lt;script&gt;") && html.contains("&lt;b&gt;Ada&lt;"), "{html}");
        assert!(html.ends_with("<blockquote><b>Hot.</b></blockquote>"), "{html}");
        let large = Quoted { html: "x".repeat(LARGEST + 1), ..quoted(true) };
        assert_eq!(written("Soon.", None).with(&signed("", ""), Some(&large)).html, None);
        let own = written("Soon.", Some("<p>Soon.</p>")).with(&signed("", ""), Some(&large)).html.expect("some was written");
        assert!(own.len() < 1_000 && own.contains("Dora wrote:"), "{own}");
    }
}
