//! Content types and encodings, of unary responses and of streams. Checklist 9, 10, 13 and 17.

#![no_main]

use connect_hyper::{Client, Codec, Error};
use fuzz::{Answer, Echo, Raw, Watch, client, envelope, now, said};
use http::{HeaderValue, StatusCode};
use libfuzzer_sys::fuzz_target;

const STATUSES: [u16; 4] = [200, 204, 404, 500];

fuzz_target!(|data: &[u8]| {
    // Bits for status, codec and kind; the content type; behind a zero byte, an encoding.
    let Some((&bits, rest)) = data.split_first() else {
        return;
    };
    let mut parts = rest.splitn(2, |byte| *byte == 0);
    let content_type = parts.next().unwrap_or_default();
    let encoding = parts.next();
    let codec = if bits & 4 == 0 {
        Codec::Json
    } else {
        Codec::Binary
    };
    let is_stream = bits & 8 != 0;
    let mut answer = Answer {
        status: StatusCode::from_u16(STATUSES[usize::from(bits & 3)]).unwrap(),
        ..Answer::default()
    };
    let Ok(value) = HeaderValue::from_bytes(content_type) else {
        return;
    };
    answer.headers.insert("content-type", value);
    if let Some(encoding) = encoding {
        let Ok(value) = HeaderValue::from_bytes(encoding) else {
            return;
        };
        let name = if is_stream {
            "connect-content-encoding"
        } else {
            "content-encoding"
        };
        answer.headers.insert(name, value);
    }
    let status = answer.status;
    let is_known =
        encoding.is_none_or(|name| [&b"identity"[..], b"gzip", b"br", b"zstd"].contains(&name));
    if is_stream {
        answer.pieces.push_back(envelope(2, b"{}").into());
        let client = client(answer, |builder| builder.codec(codec));
        let error = now(client.call::<Watch>(Raw::default()).into_future()).err();
        let expected: &[u8] = match codec {
            Codec::Json => b"application/connect+json",
            _ => b"application/connect+proto",
        };
        let code = match status.as_u16() {
            404 => Some("unimplemented"),
            204 | 500 => Some("unknown"),
            _ if content_type == expected && is_known => None,
            _ if content_type.starts_with(b"application/connect+") => Some("internal"),
            _ => Some("unknown"),
        };
        check(error.as_ref(), code);
        return;
    }
    // What no decoder takes for its own, an error in JSON, and a message in either codec.
    answer.pieces.push_back(r#"{"code":"aborted"}"#.into());
    let client = client(answer, |builder| builder.codec(codec));
    let is_json = essence(content_type).eq_ignore_ascii_case(b"application/json");
    let is_packed = encoding.is_some_and(|name| name != b"identity");
    let code = match (status.as_u16(), codec) {
        (200, Codec::Binary) if content_type == b"application/proto" => {
            is_packed.then_some("internal")
        }
        (200, Codec::Json) if is_json => is_packed.then_some("internal"),
        (200, _) if content_type.starts_with(b"application/") => Some("internal"),
        (200, _) => Some("unknown"),
        (_, _) if is_json && is_packed => Some("internal"),
        (_, _) if is_json => Some("aborted"),
        (404, _) => Some("unimplemented"),
        _ => Some("unknown"),
    };
    check(unary(&client).as_ref(), code);
});

fn unary(client: &Client) -> Option<Error> {
    now(client.call::<Echo>(Raw::default()).into_future()).err()
}

fn essence(content_type: &[u8]) -> &[u8] {
    let end = content_type.iter().position(|byte| *byte == b';');
    content_type[..end.unwrap_or(content_type.len())].trim_ascii()
}

fn check(error: Option<&Error>, code: Option<&str>) {
    if let Some(error) = error {
        said(error);
    }
    assert_eq!(error.map(|error| error.code().as_str()), code);
}
