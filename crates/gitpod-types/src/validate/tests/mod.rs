//! Each rule, kept and broken.

mod texts;

use super::{At, Checker, Enum, Lower, Need, Range, Size, Span, Text, Upper, Violations, within};
use crate::Duration;

/// The ids of the rules that a check finds broken.
fn ids(check: impl FnOnce(&mut Checker, At<'_>)) -> Vec<(String, &'static str)> {
    let mut checker = Checker::strict();
    check(&mut checker, At::ROOT.field("f"));
    match checker.finish() {
        Ok(()) => Vec::new(),
        Err(violations) => violations
            .into_iter()
            .map(|violation| (violation.field, violation.rule_id))
            .collect(),
    }
}

#[test]
fn bounds() {
    let range = |lower, upper| Range {
        id: "int32.x",
        lower,
        upper,
    };
    let says = |range: Range<i64>, value| range.broken(value).map(|(_, message)| message);
    let kept = |range: Range<i64>, values: &[i64], others: &[i64]| {
        for value in values {
            assert!(range.broken(*value).is_none(), "{range:?} {value}");
        }
        for value in others {
            assert!(range.broken(*value).is_some(), "{range:?} {value}");
        }
    };
    kept(
        range(Lower::Gt(1), Upper::None),
        &[2, i64::MAX],
        &[1, i64::MIN],
    );
    kept(range(Lower::Gte(1), Upper::None), &[1], &[0]);
    kept(range(Lower::None, Upper::Lt(1)), &[0], &[1]);
    kept(range(Lower::None, Upper::Lte(1)), &[1], &[2]);
    kept(range(Lower::Gte(1), Upper::Lte(3)), &[1, 3], &[0, 4]);
    kept(range(Lower::Gt(1), Upper::Lt(3)), &[2], &[1, 3]);
    kept(range(Lower::Gte(1), Upper::Lte(1)), &[1], &[0, 2]);
    // What is between is wrong.
    kept(range(Lower::Gte(3), Upper::Lte(1)), &[1, 3], &[2]);
    kept(range(Lower::Gt(3), Upper::Lt(1)), &[0, 4], &[1, 2, 3]);
    assert_eq!(
        says(range(Lower::Gte(1), Upper::Lt(3)), 3).unwrap(),
        "value must be greater than or equal to 1 and less than 3"
    );
    assert_eq!(
        says(range(Lower::Gt(3), Upper::Lte(1)), 2).unwrap(),
        "value must be greater than 3 or less than or equal to 1"
    );

    let double = Range {
        id: "double.gte",
        lower: Lower::Gte(0.0),
        upper: Upper::None,
    };
    assert!(double.broken(-0.0).is_none() && double.broken(f64::INFINITY).is_none());
    assert!(double.broken(-1e-300).is_some());
    assert_eq!(
        double.broken(f64::NAN).unwrap().1,
        "value must be greater than or equal to 0"
    );
    let upper = Range {
        id: "double.lt",
        lower: Lower::None,
        upper: Upper::Lt(1.0),
    };
    assert!(upper.broken(f64::NAN).is_some());
}

#[test]
fn lengths_of_time() {
    let rule = Range {
        id: "duration.gte_lte",
        lower: Lower::Gte(Span::new(86_400, 0)),
        upper: Upper::Lte(Span::new(90_000, 500_000_000)),
    };
    let broken = |seconds, nanos| rule.broken(Span::of(&Duration { seconds, nanos }));
    assert!(broken(86_400, 0).is_none() && broken(90_000, 500_000_000).is_none());
    assert!(broken(86_399, 999_999_999).is_some() && broken(90_000, 500_000_001).is_some());
    assert!(broken(i64::MAX, i32::MAX).is_some() && broken(i64::MIN, i32::MIN).is_some());
    // The same time in another form.
    assert!(broken(86_401, -1_000_000_000).is_none() && broken(86_401, -1_000_000_001).is_some());
    assert_eq!(
        broken(0, 0).unwrap().1,
        "value must be greater than or equal to 86400s and less than or equal to 90000.5s"
    );
    assert_eq!(Span::new(-1, -5).to_string(), "-1.000000005s");

    let quick = |seconds, nanos| within(&Duration { seconds, nanos }, 86_400, 90_000);
    assert!(quick(86_400, 0) && quick(89_999, 999_999_999));
    assert!(!quick(86_399, 999_999_999) && !quick(90_000, 0));
    assert!(!quick(86_401, -1) && !quick(86_401, 1_000_000_000));
}

#[test]
fn sizes_and_enums() {
    let size = |rule: Size, size| rule.broken(size).map(|(id, _)| id);
    assert_eq!(size(Size::MinItems(1), 0), Some("repeated.min_items"));
    assert_eq!(size(Size::MaxItems(1), 2), Some("repeated.max_items"));
    assert_eq!(size(Size::MinPairs(1), 0), Some("map.min_pairs"));
    assert_eq!(size(Size::MaxPairs(1), 2), Some("map.max_pairs"));
    assert_eq!(size(Size::Len(1), 2), Some("bytes.len"));
    assert_eq!(size(Size::MinLen(1), 0), Some("bytes.min_len"));
    assert_eq!(size(Size::MaxLen(1), 2), Some("bytes.max_len"));
    for rule in [
        Size::MinItems(1),
        Size::MaxItems(1),
        Size::Len(1),
        Size::MaxPairs(1),
    ] {
        assert_eq!(size(rule, 1), None);
    }

    let rules: &[Enum] = &[Enum::DefinedOnly, Enum::In(&[1, 2]), Enum::NotIn(&[0])];
    let check = |mut checker: Checker, number| {
        let at = At::ROOT.field("f");
        checker.enumeration(at, Some(number), |number| number < 5, Need::Optional, rules);
        let found = checker.finish().map_err(|found| {
            let ids = found.into_iter().map(|violation| violation.rule_id);
            ids.collect::<Vec<_>>()
        });
        found.err().unwrap_or_default()
    };
    assert_eq!(check(Checker::strict(), 1), [""; 0]);
    assert_eq!(check(Checker::strict(), 0), ["enum.in", "enum.not_in"]);
    assert_eq!(
        check(Checker::strict(), 9),
        ["enum.defined_only", "enum.in"]
    );
    assert_eq!(check(Checker::for_sending(), 9), [""; 0]);
    assert_eq!(check(Checker::for_sending(), -1), ["enum.in"]);
    assert_eq!(check(Checker::for_sending(), 0), ["enum.in", "enum.not_in"]);
}

#[test]
fn items_that_are_there_twice() {
    let unique = |list: &[String]| ids(|checker, at| checker.unique(at, list)).is_empty();
    for count in [0, 1, 2, 1000, 4096, 4097] {
        let mut list: Vec<_> = (0..count).map(|number: i32| number.to_string()).collect();
        assert!(unique(&list), "{count}");
        if let Some(first) = list.first().cloned() {
            list.push(first);
            assert!(!unique(&list), "{count}");
        }
    }
}

/// What a field that is missing, or zero, or neither, means to each need.
#[test]
fn presence() {
    let required = [("f".to_owned(), "required")];
    let broken = [("f".to_owned(), "string.min_len")];
    let none = [];
    type Found<'a> = &'a [(String, &'static str)];
    let cases: [(Need, [Found<'_>; 3]); 4] = [
        (Need::Optional, [&none, &broken, &broken]),
        (Need::SkipZero, [&none, &none, &broken]),
        (Need::Present, [&required, &broken, &broken]),
        (Need::NonZero, [&required, &required, &broken]),
    ];
    for (need, expected) in cases {
        for (text, expected) in [None, Some(""), Some("a")].into_iter().zip(expected) {
            let mut is_checked = false;
            let found = ids(|checker, at| {
                is_checked = checker.text(at, text, need, &[Text::MinLen(2)]).is_some();
            });
            assert_eq!(found, expected, "{need:?} {text:?}");
            assert_eq!(
                is_checked,
                expected == broken.as_slice(),
                "{need:?} {text:?}"
            );
        }
    }
    assert!(
        ids(|checker, at| {
            checker.double(at, Some(-0.0), Need::NonZero, &[]);
        })
        .is_empty()
    );
}

#[test]
fn paths() {
    let root = At::ROOT;
    let first = root.item("steps", 3);
    let second = first.field("spec");
    assert_eq!(second.field("name").path(), "steps[3].spec.name");
    assert_eq!(
        second.value("meta", "a\"b").path(),
        "steps[3].spec.meta[\"a\\\"b\"]"
    );
    assert_eq!(root.path(), "");
    let key = root.key("meta", "a");
    assert_eq!(key.path(), "meta[\"a\"]");
    let mut checker = Checker::strict();
    checker.text(key, Some(""), Need::Optional, &[Text::MinLen(1)]);
    checker.text(
        root.value("meta", "a"),
        Some(""),
        Need::Optional,
        &[Text::MinLen(1)],
    );
    let found = checker.finish().unwrap_err();
    let keys: Vec<_> = found
        .into_iter()
        .map(|violation| violation.is_for_key())
        .collect();
    assert_eq!(keys, [true, false]);
}

#[test]
fn many_violations_are_shown_in_a_line_that_ends() {
    let mut checker = Checker::strict();
    checker.required(At::ROOT, false);
    for index in 0..1000 {
        let at = At::ROOT.item("ids", index);
        checker.text(at, Some("secret"), Need::Optional, &[Text::Uuid]);
    }
    let violations: Violations = checker.finish().unwrap_err();
    let text = violations.to_string();
    assert!(
        text.starts_with(
            "value is required [required]; ids[0]: value must be a valid UUID [string.uuid]; "
        ),
        "{text}"
    );
    assert!(text.ends_with("; and 991 more"), "{text}");
    assert!(!format!("{text} {violations:?}").contains("secret"));

    let key = "k".repeat(10_000);
    let mut checker = Checker::strict();
    checker.text(
        At::ROOT.key("m", &key),
        Some(&key),
        Need::Optional,
        &[Text::MaxLen(9)],
    );
    let violations = checker.finish().unwrap_err();
    assert!(violations.to_string().len() < 300);
    assert_eq!(violations.as_slice()[0].field().len(), 10_005);
}
