use std::fs;
use std::os::unix::fs::PermissionsExt;

use jiff::Timestamp;

use super::*;
use crate::journal::{Attempt, End, Fate, Outcome, Push, Rotation, Target};

const ID: &str = "d2c94c27-3b76-4a42-b88c-95a85e392c68";

/// One in which every field has something.
fn journal() -> Journal {
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    Journal {
        unfinished: Some(Rotation {
            life_seconds: 31_536_000,
            settle_seconds: 60,
            deadline_seconds: 15,
            sinks: vec![
                Target {
                    sink: "entra".into(),
                    push: Push::Pushed,
                },
                Target {
                    sink: "file:/etc/scim".into(),
                    push: Push::Waiting,
                },
            ],
            attempts: vec![
                Attempt {
                    number: 1,
                    before: at("2026-12-01T00:00:00.123456789Z"),
                    life_seconds: 31_500_000,
                    date: None,
                    old_token_worked: false,
                    fate: Fate::NotExecuted,
                },
                Attempt {
                    number: 2,
                    before: at("2026-12-01T00:00:00.123456789Z"),
                    life_seconds: 31_499_700,
                    date: Some(at("2026-11-24T08:00:00Z")),
                    old_token_worked: true,
                    fate: Fate::Answered {
                        expires_at: at("2027-11-23T21:55:00.5Z"),
                        life_kept: true,
                        in_escrow: true,
                    },
                },
            ],
            old_token_dead: true,
            verified: false,
        }),
        last: Some(Outcome {
            end: End::Finished,
            expires_at: at("2026-12-01T00:00:00.123456789Z"),
            lives_seconds: vec![31_490_000],
            life_kept: true,
            at: Some(at("2025-12-01T12:00:00Z")),
            sinks: vec!["entra".into()],
        }),
        ..Journal::new(ID)
    }
}

fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open_anywhere(&folder.path().join("state"), ID).unwrap();
    (folder, store)
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_journal_comes_back_as_it_was() {
    let (_folder, store) = store();
    assert_eq!(store.load().unwrap(), None);
    store.save(&Journal::new(ID)).unwrap();
    assert_eq!(store.load().unwrap(), Some(Journal::new(ID)));
    store.save(&journal()).unwrap();
    assert_eq!(store.load().unwrap(), Some(journal()));
    assert_eq!(mode(&store.journal_path()), 0o600);
    assert_eq!(mode(&store.folder), 0o700);
}

/// What people see, and what a later version has to go on reading.
#[test]
fn a_person_can_read_the_journal() {
    let (_folder, store) = store();
    store.save(&journal()).unwrap();
    let text = fs::read_to_string(store.journal_path()).unwrap();
    assert_eq!(text, include_str!("journal.json"));
}

#[test]
fn cut_off_at_any_byte_it_is_an_error_that_quotes_nothing() {
    let (_folder, store) = store();
    store.save(&journal()).unwrap();
    let whole = fs::read(store.journal_path()).unwrap();
    // Without the line break at the end it is whole.
    for length in 0..whole.len() - 1 {
        fs::write(store.journal_path(), &whole[..length]).unwrap();
        let error = store.load().unwrap_err().to_string();
        assert!(error.contains("isn't a whole journal"), "{error}");
        assert!(!error.contains("2027"), "{error}");
        // Blocks that never made it to the disk read as zeros.
        let mut zeros = whole.clone();
        zeros[length..].fill(0);
        fs::write(store.journal_path(), &zeros).unwrap();
        store.load().unwrap_err();
    }
}

#[test]
fn what_was_left_beside_it_is_of_no_account() {
    let (_folder, store) = store();
    store.save(&journal()).unwrap();
    fs::write(store.path("journal.json.new"), "torn {").unwrap();
    assert_eq!(store.load().unwrap(), Some(journal()));
    store.save(&Journal::new(ID)).unwrap();
    assert_eq!(store.load().unwrap(), Some(Journal::new(ID)));
    assert!(!store.path("journal.json.new").exists());
}

#[test]
fn a_foreign_journal_is_never_guessed_at() {
    let (_folder, store) = store();
    let text = |journal: &Journal| serde_json::to_string(journal).unwrap();
    let without_sinks = {
        let mut journal = journal();
        journal.unfinished.as_mut().unwrap().sinks.clear();
        text(&journal)
    };
    let numbered_wrongly = {
        let mut journal = journal();
        journal.unfinished.as_mut().unwrap().attempts[1].number = 7;
        text(&journal)
    };
    let verified_without = {
        let mut journal = journal();
        let rotation = journal.unfinished.as_mut().unwrap();
        rotation.verified = true;
        rotation.attempts[1].fate = Fate::Unknown;
        text(&journal)
    };
    for (content, expected) in [
        (text(&Journal::new("other")), "another configuration"),
        (text(&journal()).replacen(":1", ":2", 1), "has version 2"),
        (r#"{"version":9,"all":"else"}"#.to_owned(), "has version 9"),
        (
            text(&journal()).replacen("\"last\"", "\"x\":1,\"last\"", 1),
            "isn't a whole",
        ),
        ("[]".to_owned(), "isn't a whole"),
        (String::new(), "isn't a whole"),
        (without_sinks, "without a sink"),
        (numbered_wrongly, "aren't numbered"),
        (verified_without, "verified token"),
        (" ".repeat(2_000_000), "larger than any"),
    ] {
        fs::write(store.journal_path(), &content).unwrap();
        let error = store.load().unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn the_escrow_is_private_and_comes_and_goes() {
    let (_folder, store) = store();
    assert_eq!(store.read_escrow().unwrap(), Kept::Absent);
    store.reserve_escrow().unwrap();
    assert_eq!(store.read_escrow().unwrap(), Kept::Empty);
    assert_eq!(mode(&store.escrow_path()), 0o600);
    let answer = RawAnswer::new(b"{\"token\":\"secret\"}".to_vec());
    store.write_escrow(3, &answer).unwrap();
    store.write_escrow(3, &answer).unwrap();
    let whole = Kept::Whole { attempt: 3, answer };
    assert_eq!(store.read_escrow().unwrap(), whole);
    assert!(!format!("{whole:?}").contains("secret"));
    store.reserve_escrow().unwrap();
    assert_eq!(store.read_escrow().unwrap(), Kept::Empty);
    store.remove_escrow().unwrap();
    store.remove_escrow().unwrap();
    assert_eq!(store.read_escrow().unwrap(), Kept::Absent);
    // Where reserving failed and the token came all the same.
    store
        .write_escrow(1, &RawAnswer::new(vec![b'x'; 100_000]))
        .unwrap();
    assert_eq!(mode(&store.escrow_path()), 0o600);
}

#[test]
fn an_open_file_that_was_there_is_replaced_by_a_private_one() {
    let (_folder, store) = store();
    for path in [store.escrow_path(), store.path("journal.json.new")] {
        fs::write(&path, "").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
    }
    store.reserve_escrow().unwrap();
    store.save(&journal()).unwrap();
    assert_eq!(mode(&store.escrow_path()), 0o600);
    assert_eq!(mode(&store.journal_path()), 0o600);
}

#[test]
fn two_at_once_are_one_too_many() {
    let (_folder, store) = store();
    let folder = store.folder.clone();
    let error = Store::open_anywhere(&folder, ID).unwrap_err();
    assert!(error.is_locked(), "{error}");
    // Another configuration is another matter.
    Store::open_anywhere(&folder, "other").unwrap();
    drop(store);
    Store::open_anywhere(&folder, ID).unwrap();
}

/// A mistyped id, say.
#[test]
fn where_nothing_is_kept_nothing_is_left() {
    let (_folder, store) = store();
    let state = store.folder.clone();
    drop(store);
    assert_eq!(fs::read_dir(&state).unwrap().count(), 0);
    let store = Store::open_anywhere(&state, ID).unwrap();
    store.save(&Journal::new(ID)).unwrap();
    drop(Store::open_anywhere(&state, "other").unwrap());
    drop(store);
    let store = Store::open_anywhere(&state, ID).unwrap();
    assert_eq!(store.load().unwrap(), Some(Journal::new(ID)));
    assert_eq!(fs::read_dir(&state).unwrap().count(), 2);
}

#[test]
fn an_id_that_leads_elsewhere_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for id in ["", "../x", "a/b", "a b", &"x".repeat(65)] {
        Store::open_anywhere(folder.path(), id).unwrap_err();
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_folder_that_is_a_file_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    fs::write(&path, "").unwrap();
    let error = Store::open_anywhere(&path, ID).unwrap_err();
    assert!(error.to_string().contains("state"), "{error}");
    assert_eq!(error.path(), path);
}

/// Whatever step fails, what is there is the one or the other, and never half of it.
#[test]
fn a_step_that_fails_leaves_the_one_or_the_other() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    let answer = || RawAnswer::new(b"{\"token\":\"secret\"}".to_vec());
    let mut failed = 0;
    for which in 0.. {
        let (_folder, store) = store();
        store.save(&Journal::new(ID)).unwrap();
        let left = Arc::new(AtomicUsize::new(which));
        let store = {
            let left = Arc::clone(&left);
            store.interfere(move |step, path| {
                assert!(step == DiskStep::SyncFolder || path.to_string_lossy().contains(ID));
                match left.fetch_sub(1, Ordering::SeqCst) {
                    0 => Err(ErrorKind::StorageFull.into()),
                    _ => Ok(()),
                }
            })
        };
        let done = [
            store.reserve_escrow(),
            store.write_escrow(1, &answer()),
            store.save(&journal()),
            store.remove_escrow(),
        ];
        let saved = store.load().unwrap().unwrap();
        assert!(saved == Journal::new(ID) || saved == journal());
        assert!(done[2].is_err() || saved == journal());
        if done.iter().all(Result::is_ok) {
            break;
        }
        failed += 1;
        let error = done.iter().find_map(|done| done.as_ref().err()).unwrap();
        assert!(error.to_string().contains(ID), "{error}");
        assert!(error.path().to_string_lossy().contains(ID), "{error}");
        // The one that failed works when it is tried again.
        store.write_escrow(1, &answer()).unwrap();
        let whole = Kept::Whole {
            attempt: 1,
            answer: answer(),
        };
        assert_eq!(store.read_escrow().unwrap(), whole);
    }
    assert_eq!(failed, 14);
}

#[test]
fn what_is_given_up_keeps_its_escrow() {
    let (_folder, store) = store();
    assert_eq!(store.abandon().unwrap(), None);
    store.save(&Journal::new(ID)).unwrap();
    assert_eq!(store.abandon().unwrap(), None);
    let answer = || RawAnswer::new(b"{\"token\":\"secret\"}".to_vec());
    let mut paths = Vec::new();
    for _ in 0..3 {
        store.save(&journal()).unwrap();
        store.write_escrow(2, &answer()).unwrap();
        let path = store.abandon().unwrap().unwrap();
        assert!(fs::read_to_string(&path).unwrap().contains("secret"));
        assert_eq!(mode(&path), 0o600);
        assert!(!paths.contains(&path));
        paths.push(path);
        assert_eq!(store.read_escrow().unwrap(), Kept::Absent);
    }
    let saved = store.load().unwrap().unwrap();
    assert_eq!(saved.unfinished(), None);
    let last = saved.last().unwrap();
    assert_eq!(last.end(), End::Abandoned);
    assert_eq!(last.lives_seconds, [31_500_000, 31_499_700]);
    assert!(!last.is_as_left(last.expires_at()));

    store.save(&journal()).unwrap();
    store.reserve_escrow().unwrap();
    assert_eq!(store.abandon().unwrap(), None);
    assert_eq!(store.read_escrow().unwrap(), Kept::Absent);
    // What is in place is finished, not given up.
    let mut verified = journal();
    verified.unfinished.as_mut().unwrap().verified = true;
    store.save(&verified).unwrap();
    assert_eq!(store.abandon().unwrap(), None);
    assert_eq!(store.load().unwrap(), Some(verified));
}
