//! Messages of the API in JSON, by a call as a whole.

#![no_main]

use bytes::Bytes;
use connect_hyper::{Error, Method, Unary};
use fuzz::{Answer, client, now};
use gitpod_client::organization::{GetOrganizationPolicies, RegenerateScimToken};
use libfuzzer_sys::fuzz_target;
use prost::Message as _;

/// Stands where a token does, so that a search finds what an error quotes.
const TOKEN: &str = "T0P-S3CRET-T0KEN";

fuzz_target!(|data: &[u8]| {
    let Some((first, json)) = data.split_first() else {
        return;
    };
    match first % 3 {
        0 => check::<RegenerateScimToken>(json),
        1 => check::<GetOrganizationPolicies>(json),
        // The fuzzer's bytes behind a token, and in the middle of an answer that is one.
        _ => {
            let json = [format!(r#"{{"token":"{TOKEN}""#).as_bytes(), json].concat();
            check::<RegenerateScimToken>(&json);
        }
    }
});

fn check<M: Method<Kind = Unary>>(json: &[u8])
where
    M::Request: Default,
{
    let message = match call::<M>(json) {
        Ok(message) => message,
        Err(error) => {
            let text = format!("{error} {error:?}");
            assert_eq!(error.code().as_str(), "internal");
            assert!(!error.is_from_server() && error.may_have_executed());
            assert!(!text.contains(TOKEN), "{text}");
            return;
        }
    };
    assert!(!format!("{message:?}").contains(TOKEN));
    // There and back, in both forms. By their bytes: a NaN doesn't equal itself.
    let bytes = message.encode_to_vec();
    let binary = M::Response::decode(&bytes[..]).unwrap();
    assert!(binary.encode_to_vec() == bytes);
    let json = serde_json::to_vec(&message).unwrap();
    assert!(call::<M>(&json).unwrap().encode_to_vec() == bytes);
}

fn call<M: Method<Kind = Unary>>(json: &[u8]) -> Result<M::Response, Error>
where
    M::Request: Default,
{
    let answer = Answer::ok("application/json", Bytes::copy_from_slice(json));
    let client = client(answer, |builder| builder);
    let response = now(client
        .call::<M>(M::Request::default())
        .validate(false)
        .into_future())?;
    Ok(response.into_inner())
}
