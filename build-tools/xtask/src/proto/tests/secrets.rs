//! No field of strings or bytes is without a decision whether it holds a secret.

use std::fs;

use super::{Repository, message, upstream};
use crate::proto::{Layout, diff, root, secrets::NotSecret, tree::Tree};

#[test]
fn every_field_of_the_api_is_classified() {
    let layout = Layout::new(&root());
    let tree = Tree::read(&layout).unwrap().unwrap();
    let list = NotSecret::read(&layout).unwrap();
    assert_eq!(
        list.unclassified(&tree.pool, None),
        Vec::<String>::new(),
        "mark a secret with debug_redact, and add anything else to proto/not-secret.txt"
    );
    assert_eq!(
        list.unused(&tree.pool),
        Vec::<String>::new(),
        "these hold for no field, and would classify a later one that nobody has looked at"
    );
}

/// Without its marks, the API has only secrets that nothing classifies.
#[test]
fn no_secret_of_the_api_is_in_the_list_as_well() {
    let layout = Layout::new(&root());
    let repository = Repository::new([]);
    let folder = layout.proto.join("gitpod/v1");
    let mut marks = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let text = fs::read_to_string(entry.path()).unwrap();
        marks += text.matches("debug_redact = true").count();
        let text = text.replace("debug_redact = true", "debug_redact = false");
        let name = entry.file_name().into_string().unwrap();
        fs::write(repository.path(&name), text).unwrap();
    }
    let tree = Tree::read(&repository.layout()).unwrap().unwrap();
    let list = NotSecret::read(&layout).unwrap();
    let found = list.unclassified(&tree.pool, None);
    assert_eq!(found.len(), marks, "{found:#?}");
    assert!(found.contains(&"gitpod.v1.RegenerateSCIMTokenResponse.token".to_owned()));
    assert!(found.contains(&"gitpod.v1.GetSecretValueResponse.value".to_owned()));
}

const LIST: &str = "\
# What isn't one.
Names.
    id *_id *name public_key
An exception.
    Toy.token_url Toy.public_key Toy.Inner.value
";

/// A repository with a message of these fields, and this list.
fn repository(fields: &str, list: &str) -> Repository {
    let text = message(fields);
    let repository = Repository::new([("toy.proto", &text as &str)]);
    fs::write(&repository.layout().not_secret, list).unwrap();
    repository
}

#[test]
fn what_is_neither_marked_nor_listed_is_reported_until_it_is() {
    let repository = repository(
        "string name = 1; string note = 2 [debug_redact = true];",
        LIST,
    );
    let input = upstream(&message(
        "string name = 1; string note = 2; string api_key = 3; bytes encrypted_thing = 4;
         repeated string backup_tokens = 5; map<string, string> secrets = 6;
         string password = 7 [debug_redact = true]; string secret_id = 8; string token_url = 9;
         bool has_token = 10; bytes public_key = 11; string secret_name = 12;
         message Inner { optional string private_key = 1; string value = 2; bytes id = 3; }
         message Secret { string value = 1; } string wholly_new = 13; string first_name = 14;
         map<string, bytes> blobs = 15; oneof choice { string pin = 16; }",
    ));
    let expected = [
        "gitpod.v1.Toy.Inner.id",
        "gitpod.v1.Toy.Inner.private_key",
        "gitpod.v1.Toy.Secret.value",
        "gitpod.v1.Toy.api_key",
        "gitpod.v1.Toy.backup_tokens",
        "gitpod.v1.Toy.blobs",
        "gitpod.v1.Toy.encrypted_thing",
        "gitpod.v1.Toy.pin",
        "gitpod.v1.Toy.secret_name",
        "gitpod.v1.Toy.secrets",
        "gitpod.v1.Toy.wholly_new",
    ];
    let notes = diff::diff(&input, &repository.layout()).unwrap().notes;
    assert_eq!(notes.len(), expected.len(), "{notes:#?}");
    for (note, field) in notes.iter().zip(expected) {
        assert!(note.starts_with("unclassified: "), "{note}");
        assert!(
            note.contains(&format!("does {field} hold a secret?")),
            "{note}"
        );
    }
    // An import reports the same, before and after the fields have come to stand in the tree.
    assert_eq!(repository.import(&input).unclassified, expected);
    assert_eq!(repository.import(&input).unclassified, expected);

    let list = LIST.to_owned() + "    wholly_new Toy.secret_name Toy.Secret.value Toy.blobs\n";
    fs::write(&repository.layout().not_secret, list).unwrap();
    let left = repository.import(&input).unclassified;
    assert_eq!(left.len(), expected.len() - 4, "{left:#?}");
}

#[test]
fn without_a_list_nothing_but_marks_counts() {
    let text = message("string name = 1; string note = 2 [debug_redact = true];");
    let repository = Repository::new([("toy.proto", &text as &str)]);
    let found = repository.import(&upstream(&text)).unclassified;
    assert_eq!(found, ["gitpod.v1.Toy.name"]);
}

#[test]
fn a_list_has_reasons_and_says_nothing_twice() {
    let read = |list: &str| {
        let repository = repository("string name = 1;", list);
        NotSecret::read(&repository.layout())
            .map(|_| ())
            .map_err(|error| error.to_string())
    };
    assert_eq!(read(LIST), Ok(()));
    assert_eq!(
        read("# A comment is no reason.\n    name\n"),
        Err("not-secret.txt:2: fields without a reason above them".to_owned())
    );
    assert_eq!(
        read("Names.\n    name\n\n    other\n"),
        Err("not-secret.txt:4: fields without a reason above them".to_owned())
    );
    assert_eq!(
        read("Names.\n    name\nMore.\n    other name\n"),
        Err("not-secret.txt:4: name stands in line 2 already".to_owned())
    );
}

#[test]
fn an_entry_that_holds_for_nothing_is_found() {
    let repository = repository("string name = 1; string token_url = 2;", LIST);
    let tree = Tree::read(&repository.layout()).unwrap().unwrap();
    let unused = NotSecret::read(&repository.layout())
        .unwrap()
        .unused(&tree.pool);
    assert_eq!(
        unused,
        [
            "not-secret.txt:3: *_id",
            "not-secret.txt:5: Toy.Inner.value",
            "not-secret.txt:5: Toy.public_key",
            "not-secret.txt:3: id",
            "not-secret.txt:3: public_key",
        ]
    );
}
