//! `Debug` of each message that can hold a secret, itself or in what it is made of, and what is said
//! of rules that it breaks.

use connect_hyper::Message;
use gitpod_client::types::Validate;
use prost_reflect::prost::Message as _;

use crate::plant::{self, SENTINEL};

trait MessageVisitor {
    fn visit<M: Message + Validate>(&mut self, full_name: &'static str);
}

include!(concat!(env!("OUT_DIR"), "/carriers.rs"));

struct Printed {
    pool: prost_reflect::DescriptorPool,
    forms: Vec<String>,
    messages: usize,
    /// How many rules secrets have broken by their length.
    too_long: usize,
}

impl MessageVisitor for Printed {
    fn visit<M: Message + Validate>(&mut self, full_name: &'static str) {
        let message = self.pool.get_message_by_name(full_name).unwrap();
        let plantings = plant::plantings(&message);
        assert!(!plantings.is_empty(), "{full_name} is in the list");
        for planting in plantings {
            let message = M::decode(planting.encode_to_vec().as_slice()).unwrap();
            for text in [format!("{message:?}"), format!("{message:#?}")] {
                assert!(text.contains("[redacted]"), "{planting}");
                self.search(full_name, &text);
            }
            self.validate(full_name, &message);
            // The secret is there all the same.
            let json = serde_json::to_string(&message).unwrap();
            assert!(
                json.contains(SENTINEL) || json.contains(&plant::base64(SENTINEL.as_bytes())),
                "{full_name}: {json}"
            );
        }
        for planting in plant::plantings_of(&SENTINEL.repeat(1000), &message) {
            let message = M::decode(planting.encode_to_vec().as_slice()).unwrap();
            self.validate(full_name, &message);
        }
        self.messages += 1;
    }
}

impl Printed {
    fn validate<M: Message + Validate>(&mut self, full_name: &str, message: &M) {
        let Err(violations) = message.validate() else {
            return;
        };
        self.search(
            full_name,
            &format!("{violations} {violations:?} {violations:#?}"),
        );
        for violation in violations.as_slice() {
            self.search(full_name, &format!("{violation} {violation:?}"));
            self.too_long += usize::from(violation.rule_id() == "string.max_len");
        }
    }

    fn search(&self, full_name: &str, text: &str) {
        for form in &self.forms {
            assert!(!text.contains(form), "{full_name} prints a secret: {text}");
        }
    }
}

#[test]
fn prints_no_secret() {
    let mut printed = Printed {
        pool: plant::pool(),
        forms: plant::forms(),
        messages: 0,
        too_long: 0,
    };
    visit_messages(&mut printed);
    assert!(printed.messages > 100, "only {}", printed.messages);
    assert!(printed.too_long > 0, "no secret has a limit any more?");
}
