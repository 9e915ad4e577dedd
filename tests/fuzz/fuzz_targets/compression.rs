//! Compressed bodies, good and bad. Checklist 11 and 26.

#![no_main]

use std::pin::pin;

use bytes::Bytes;
use connect_hyper::{Code, Codec, Compression, Error, RequestBody};
use fuzz::{Answer, Echo, Raw, by, client, now, said};
use http_body::Body as _;
use libfuzzer_sys::fuzz_target;

const LIMIT: usize = 1 << 16;

fuzz_target!(|data: &[u8]| {
    let Some((first, body)) = data.split_first() else {
        return;
    };
    let (compression, name) = [
        (Compression::Gzip, "gzip"),
        (Compression::Brotli, "br"),
        (Compression::Zstd, "zstd"),
    ][usize::from(first % 3)];
    let body = Bytes::copy_from_slice(body);
    if first & 128 == 0 {
        decode(name, body);
    } else {
        assert!(there_and_back(compression, name, body.clone()).unwrap() == body);
    }
});

/// The fuzzer's bytes as what a server has sent.
fn decode(name: &'static str, body: Bytes) {
    match answered(name, body.clone()) {
        Ok(message) => {
            assert!(message.len() <= LIMIT);
            if body.is_empty() {
                assert!(message.is_empty());
                return;
            }
            // Every byte belongs to it.
            let cut = body.slice(..body.len() - 1);
            assert!(cut.is_empty() || answered(name, cut).is_err());
            let longer = [&body[..], b"x"].concat();
            assert!(answered(name, longer.into()).is_err());
        }
        Err(error) => {
            said(&error);
            assert!(matches!(
                error.code(),
                Code::Internal | Code::ResourceExhausted
            ));
        }
    }
}

fn answered(name: &'static str, body: Bytes) -> Result<Bytes, Error> {
    let answer = Answer::ok("application/proto", body).with("content-encoding", name);
    let client = client(answer, |builder| {
        builder.codec(Codec::Binary).response_limit(LIMIT)
    });
    Ok(now(client.call::<Echo>(Raw::default()).into_future())?
        .into_inner()
        .bytes)
}

/// A message that is sent compressed, and comes back as it went.
fn there_and_back(
    compression: Compression,
    name: &'static str,
    bytes: Bytes,
) -> Result<Bytes, Error> {
    let echo = move |request: http::Request<RequestBody>| {
        assert_eq!(request.headers()["content-encoding"], name);
        let mut body = pin!(request.into_body());
        let frame = now(std::future::poll_fn(|cx| body.as_mut().poll_frame(cx)));
        let body = frame.unwrap().unwrap().into_data().unwrap();
        Answer::ok("application/proto", body).with("content-encoding", name)
    };
    let client = by(echo, |builder| {
        builder
            .codec(Codec::Binary)
            // What can't be made smaller grows by a few bytes.
            .response_limit(bytes.len() + 100)
            .compress_requests(compression, 0)
    });
    let request = Raw {
        bytes: bytes.clone(),
        ..Raw::default()
    };
    Ok(now(client.call::<Echo>(request).into_future())?
        .into_inner()
        .bytes)
}
