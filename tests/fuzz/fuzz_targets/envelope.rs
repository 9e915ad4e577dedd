//! Envelopes, however they are cut. Checklist 18 to 21, 24 and 26.

#![no_main]

use bytes::Bytes;
use connect_hyper::Code;
use fuzz::{Answer, Outcome, envelope, read, said};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    // A limit, how many sizes of pieces there are, those sizes, and the body.
    let [limit, count, rest @ ..] = data else {
        return;
    };
    let limit = usize::from(*limit);
    let (sizes, body) = rest.split_at(usize::from(*count % 8).min(rest.len()));
    let answer = Answer::ok("application/connect+proto", Bytes::copy_from_slice(body));
    let whole = read(answer.clone(), limit);
    for sizes in [sizes, &[1]] {
        assert_same(&whole, &read(answer.clone().cut(sizes), limit));
    }

    let (messages, end) = expected(body, limit);
    assert_eq!(whole.messages, messages);
    let found = whole.error.as_ref().map(|error| error.code());
    match end {
        End::Broken(code) => assert_eq!(found, Some(code)),
        // What is in it is another target's.
        End::Told => {}
    }

    // There and back: the messages that were found, and a good end.
    let mut again: Vec<u8> = messages
        .iter()
        .flat_map(|message| envelope(0, message))
        .collect();
    again.extend(envelope(2, b"{}"));
    let again = read(
        Answer::ok("application/connect+proto", again).cut(sizes),
        limit.max(2),
    );
    assert_eq!(again.messages, messages);
    assert!(again.error.is_none());
});

fn assert_same(one: &Outcome, other: &Outcome) {
    assert_eq!(one.messages, other.messages);
    assert_eq!(one.trailers, other.trailers);
    assert_eq!(one.error.as_ref().map(said), other.error.as_ref().map(said));
}

enum End {
    Broken(Code),
    Told,
}

/// The same by the plainest means.
fn expected(mut body: &[u8], limit: usize) -> (Vec<&[u8]>, End) {
    let mut messages = Vec::new();
    loop {
        let [flags, a, b, c, d, rest @ ..] = body else {
            return (messages, End::Broken(Code::Internal));
        };
        let length = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
        if *flags > 3 {
            return (messages, End::Broken(Code::Internal));
        }
        if length > limit {
            return (messages, End::Broken(Code::ResourceExhausted));
        }
        if rest.len() < length {
            return (messages, End::Broken(Code::Internal));
        }
        let (message, behind) = rest.split_at(length);
        // Compressed, and the stream has no encoding.
        if flags & 1 != 0 {
            return (messages, End::Broken(Code::Internal));
        }
        if flags & 2 != 0 {
            return if behind.is_empty() {
                (messages, End::Told)
            } else {
                (messages, End::Broken(Code::Internal))
            };
        }
        messages.push(message);
        body = behind;
    }
}
