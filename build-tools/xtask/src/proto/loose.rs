//! Comments that protobuf's source information doesn't attach to anything, such as one inside the
//! brackets of a field's options. Nothing can keep them, so they are at least found.

use std::collections::BTreeMap;

/// Line number and text of each line of comment in `text` that isn't in `attached`.
pub(super) fn find(text: &str, attached: &[String]) -> Vec<(usize, String)> {
    let mut known = BTreeMap::<&str, usize>::new();
    for line in attached.iter().flat_map(|text| text.lines()) {
        *known.entry(bare(line)).or_default() += 1;
    }
    comment_lines(text)
        .into_iter()
        .filter(|(_, line)| {
            let line = bare(line);
            if line.is_empty() {
                return false;
            }
            match known.get_mut(line) {
                Some(count @ 1..) => {
                    *count -= 1;
                    false
                }
                _ => true,
            }
        })
        .map(|(number, line)| (number, bare(line).to_owned()))
        .collect()
}

/// Parsers differ in how much of a comment's frame they leave.
fn bare(line: &str) -> &str {
    line.trim().trim_start_matches(['*', '/']).trim()
}

/// Every line of every comment, string literals skipped.
fn comment_lines(text: &str) -> Vec<(usize, &str)> {
    let mut lines = Vec::new();
    let mut in_block = false;
    for (index, line) in text.lines().enumerate() {
        let mut rest = line;
        while !rest.is_empty() {
            if in_block {
                let (comment, after) = match rest.split_once("*/") {
                    Some((comment, after)) => {
                        in_block = false;
                        (comment, after)
                    }
                    None => (rest, ""),
                };
                lines.push((index + 1, comment));
                rest = after;
                continue;
            }
            let Some(at) = rest.find(['"', '\'', '/']) else {
                break;
            };
            let (_, found) = rest.split_at(at);
            if let Some(comment) = found.strip_prefix("//") {
                lines.push((index + 1, comment));
                break;
            } else if let Some(after) = found.strip_prefix("/*") {
                in_block = true;
                rest = after;
            } else if let Some(after) = found.strip_prefix('/') {
                rest = after;
            } else {
                rest = after_literal(found);
            }
        }
    }
    lines
}

/// What follows the string literal that `text` starts with.
fn after_literal(text: &str) -> &str {
    let mut chars = text.char_indices();
    let quote = chars.next().map(|(_, quote)| quote);
    while let Some((at, c)) = chars.next() {
        if c == '\\' {
            chars.next();
        } else if Some(c) == quote {
            return &text[at + 1..];
        }
    }
    ""
}

#[cfg(test)]
mod tests {
    use super::find;

    #[test]
    fn strings_are_no_comments_and_each_known_line_counts_once() {
        let text =
            "a = \"// no \\\" // no\"; // one\n// one\n/* two\n * three */ b = '/* no'; / c\n";
        assert_eq!(
            find(text, &[" one\n".into()]),
            [(2, "one".into()), (3, "two".into()), (4, "three".into())]
        );
        assert_eq!(
            find(text, &[" one\n one\n".into(), " two\n three ".into()]),
            []
        );
    }
}
