//! The rules of every message of the API, by their descriptors: a message that keeps all of them
//! has no violation, and whatever one rule is broken, that one is found and no other.

#![allow(clippy::unwrap_used)]

mod broken;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use gitpod_client::Validate;
use prost_reflect::prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor};
use protobuf_tests::filled::rounds;
use protobuf_tests::valid::{cel, own_rules, rules, valid};

trait MessageVisitor {
    fn visit<M: Validate + prost::Message + Default>(&mut self, full_name: &'static str);
}

include!(concat!(env!("OUT_DIR"), "/all.rs"));

fn pool() -> DescriptorPool {
    let proto = Path::new(env!("CARGO_MANIFEST_DIR")).join("../proto");
    gitpod_build::descriptors::pool(&proto).unwrap()
}

/// What a message type's rules find, as fields and ids.
type Found = Vec<(String, String)>;

struct Each {
    pool: DescriptorPool,
    messages: usize,
    /// How often each rule was broken.
    broken: BTreeMap<String, usize>,
    disabled: BTreeSet<&'static str>,
    wrong: Vec<String>,
}

impl Each {
    fn compare<const N: usize>(
        &mut self,
        name: &str,
        found: Found,
        expected: [(String, String); N],
    ) {
        if found != expected {
            let wrong = format!("{name}: {found:?} and not {expected:?}");
            self.wrong.push(wrong);
        }
    }
}

impl MessageVisitor for Each {
    fn visit<M: Validate + prost::Message + Default>(&mut self, full_name: &'static str) {
        let descriptor = self.pool.get_message_by_name(full_name).unwrap();
        let check = |message: &DynamicMessage| -> Found {
            let message = M::decode(message.encode_to_vec().as_slice()).unwrap();
            let violations = message.validate().err();
            let violations = violations.iter().flatten();
            violations
                .map(|broken| (broken.field().to_owned(), broken.rule_id().to_owned()))
                .collect()
        };
        let is_disabled = broken::is_disabled(&descriptor);
        for member in 0..rounds(&descriptor) {
            let valid = valid(&descriptor, member);
            self.compare(full_name, check(&valid), []);
            for broken in broken::ways(&valid) {
                let found = check(&broken.message);
                if is_disabled {
                    self.disabled.insert(full_name);
                    self.compare(full_name, found, []);
                    continue;
                }
                *self.broken.entry(broken.id.clone()).or_default() += 1;
                self.compare(full_name, found, [(broken.path, broken.id)]);
            }
        }
        self.messages += 1;
    }
}

#[test]
fn one_broken_rule_is_one_violation() {
    let mut each = Each {
        pool: pool(),
        messages: 0,
        broken: BTreeMap::new(),
        disabled: BTreeSet::new(),
        wrong: Vec::new(),
    };
    visit_messages(&mut each);
    assert!(each.wrong.is_empty(), "{}", each.wrong.join("\n"));
    assert!(each.messages >= 1088, "{} messages", each.messages);
    // Whatever breaks the only `string.len` breaks the pattern beside it.
    for id in [
        "required",
        "string.uuid",
        "string.uri",
        "string.email",
        "string.min_len",
        "string.max_len",
        "string.in",
        "string.pattern",
        "bytes.len",
        "bytes.min_len",
        "bytes.max_len",
        "repeated.min_items",
        "repeated.max_items",
        "repeated.unique",
        "map.max_pairs",
        "enum.defined_only",
        "enum.in",
        "enum.not_in",
        "int32.gte_lte",
        "int64.gte",
        "double.gte",
        "duration.gte_lte",
    ]
    .into_iter()
    .chain(in_cel(&each.pool).iter().map(|(id, _)| id.as_str()))
    {
        assert!(each.broken.contains_key(id), "{id}: {:?}", each.broken);
    }
    assert_eq!(
        each.disabled,
        BTreeSet::from(["gitpod.v1.ValidateRunnerConfigurationRequest"])
    );
}

/// How many there are that no name of a rule tells of, so that none is overlooked.
#[test]
fn the_rules_of_oneofs_and_messages_and_those_in_cel_are_counted() {
    let pool = pool();
    let messages = messages(&pool);
    let oneofs = messages.iter().flat_map(|message| message.oneofs());
    assert_eq!(oneofs.filter(broken::is_required).count(), 10);
    let of_messages = messages
        .iter()
        .filter_map(|message| own_rules(&message.options()));
    assert_eq!(of_messages.count(), 2);
    let expressions = in_cel(&pool);
    assert_eq!(expressions.len(), 39);
    let distinct: BTreeSet<_> = expressions.iter().map(|(_, text)| text).collect();
    assert_eq!(distinct.len(), 21);
}

fn messages(pool: &DescriptorPool) -> Vec<MessageDescriptor> {
    let messages = pool.all_messages();
    messages
        .filter(|message| message.package_name() == "gitpod.v1")
        .collect()
}

/// The rules in CEL, each with its id and expression.
fn in_cel(pool: &DescriptorPool) -> Vec<(String, String)> {
    let messages = messages(pool);
    let of_messages = messages
        .iter()
        .filter_map(|message| own_rules(&message.options()));
    let fields = messages.iter().flat_map(|message| message.fields());
    let of_fields = fields.filter_map(|field| rules(&field, &[]));
    of_messages
        .chain(of_fields)
        .flat_map(|rules| cel(&rules))
        .collect()
}
