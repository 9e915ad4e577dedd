//! The JSON of every message that OrganizationService reaches, with all fields set and with none.
//!
//! Each is also held against a second implementation, prost-reflect, that works from the
//! descriptors.

use std::fmt::Write as _;
use std::path::Path;

use connect_hyper::Message;
use prost_reflect::prost::Message as _;
use prost_reflect::{DescriptorPool, MessageDescriptor};
use protobuf_tests::filled::{Ordinary, filled, rounds};

trait MessageVisitor {
    fn visit<M: Message + PartialEq>(&mut self, full_name: &'static str);
}

include!(concat!(env!("OUT_DIR"), "/registry.rs"));

/// Calls a function for each message type's descriptor and its codecs.
struct Each<F> {
    pool: DescriptorPool,
    then: F,
}

impl<F: FnMut(&MessageDescriptor, &dyn Fn(&[u8]) -> String)> MessageVisitor for Each<F> {
    fn visit<M: Message + PartialEq>(&mut self, full_name: &'static str) {
        let descriptor = self.pool.get_message_by_name(full_name).unwrap();
        (self.then)(&descriptor, &|binary| {
            let message = M::decode(binary).unwrap();
            let json = serde_json::to_string(&message).unwrap();
            let back: M = serde_json::from_str(&json).unwrap();
            assert!(back == message, "{full_name}: {json}");
            assert_eq!(back.encode_to_vec(), binary, "{full_name}: {json}");
            json
        });
    }
}

fn pool() -> DescriptorPool {
    let proto = Path::new(env!("CARGO_MANIFEST_DIR")).join("../proto");
    gitpod_build::descriptors::pool(&proto).unwrap()
}

#[test]
fn with_all_fields() {
    let mut snapshot = String::new();
    let mut count = 0;
    visit_messages(&mut Each {
        pool: pool(),
        then: |descriptor: &MessageDescriptor, json: &dyn Fn(&[u8]) -> String| {
            for member in 0..rounds(descriptor) {
                let message = filled(descriptor, member, &Ordinary);
                let json = json(&message.encode_to_vec());
                let ours: serde_json::Value = serde_json::from_str(&json).unwrap();
                let theirs = serde_json::to_value(&message).unwrap();
                assert_eq!(ours, theirs, "{}", descriptor.full_name());
                let _ = writeln!(snapshot, "{} {json}", descriptor.full_name());
            }
            count += 1;
        },
    });
    assert!(
        count > 119,
        "the messages of organization.proto alone are 119, and these {count}"
    );
    insta::assert_snapshot!(snapshot);
}

/// A field without presence that has its default is left out.
#[test]
fn with_no_field() {
    let mut snapshot = String::new();
    visit_messages(&mut Each {
        pool: pool(),
        then: |descriptor: &MessageDescriptor, json: &dyn Fn(&[u8]) -> String| {
            let _ = writeln!(snapshot, "{} {}", descriptor.full_name(), json(&[]));
        },
    });
    assert!(snapshot.lines().all(|line| line.ends_with(" {}")));
    insta::assert_snapshot!(snapshot);
}
