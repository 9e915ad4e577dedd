//! Formats, and the functions that stand for a text of the .proto files.

use crate::Duration;
use crate::validate::format::{is_email, is_uuid};
use crate::validate::uri::is_uri;
use crate::validate::{Text, cel, patterns};

fn text(rule: Text, text: &str) -> Option<&'static str> {
    rule.broken(text).map(|(id, _)| id)
}

#[test]
fn uuids() {
    let uuid = "00000000-0000-4000-8000-000000000001";
    for good in [
        uuid,
        "8A1C0F32-5B0E-4D5A-9C53-0A9C3F6F2D11",
        "abcdefAB-CDEF-abcd-efAB-CDEFabcdef09",
    ] {
        assert!(is_uuid(good), "{good}");
    }
    for bad in [
        "",
        "0",
        &uuid[1..],
        &format!("{uuid}0"),
        &format!("{{{uuid}}}"),
    ] {
        assert!(!is_uuid(bad), "{bad}");
    }
    // Every byte at every place.
    for at in 0..36 {
        for byte in 0..128 {
            let mut bytes = uuid.as_bytes().to_vec();
            bytes[at] = byte;
            let is_right = match at {
                8 | 13 | 18 | 23 => byte == b'-',
                _ => byte.is_ascii_hexdigit(),
            };
            let text = String::from_utf8(bytes).unwrap();
            assert_eq!(is_uuid(&text), is_right, "{text:?}");
        }
    }
    // 36 bytes, and no place for a digit among them.
    assert!(!is_uuid(&"é".repeat(18)));
    assert_eq!(text(Text::Uuid, ""), Some("string.uuid_empty"));
    assert_eq!(text(Text::Uuid, "x"), Some("string.uuid"));
}

#[test]
fn lengths_are_in_code_points() {
    assert_eq!(text(Text::MinLen(2), "é"), Some("string.min_len"));
    assert_eq!(text(Text::MinLen(2), "éé"), None);
    assert_eq!(text(Text::MinLen(0), ""), None);
    assert_eq!(text(Text::MaxLen(2), "👍👍"), None);
    assert_eq!(text(Text::MaxLen(2), "👍👍👍"), Some("string.max_len"));
    assert_eq!(text(Text::MaxLen(0), "a"), Some("string.max_len"));
    assert_eq!(text(Text::Len(2), "éé"), None);
    assert_eq!(text(Text::Len(2), "é"), Some("string.len"));
    assert_eq!(text(Text::In(&["a", "b"]), "b"), None);
    assert_eq!(text(Text::In(&["a", "b"]), "A"), Some("string.in"));
}

#[test]
fn emails() {
    for good in [
        "a@b",
        "first.last+tag@example.com",
        "..@example.com",
        "!#$%&'*+/=?^_`{|}~-@a-b.c1",
        &format!("a@{}", "b".repeat(63)),
    ] {
        assert!(is_email(good), "{good}");
    }
    for bad in [
        "",
        "@",
        "a@",
        "@b",
        "a b@c",
        "a@b@c",
        "a@-b",
        "a@b-",
        "a@b..c",
        "a@b.",
        "a@[127.0.0.1]",
        "\"a\"@b",
        "é@b",
        "a@é",
        "a@b\n",
        "A <a@b>",
        &format!("a@{}", "b".repeat(64)),
    ] {
        assert!(!is_email(bad), "{bad}");
    }
    assert_eq!(text(Text::Email, ""), Some("string.email_empty"));
    assert_eq!(text(Text::Email, "a"), Some("string.email"));
}

#[test]
fn uris() {
    for good in [
        "https://example.com",
        "https://user:p%40ss@example.com:8443/a/b;c?d=e&f#g?/",
        "http://[::1]:80/",
        "http://[::1]",
        "http://[fe80::1%25eth0]/",
        "http://[v1.a:b]/",
        "http://[::ffff:192.0.2.1]/",
        "http://example.com:/",
        "http://",
        "http:///a",
        "http://%F0%9F%91%8D/",
        "urn:isbn:0451450523",
        "mailto:a@b",
        "a+b-c.d1:",
        "file:/a//b",
        "x:?#",
    ] {
        assert!(is_uri(good), "{good}");
    }
    for bad in [
        "",
        "example.com",
        "/a",
        "//example.com/a",
        ":a",
        "1a:b",
        "a_b:c",
        "https://exa mple.com",
        "https://example.com/é",
        "https://example.com/%",
        "https://example.com/%4",
        "https://example.com/%zz",
        "https://example.com/[a]",
        "https://example.com:8o/",
        "https://a@b@c/",
        "https://[::1",
        "https://[::1]a/",
        "https://[::g]/",
        "https://[fe80::1%25]/",
        "https://[v.a]/",
        "https://%FF/",
        "https://%F0%9F%91/",
        "https://%F0a/",
        "a:#b#c",
        "a:b\n",
    ] {
        assert!(!is_uri(bad), "{bad}");
    }
    assert_eq!(text(Text::Uri, ""), Some("string.uri_empty"));
    assert_eq!(text(Text::Uri, "/"), Some("string.uri"));
}

#[test]
fn regular_expressions() {
    let label = "a".repeat(63);
    type Case<'a> = (fn(&str) -> bool, &'a [&'a str], &'a [&'a str]);
    let cases: [Case<'_>; 6] = [
        (
            patterns::domain,
            &["example.com", "a-b.c.de", "1.aa", &format!("{label}.com")],
            &[
                "",
                "com",
                ".com",
                "a.c",
                "a.c0",
                "a..com",
                "-a.com",
                "a-.com",
                "a.com.",
                "a_b.com",
                "é.com",
                "a.com\n",
                &format!("{label}a.com"),
            ],
        ),
        (patterns::slug, &["", "a_-Z9"], &["a b", "é", "a\n"]),
        (
            patterns::reference,
            &["a", &"-".repeat(128)],
            &["", "a.", &"a".repeat(129)],
        ),
        (
            patterns::two_capitals,
            &["DE"],
            &["", "D", "DEU", "De", "É"],
        ),
        (
            patterns::three_word_characters,
            &["a_9", "abcd"],
            &["", "ab", "a-b", "ab\n"],
        ),
        (
            patterns::identifier,
            &["_", "a9", "A_b"],
            &["", "9a", "a-b", "a\n"],
        ),
    ];
    for (index, (matches, good, bad)) in cases.into_iter().enumerate() {
        for text in good {
            assert!(matches(text), "{index}: {text:?}");
        }
        for text in bad {
            assert!(!matches(text), "{index}: {text:?}");
        }
    }
    let rule = Text::Pattern("^[A-Z]{2}$", patterns::two_capitals);
    assert_eq!(text(rule, "d"), Some("string.pattern"));
}

#[test]
fn rules_in_cel() {
    let seconds = |seconds| Duration { seconds, nanos: 0 };
    let near = |seconds, nanos| Duration { seconds, nanos };

    assert!(cel::size_between("éé", 1, 2) && !cel::size_between("ééé", 1, 2));
    assert!(!cel::size_between("", 1, 2) && cel::size_between("", 0, 2));
    assert!(cel::size_between("a", 1, usize::MAX) && !cel::size_between("", 1, usize::MAX));
    assert!(cel::size_between(&[1, 2][..], 1, 2) && !cel::size_between(&[1, 2, 3][..], 1, 2));
    assert!(!cel::size_between::<[i32]>(&[], 1, 2));

    assert!(cel::between(1, 1, 25) && cel::between(25, 1, 25));
    assert!(!cel::between(0, 1, 25) && !cel::between(26, 1, 25) && !cel::between(-1, 1, 25));
    assert!(cel::at_most(1, 1) && cel::at_most(-1, 0) && !cel::at_most(2, 1));

    assert!(cel::zero_or_at_least(&seconds(0), 1800));
    assert!(cel::zero_or_at_least(&seconds(1800), 1800));
    assert!(!cel::zero_or_at_least(&near(1799, 999_999_999), 1800));
    assert!(!cel::zero_or_at_least(&near(0, 1), 1800));
    assert!(!cel::zero_or_at_least(&seconds(-1800), 1800));

    assert!(cel::multiple_of(&seconds(0), 86_400) && cel::multiple_of(&seconds(172_800), 86_400));
    assert!(cel::multiple_of(&seconds(-86_400), 86_400));
    assert!(!cel::multiple_of(&seconds(86_401), 86_400));
    assert!(!cel::multiple_of(&near(86_400, 1), 86_400));

    for path in ["", "a", "a/b", "\n/", ".."] {
        assert!(cel::relative_path(path), "{path:?}");
    }
    assert!(!cel::relative_path("/") && !cel::relative_path("/a"));

    for path in ["/a", "/a/b", "/a//", "/\n", "/é"] {
        assert!(cel::absolute_path(path), "{path:?}");
    }
    for path in ["", "a", "/", "//", "//a", "/a\n", "/a\nb"] {
        assert!(!cel::absolute_path(path), "{path:?}");
    }

    for name in ["a", "a_b", "abc_def_g"] {
        assert!(cel::snake_case(name), "{name:?}");
    }
    for name in ["", "_", "a_", "_a", "a__b", "A", "a1", "a-b", "é", "a\n"] {
        assert!(!cel::snake_case(name), "{name:?}");
    }

    for host in ["a", "a.b", "127.0.0.1", "a-b.c:1", "a:65535", "A9:9999"] {
        assert!(cel::host_or_host_port(host), "{host:?}");
    }
    for host in [
        "",
        ":",
        ":1",
        "a:",
        "a:0",
        "a:01",
        "a:65536",
        "a:99999",
        "a:100000",
        "a:+1",
        "a:1:2",
        "a.",
        ".a",
        "a..b",
        "-a",
        "a-",
        "a_b",
        "https://a",
        "a/b",
        "[::1]",
        "é",
        "a\n",
        "a:1\n",
    ] {
        assert!(!cel::host_or_host_port(host), "{host:?}");
    }
}
