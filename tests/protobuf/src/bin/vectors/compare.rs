//! Whether two messages are the same.

use prost_reflect::{DynamicMessage, MessageDescriptor};
use serde_json::Value;

/// Where two texts differ as JSON values, and how; none if they don't.
pub(crate) fn json(expected: &str, found: &str) -> Option<String> {
    let parse = |text: &str| serde_json::from_str::<Value>(text);
    match (parse(expected), parse(found)) {
        (Ok(expected), Ok(found)) => values("", &expected, &found),
        _ => Some(format!("not JSON: {found}")),
    }
}

fn values(path: &str, expected: &Value, found: &Value) -> Option<String> {
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => {
            let more = found.keys().find(|key| !expected.contains_key(*key));
            if let Some(key) = more {
                return Some(format!("{path}.{key} is one too many"));
            }
            expected.iter().find_map(|(key, expected)| {
                let path = format!("{path}.{key}");
                match found.get(key) {
                    Some(found) => values(&path, expected, found),
                    None => Some(format!("{path} is missing")),
                }
            })
        }
        (Value::Array(expected), Value::Array(found)) if expected.len() == found.len() => expected
            .iter()
            .zip(found)
            .enumerate()
            .find_map(|(index, (expected, found))| {
                values(&format!("{path}[{index}]"), expected, found)
            }),
        _ if expected == found || are_equal_numbers(expected, found) => None,
        _ => Some(format!("{path} is {found}, expected {expected}")),
    }
}

/// 1 and 1.0 are the same number.
fn are_equal_numbers(expected: &Value, found: &Value) -> bool {
    match (expected, found) {
        (Value::Number(expected), Value::Number(found)) => {
            (expected.is_f64() != found.is_f64()) && expected.as_f64() == found.as_f64()
        }
        _ => false,
    }
}

/// How two binaries differ; none if they don't. What isn't written alike is compared by reflection, as
/// JSON: the order of maps is anybody's, and an entry's default value may be left out.
pub(crate) fn binary(
    descriptor: &MessageDescriptor,
    expected: &[u8],
    found: &[u8],
) -> Option<String> {
    if expected == found {
        return None;
    }
    let text = |binary: &[u8]| {
        let message = DynamicMessage::decode(descriptor.clone(), binary).ok()?;
        serde_json::to_string(&message).ok()
    };
    match (text(expected), text(found)) {
        (Some(expected), Some(found)) => json(&expected, &found),
        _ => Some(format!("{} is expected, not {}", hex(expected), hex(found))),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use prost_reflect::DescriptorPool;

    use super::*;

    #[test]
    fn json_is_compared_by_value() {
        for same in [
            ("{\"a\":1,\"b\":[]}", "{ \"b\": [], \"a\": 1.0 }"),
            ("1e2", "100"),
            ("\"\\u00fc\"", "\"\u{fc}\""),
        ] {
            assert_eq!(json(same.0, same.1), None);
        }
        for (expected, found, says) in [
            (
                "{\"a\":{\"b\":1}}",
                "{\"a\":{\"b\":2}}",
                ".a.b is 2, expected 1",
            ),
            ("{\"a\":1}", "{}", ".a is missing"),
            ("{}", "{\"a\":null}", ".a is one too many"),
            ("[1,2]", "[2,1]", "[0] is 2, expected 1"),
            ("[1]", "[1,1]", " is [1,1], expected [1]"),
            ("\"1\"", "1", " is 1, expected \"1\""),
            // Beyond what a float holds.
            (
                "9223372036854775807",
                "9223372036854775806",
                "expected 9223372036854775807",
            ),
            ("{}", "{", "not JSON"),
        ] {
            let difference = json(expected, found).unwrap();
            assert!(difference.contains(says), "{difference}");
        }
    }

    #[test]
    fn binaries_are_compared_but_for_the_order_of_maps() {
        let pool = DescriptorPool::decode(crate::API).unwrap();
        let descriptor = pool
            .get_message_by_name("gitpod.v1.CodexModelPolicy")
            .unwrap();
        let (one, other) = ([10, 3, 10, 1, b'a'], [10, 3, 10, 1, b'b']);
        let (ab, ba) = ([one, other].concat(), [other, one].concat());
        assert_eq!(binary(&descriptor, &ab, &ba), None);
        // With its value, which is the default.
        let whole = [10, 5, 10, 1, b'a', 16, 0];
        assert_eq!(binary(&descriptor, &whole, &one), None);
        let difference = binary(&descriptor, &ab, &one).unwrap();
        assert!(difference.contains("b is missing"), "{difference}");
        let difference = binary(&descriptor, &one, &[10]).unwrap();
        assert!(difference.contains("0a030a0161"), "{difference}");
    }
}
