//! PROTOCOL.md: each rule is kept by code that names it, and by a test that does.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::Path;

/// The rules that comments name ("Checklist 4, and 18 to 21"), at most one such list a comment.
fn named(text: &str) -> BTreeSet<u32> {
    let mut found = BTreeSet::new();
    for list in text.split("Checklist ").skip(1) {
        let (mut last, mut up_to) = (None::<u32>, false);
        for word in list
            .split([' ', '\n'])
            .filter(|word| !["", "//", "///"].contains(word))
        {
            match (word.trim_end_matches([',', '.', ':']).parse(), word) {
                (Ok(rule), _) => {
                    let first = last.filter(|_| up_to).unwrap_or(rule);
                    found.extend(first..=rule);
                    last = Some(rule);
                    // The sentence ends with it.
                    if word.ends_with([':', '.']) {
                        break;
                    }
                }
                (Err(_), "and" | "to") => {}
                (Err(_), _) => break,
            }
            up_to = word == "to";
        }
    }
    found
}

/// The text of each file below the folder, but for this one, which names rules to be read.
fn files(folder: &Path) -> Vec<String> {
    let mut texts = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            texts.extend(files(&path));
        } else if !path.ends_with("protocol.rs") {
            texts.push(std::fs::read_to_string(&path).unwrap());
        }
    }
    texts
}

#[test]
fn each_rule_is_named_by_code_and_by_a_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let rules: BTreeSet<u32> = std::fs::read_to_string(root.join("PROTOCOL.md"))
        .unwrap()
        .lines()
        .filter_map(|line| line.split_once(". ")?.0.parse().ok())
        .collect();
    assert_eq!(rules, (1..=26).collect());
    let (mut code, mut tests) = (BTreeSet::new(), BTreeSet::new());
    for file in files(&root.join("src")) {
        let (own, test) = file.split_once("\nmod tests {").unwrap_or((&file, ""));
        code.extend(named(own));
        tests.extend(named(test));
    }
    for file in files(&root.join("tests")) {
        tests.extend(named(&file));
    }
    let missing = |found: &BTreeSet<u32>| rules.difference(found).copied().collect::<Vec<_>>();
    assert_eq!(missing(&code), [0_u32; 0], "rules that no code names");
    assert_eq!(missing(&tests), [0_u32; 0], "rules that no test names");
}

#[test]
fn lists_of_rules() {
    let list = |text| named(text).into_iter().collect::<Vec<_>>();
    assert_eq!(list("/// Checklist 3."), [3]);
    assert_eq!(list("/// Checklist 10 and 11: of 12 things"), [10, 11]);
    assert_eq!(
        list("// Checklist 1, 2 and 6.\n// Checklist 24, and 22"),
        [1, 2, 6, 22, 24]
    );
    assert_eq!(list("/// Checklist 18 to 21: what"), [18, 19, 20, 21]);
    assert_eq!(list("/// Checklist of 7"), []);
}
