//! Comments of a .proto file as rustdoc.
//!
//! A comment is prose that was never meant to be Markdown with links: brackets
//! and angle brackets are escaped, so that rustdoc neither looks for a link nor
//! sees HTML, and what would be a code block isn't compiled as a doctest.

use prost_types::source_code_info::Location;

/// Who makes links of bare URLs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Urls {
    Ours,
    /// prost-build does it to what it is given, also to what is a link already.
    Prost,
}

/// The comment as prost-build may have it.
pub(crate) fn for_prost(comment: &str) -> String {
    let mut text = String::with_capacity(comment.len() + 8);
    for line in lines(comment, Urls::Prost) {
        text.push_str(&line);
        text.push('\n');
    }
    text
}

/// The lines of a comment, ready to stand behind `///`.
fn lines(comment: &str, urls: Urls) -> Vec<String> {
    let mut fenced = false;
    let mut lines = Vec::new();
    for line in comment.trim_end().lines() {
        let line = line.trim_end();
        let text = line.trim_start();
        if text.starts_with("```") {
            fenced = !fenced;
            let language = if fenced && text == "```" { "text" } else { "" };
            lines.push(format!(" {text}{language}"));
        } else if fenced {
            lines.push(line.to_owned());
        } else if text.is_empty() {
            lines.push(String::new());
        } else {
            // Four spaces more would make a code block of it.
            let indent = (line.len() - text.len()).clamp(1, 4);
            lines.push(format!("{:indent$}{}", "", escape(text, urls)));
        }
    }
    lines
}

/// A comment as `///` lines, each behind `indent`; nothing where there is none.
pub(crate) fn block(comment: &str, indent: &str) -> String {
    let mut block = String::new();
    for line in lines(comment, Urls::Ours) {
        block.push_str(indent);
        block.push_str("///");
        block.push_str(&line);
        block.push('\n');
    }
    block
}

/// What was written above an element, and behind it.
pub(crate) fn comment(location: &Location) -> String {
    joined(
        location.leading_comments.as_deref().unwrap_or_default(),
        location.trailing_comments.as_deref().unwrap_or_default(),
    )
}

/// The two in one.
pub(crate) fn joined(leading: &str, trailing: &str) -> String {
    match (leading.trim().is_empty(), trailing.trim().is_empty()) {
        (false, false) => format!("{leading}\n{trailing}"),
        (false, true) => leading.to_owned(),
        (true, false) => trailing.to_owned(),
        (true, true) => String::new(),
    }
}

fn escape(text: &str, urls: Urls) -> String {
    let mut escaped = String::with_capacity(text.len() + 8);
    let mut code = false;
    let mut previous = ' ';
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        if !code && (rest.starts_with("https://") || rest.starts_with("http://")) {
            let end = rest
                .find(|c: char| c.is_whitespace() || matches!(c, ')' | '>' | ',' | ';'))
                .unwrap_or(rest.len());
            let url = rest[..end].trim_end_matches(['.', ':']);
            if previous == '<' {
                // Already `<https://…>`: the bracket was escaped, take it back.
                escaped.truncate(escaped.len() - 2);
                rest = rest[url.len()..].trim_start_matches('>');
            } else {
                rest = &rest[url.len()..];
            }
            if urls == Urls::Ours {
                escaped.push('<');
                escaped.push_str(url);
                escaped.push('>');
            } else {
                escaped.push_str(url);
            }
            previous = '>';
            continue;
        }
        if character == '`' {
            code = !code;
        }
        if !code && previous != '\\' && matches!(character, '[' | ']' | '<') {
            escaped.push('\\');
        }
        escaped.push(character);
        previous = character;
        rest = &rest[character.len_utf8()..];
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_stays_prose() {
        assert_eq!(
            lines(" a [b] <c> `Vec<[u8]>`\n\n       far in\n", Urls::Ours),
            [" a \\[b\\] \\<c> `Vec<[u8]>`", "", "    far in"]
        );
    }

    #[test]
    fn urls_are_links() {
        assert_eq!(
            lines(
                " see https://ona.com/docs. And <https://ona.com>, too",
                Urls::Ours
            ),
            [" see <https://ona.com/docs>. And <https://ona.com>, too"]
        );
    }

    #[test]
    fn fences_are_not_doctests() {
        assert_eq!(
            lines(" ```\n let [x] = 1;\n ```", Urls::Ours),
            [" ```text", " let [x] = 1;", " ```"]
        );
    }
}
