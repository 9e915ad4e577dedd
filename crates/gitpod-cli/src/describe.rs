//! What `call --describe` says of a method.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt::Write as _;

use gitpod_client::Idempotency;
use prost_reflect::{
    DynamicMessage, EnumDescriptor, FieldDescriptor, FileDescriptor, Kind, MessageDescriptor,
    MethodDescriptor, OneofDescriptor, ReflectMessage as _, Value,
};

use crate::check;
use crate::schema::{self, Comments, flag, idempotency, is_secret};

/// The method, its request and its response, and all messages and enums that these reach.
pub(crate) fn describe(method: &MethodDescriptor) -> String {
    let mut page = Page::default();
    page.method(method);
    page.text
}

#[derive(Default)]
struct Page {
    text: String,
    comments: HashMap<String, Comments>,
    /// What is described or in line, by full name.
    seen: HashSet<String>,
    messages: VecDeque<MessageDescriptor>,
    enums: VecDeque<EnumDescriptor>,
}

impl Page {
    fn line(&mut self, indent: usize, text: &str) {
        let _ = writeln!(self.text, "{:indent$}{text}", "");
    }

    fn comment(&mut self, indent: usize, file: &FileDescriptor, path: &[i32]) {
        let comments = self
            .comments
            .entry(file.name().to_owned())
            .or_insert_with(|| Comments::of(file));
        let text = comments.at(path).to_owned();
        for line in text.trim_end().lines() {
            // One space belongs to the comment's mark.
            let line = line.strip_prefix(' ').unwrap_or(line).trim_end();
            self.line(if line.is_empty() { 0 } else { indent }, line);
        }
    }

    fn method(&mut self, method: &MethodDescriptor) {
        self.line(0, &schema::full_name(method));
        if flag(&method.options(), "deprecated") {
            self.line(2, "DEPRECATED");
        }
        self.comment(2, &method.parent_file(), method.path());
        let kind = match (method.is_client_streaming(), method.is_server_streaming()) {
            (false, false) => "one request, one response",
            (false, true) => "one request, a stream of responses",
            (true, false) => "a stream of requests, one response",
            (true, true) => "a stream each way",
        };
        let effect = match idempotency(method) {
            Idempotency::NoSideEffects => "none: it only reads",
            Idempotency::Idempotent => "the same if it is repeated",
            _ => "possible, for nothing says that it only reads",
        };
        self.line(0, "");
        self.line(2, &format!("kind:          {kind}"));
        self.line(2, &format!("side effects:  {effect}"));

        for (role, message) in [("Request", method.input()), ("Response", method.output())] {
            self.seen.insert(message.full_name().to_owned());
            self.message(role, &message);
        }
        while let Some(message) = self.messages.pop_front() {
            self.message("Message", &message);
        }
        while let Some(enumeration) = self.enums.pop_front() {
            self.enumeration(&enumeration);
        }
    }

    fn message(&mut self, role: &str, message: &MessageDescriptor) {
        let mark = deprecated(&message.options());
        self.line(0, "");
        self.line(
            0,
            &format!(
                "{role}: {}{mark}",
                short(message.full_name(), message.package_name())
            ),
        );
        self.comment(2, &message.parent_file(), message.path());
        for rule in rules(&message.options()) {
            self.line(2, &format!("rule: {rule}"));
        }
        let mut fields: Vec<_> = message.fields().collect();
        // As they are declared.
        fields.sort_by_key(|field| field.path().last().copied());
        let mut oneofs = HashSet::new();
        for field in &fields {
            let oneof = field
                .containing_oneof()
                .filter(|oneof| !oneof.is_synthetic());
            if let Some(oneof) = &oneof
                && oneofs.insert(oneof.full_name().to_owned())
            {
                self.oneof(oneof);
            }
            self.field(if oneof.is_some() { 4 } else { 2 }, field);
        }
    }

    fn oneof(&mut self, oneof: &OneofDescriptor) {
        let is_required = rules(&oneof.options())
            .iter()
            .any(|rule| rule == "required");
        let how = if is_required { "exactly" } else { "at most" };
        self.line(2, &format!("{how} one of ({}):", oneof.name()));
        self.comment(4, &oneof.parent_file(), oneof.path());
    }

    fn field(&mut self, indent: usize, field: &FieldDescriptor) {
        let mut line = format!("{}: {}", field.json_name(), self.type_of(field));
        let is_optional = field.supports_presence()
            && field
                .containing_oneof()
                .is_none_or(|oneof| oneof.is_synthetic())
            && !matches!(field.kind(), Kind::Message(_));
        if is_optional {
            line.push_str(", optional");
        }
        line.push_str(deprecated(&field.options()));
        if is_secret(field) {
            line.push_str(", SECRET");
        }
        if field.json_name() != field.name() {
            let _ = write!(line, "  ({})", field.name());
        }
        self.line(indent, &line);
        self.comment(indent + 4, &field.parent_file(), field.path());
        let rules = rules(&field.options());
        if !rules.is_empty() {
            self.line(indent + 4, &format!("rules: {}", rules.join("; ")));
        }
    }

    /// The type as a person writes its value.
    fn type_of(&mut self, field: &FieldDescriptor) -> String {
        match field.kind() {
            Kind::Message(entry) if field.is_map() => {
                let key = self.kind(&entry.map_entry_key_field().kind());
                let value = self.kind(&entry.map_entry_value_field().kind());
                format!("map of {key} to {value}")
            }
            kind if field.is_list() => format!("list of {}", self.kind(&kind)),
            kind => self.kind(&kind),
        }
    }

    fn kind(&mut self, kind: &Kind) -> String {
        match kind {
            Kind::Message(message) if check::is_text(message) => match message.name() {
                "Timestamp" => "time (\"2027-01-02T03:04:05Z\")".to_owned(),
                _ => "duration (\"15552000s\")".to_owned(),
            },
            Kind::Message(message) => {
                if self.seen.insert(message.full_name().to_owned()) {
                    self.messages.push_back(message.clone());
                }
                short(message.full_name(), message.package_name()).to_owned()
            }
            Kind::Enum(enumeration) => {
                if self.seen.insert(enumeration.full_name().to_owned()) {
                    self.enums.push_back(enumeration.clone());
                }
                short(enumeration.full_name(), enumeration.package_name()).to_owned()
            }
            Kind::Bytes => "bytes (in base64)".to_owned(),
            other => format!("{other:?}").to_lowercase(),
        }
    }

    fn enumeration(&mut self, enumeration: &EnumDescriptor) {
        let name = short(enumeration.full_name(), enumeration.package_name());
        let mark = deprecated(&enumeration.options());
        self.line(0, "");
        self.line(0, &format!("Enum: {name}{mark}"));
        self.comment(2, &enumeration.parent_file(), enumeration.path());
        for value in enumeration.values() {
            let mark = deprecated(&value.options());
            self.line(2, &format!("{} = {}{mark}", value.name(), value.number()));
            self.comment(6, &enumeration.parent_file(), value.path());
        }
    }
}

fn short<'a>(full_name: &'a str, package: &str) -> &'a str {
    let rest = full_name.strip_prefix(package);
    rest.and_then(|rest| rest.strip_prefix('.'))
        .unwrap_or(full_name)
}

fn deprecated(options: &DynamicMessage) -> &'static str {
    if flag(options, "deprecated") {
        ", DEPRECATED"
    } else {
        ""
    }
}

/// The validation rules among an element's options, each as `string.max_len = 128`.
fn rules(options: &DynamicMessage) -> Vec<String> {
    let mut all = Vec::new();
    for rules in schema::rules(options) {
        collect("", rules, &mut all);
    }
    all
}

fn collect(path: &str, rules: &DynamicMessage, all: &mut Vec<String>) {
    if check::is_text(&rules.descriptor()) {
        let number = |name| rules.get_field_by_name(name);
        let seconds = number("seconds").and_then(|value| value.as_i64());
        let nanos = number("nanos").and_then(|value| value.as_i32());
        let nanos = f64::from(nanos.unwrap_or_default()) / 1e9;
        all.push(format!(
            "{path} = {}s",
            seconds.unwrap_or_default() as f64 + nanos
        ));
        return;
    }
    for (field, value) in rules.fields() {
        let path = if path.is_empty() {
            field.name().to_owned()
        } else {
            format!("{path}.{}", field.name())
        };
        rule(&path, &field.kind(), value, all);
    }
}

fn rule(path: &str, kind: &Kind, value: &Value, all: &mut Vec<String>) {
    match value {
        Value::Message(message) => collect(path, message, all),
        Value::Bool(true) => all.push(path.to_owned()),
        Value::List(items) if items.iter().any(|item| matches!(item, Value::Message(_))) => {
            for item in items {
                rule(path, kind, item, all);
            }
        }
        Value::List(items) => {
            let items: Vec<_> = items.iter().map(|item| plain(kind, item)).collect();
            all.push(format!("{path} = [{}]", items.join(", ")));
        }
        other => all.push(format!("{path} = {}", plain(kind, other))),
    }
}

fn plain(kind: &Kind, value: &Value) -> String {
    match (kind, value) {
        (Kind::Enum(enumeration), Value::EnumNumber(number)) => enumeration
            .get_value(*number)
            .map_or_else(|| number.to_string(), |value| value.name().to_owned()),
        (_, Value::String(text)) => format!("{text:?}"),
        (_, Value::Bool(value)) => value.to_string(),
        (_, Value::I32(number)) => number.to_string(),
        (_, Value::I64(number)) => number.to_string(),
        (_, Value::U32(number)) => number.to_string(),
        (_, Value::U64(number)) => number.to_string(),
        (_, Value::F32(number)) => number.to_string(),
        (_, Value::F64(number)) => number.to_string(),
        (_, Value::Bytes(bytes)) => format!("{:?}", String::from_utf8_lossy(bytes)),
        (_, other) => format!("{other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Schema;

    /// The lines of a page without their indentation.
    fn words(text: &str) -> String {
        let lines: Vec<_> = text.lines().map(str::trim).collect();
        lines.join("\n")
    }

    #[test]
    fn every_method_with_all_of_its_fields_and_comments() {
        let methods = Schema::load().unwrap().methods();
        assert_eq!(methods.len(), 300);
        let mut with_comment = 0;
        for method in methods {
            let page = words(&describe(&method));
            assert!(page.starts_with(&schema::full_name(&method)), "{page}");
            let comments = Comments::of(&method.parent_file());
            let comment = comments.at(method.path());
            assert!(page.contains(words(comment).trim()), "{page}");
            with_comment += usize::from(!comment.is_empty());
            for message in [method.input(), method.output()] {
                let comments = Comments::of(&message.parent_file());
                for field in message.fields() {
                    assert!(page.contains(&format!("{}: ", field.json_name())), "{page}");
                    let comment = words(comments.at(field.path()));
                    assert!(
                        page.contains(comment.trim()),
                        "{} in {page}",
                        field.full_name()
                    );
                }
            }
        }
        assert_eq!(with_comment, 300, "the comments are compiled in");
    }

    #[test]
    fn rules_secrets_and_what_is_deprecated() {
        let page = |name: &str| describe(&Schema::load().unwrap().method(name).unwrap());
        let create = page("SecretService/CreateSecret");
        for part in [
            "  side effects:  possible, ",
            "  name: string\n",
            "rules: string.min_len = 3; string.max_len = 127; string.pattern = \"^[0-9a-zA-Z_]{3,}$\"\n",
            "  projectId: string, DEPRECATED  (project_id)\n",
            "  value: string, SECRET\n",
            "  exactly one of (mount):\n",
            "    environmentVariable: bool  (environment_variable)\n",
            "cel.expression = \"this.matches('^/[^/].*$')\"",
            "\nEnum: ",
            "_UNSPECIFIED = 0\n",
        ] {
            assert!(create.contains(part), "{part:?} in {create}");
        }
        let regenerate = page("OrganizationService/RegenerateSCIMToken");
        for part in [
            "  tokenExpiresIn: duration (\"15552000s\")  (token_expires_in)\n",
            "duration.gte = 86400s",
            "  token: string, SECRET\n",
        ] {
            assert!(regenerate.contains(part), "{part:?} in {regenerate}");
        }
        let watch = page("EventService/WatchEvents");
        assert!(watch.contains("  kind:          one request, a stream of responses\n"));
        let get = page("OrganizationService/GetOrganization");
        assert!(get.contains("  side effects:  none: it only reads\n"));
        assert!(
            watch.contains("resourceTypeFilters: list of WatchEventsRequest.ResourceTypeFilter")
        );
    }
}
