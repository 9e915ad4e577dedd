//! A message for people to look at: without what the descriptors mark as a secret, and without what
//! they don't know.

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value};

use crate::check;
use crate::document::Json;
use crate::schema::is_secret;

const REDACTED: &str = "[redacted]";
/// A field or a value that a newer server may have, and that may be a secret.
const UNKNOWN: &str = "[not known]";

/// The message as it may be shown.
pub(crate) fn shown(json: &Json, message: &MessageDescriptor) -> Value {
    Redaction::default().message(json, message)
}

/// The texts of a message's secret fields.
pub(crate) fn secrets(json: &Json, message: &MessageDescriptor) -> Vec<String> {
    let mut redaction = Redaction::default();
    redaction.message(json, message);
    redaction.secrets
}

#[derive(Default)]
struct Redaction {
    secrets: Vec<String>,
}

impl Redaction {
    fn message(&mut self, json: &Json, message: &MessageDescriptor) -> Value {
        let Json::Object(members) = json else {
            return match json {
                Json::String(text)
                    if check::is_text(message)
                        && check::is_scalar(json, &Kind::Message(message.clone())) =>
                {
                    Value::from(text.as_str())
                }
                _ => Value::from(UNKNOWN),
            };
        };
        let mut shown = Map::new();
        for (name, value) in members {
            let value = match check::field(message, name) {
                Some(field) => self.field(value, &field),
                None => Value::from(UNKNOWN),
            };
            shown.insert(name.clone(), value);
        }
        Value::Object(shown)
    }

    fn field(&mut self, json: &Json, field: &FieldDescriptor) -> Value {
        match (field.kind(), json) {
            (_, Json::Null) => Value::Null,
            _ if is_secret(field) => {
                self.collect(json);
                Value::from(REDACTED)
            }
            (Kind::Message(entry), Json::Object(members)) if field.is_map() => {
                let field = entry.map_entry_value_field();
                let members = members
                    .iter()
                    .map(|(key, value)| (key.clone(), self.value(value, &field.kind())));
                Value::Object(members.collect())
            }
            (kind, Json::Array(items)) if field.is_list() => {
                items.iter().map(|item| self.value(item, &kind)).collect()
            }
            _ if field.is_map() || field.is_list() => Value::from(UNKNOWN),
            (kind, _) => self.value(json, &kind),
        }
    }

    fn value(&mut self, json: &Json, kind: &Kind) -> Value {
        match (kind, json) {
            (Kind::Message(message), _) => self.message(json, message),
            // What doesn't fit its field has come from somewhere else.
            _ if !check::is_scalar(json, kind) => Value::from(UNKNOWN),
            (_, Json::Bool(value)) => Value::from(*value),
            (_, Json::Number(number)) => Value::Number(number.clone()),
            (_, Json::String(text)) => Value::from(text.as_str()),
            _ => Value::from(UNKNOWN),
        }
    }

    fn collect(&mut self, json: &Json) {
        match json {
            Json::String(text) => self.secrets.push(text.clone()),
            Json::Array(items) => items.iter().for_each(|item| self.collect(item)),
            Json::Object(members) => members.iter().for_each(|(_, value)| self.collect(value)),
            Json::Null | Json::Bool(_) | Json::Number(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Schema;

    fn look(method: &str, text: &str) -> (String, Vec<String>) {
        let message = Schema::load().unwrap().method(method).unwrap().output();
        let json = Json::parse(text.as_bytes()).unwrap();
        (shown(&json, &message).to_string(), secrets(&json, &message))
    }

    #[test]
    fn secrets_and_what_is_not_known_are_left_out() {
        let (shown, secrets) = look(
            "OrganizationService/RegenerateSCIMToken",
            r#"{"token":"s3cret","tokenExpiresAt":"2027-01-02T03:04:05Z","new":"s3cret"}"#,
        );
        assert_eq!(
            shown,
            r#"{"new":"[not known]","token":"[redacted]","tokenExpiresAt":"2027-01-02T03:04:05Z"}"#
        );
        assert_eq!(secrets, ["s3cret"]);
    }

    #[test]
    fn values_of_the_wrong_kind_are_left_out() {
        for text in [
            r#"{"token":{"s3cret":["s3cret"]},"tokenExpiresAt":"s3cret"}"#,
            r#"{"tokenExpiresAt":{"s3cret":1}}"#,
            r#""s3cret""#,
            r#"["s3cret"]"#,
        ] {
            let (shown, _) = look("OrganizationService/RegenerateSCIMToken", text);
            let shown = shown.replace(r#"{"s3cret":"[not known]"}"#, "");
            assert!(!shown.contains("s3cret"), "{shown}");
        }
        let (shown, _) = look(
            "OrganizationService/ListSCIMConfigurations",
            r#"{"scimConfigurations":[{"id":5,"name":"Entra","enabled":"s3cret"},"s3cret"]}"#,
        );
        assert!(
            shown.contains("Entra") && !shown.contains("s3cret"),
            "{shown}"
        );
    }

    const SENTINEL: &str = "s3cret-s3ntinel";

    /// The message with each field filled, secrets with the sentinel.
    fn filled(message: &MessageDescriptor) -> Json {
        if check::is_text(message) {
            let text = match message.name() {
                "Timestamp" => "2027-01-02T03:04:05Z",
                _ => "3.5s",
            };
            return Json::String(text.to_owned());
        }
        let mut oneofs = std::collections::HashSet::new();
        let members = message.fields().filter_map(|field| {
            let oneof = field.containing_oneof();
            if oneof.is_some_and(|oneof| !oneofs.insert(oneof.full_name().to_owned())) {
                return None;
            }
            let one = |field: &FieldDescriptor, kind: &Kind| match kind {
                Kind::Message(inner) => filled(inner),
                Kind::Enum(values) => Json::Number(values.default_value().number().into()),
                Kind::Bool => Json::Bool(true),
                Kind::String if is_secret(field) => Json::String(SENTINEL.to_owned()),
                Kind::String => Json::String("text".to_owned()),
                Kind::Bytes => Json::String("AA==".to_owned()),
                _ => Json::Number(1.into()),
            };
            let value = match field.kind() {
                Kind::Message(entry) if field.is_map() => {
                    let inner = entry.map_entry_value_field();
                    let key = match entry.map_entry_key_field().kind() {
                        Kind::String => "key",
                        _ => "1",
                    };
                    let marked = if is_secret(&field) { &field } else { &inner };
                    Json::Object(vec![(key.to_owned(), one(marked, &inner.kind()))])
                }
                kind if field.is_list() => Json::Array(vec![one(&field, &kind)]),
                kind => one(&field, &kind),
            };
            Some((field.json_name().to_owned(), value))
        });
        Json::Object(members.collect())
    }

    /// Of each message that a method takes or answers with: what is filled passes the check, and no
    /// secret is shown.
    #[test]
    fn no_secret_of_any_message_is_shown() {
        let mut secrets_seen = 0;
        for method in Schema::load().unwrap().methods() {
            for message in [method.input(), method.output()] {
                let json = filled(&message);
                let checked = check::document(&json, &message, check::Rigour::Strict);
                assert_eq!(checked, Ok(()), "{}", message.full_name());
                let shown = shown(&json, &message).to_string();
                assert!(
                    !shown.contains(SENTINEL),
                    "{}: {shown}",
                    message.full_name()
                );
                assert!(!shown.contains(UNKNOWN), "{}: {shown}", message.full_name());
                secrets_seen += secrets(&json, &message).len();
            }
        }
        assert!(secrets_seen > 40, "{secrets_seen}");
    }
}
