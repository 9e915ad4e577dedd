//! Every RPC of the API, called by its generated method, in both codecs, over both versions of HTTP.
//!
//! What is on the wire is read by prost-reflect, which knows the descriptors and none of our types.

#![allow(clippy::unwrap_used)]

mod call;
mod details;
mod listings;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use bytes::Bytes;
use gitpod_client::http::{Method as HttpMethod, StatusCode};
use gitpod_client::types::v1::WatchEventsResponse;
use gitpod_client::{ClientBuilder, Code, Codec, RetryPolicy, event};
use gitpod_testing::{Fault, Idempotency, Response, ResponseStream};
use gitpod_tests::harness::Harness;
use prost_reflect::prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, MethodDescriptor};
use protobuf_tests::filled::{Ordinary, rounds};

use crate::call::{Rpc, read, rpcs};

/// The descriptors of the API. To read them takes seconds, and the tests share them.
fn pool() -> DescriptorPool {
    static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
        let proto = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto");
        gitpod_build::descriptors::pool(&proto).unwrap()
    });
    POOL.clone()
}

/// A message with all its fields set, however little sense that makes.
fn filled(descriptor: &MessageDescriptor, member: usize) -> DynamicMessage {
    let filled = protobuf_tests::filled::filled(descriptor, member, &Ordinary);
    // As it comes off the wire, where nanoseconds of 0 are none.
    DynamicMessage::decode(descriptor.clone(), &*filled.encode_to_vec()).unwrap()
}

/// A client that sends such messages all the same.
fn client(harness: &Harness, codec: Codec) -> ClientBuilder {
    harness.client(codec).validate(false)
}

/// The RPCs with their descriptors.
fn every() -> Vec<(Rpc, MethodDescriptor)> {
    let pool = pool();
    let every: Vec<_> = rpcs()
        .into_iter()
        .map(|rpc| {
            let service = pool.get_service_by_name(rpc.service).unwrap();
            let method = service
                .methods()
                .find(|method| method.name() == rpc.method)
                .unwrap();
            (rpc, method)
        })
        .collect();
    let of_the_api: usize = pool.services().map(|service| service.methods().len()).sum();
    let names: BTreeSet<_> = every.iter().map(|(_, method)| method.full_name()).collect();
    assert_eq!(names.len(), of_the_api);
    assert!(of_the_api >= 300, "{of_the_api} RPCs are not the API");
    every
}

fn path(method: &MethodDescriptor) -> String {
    format!("/{}/{}", method.parent_service().full_name(), method.name())
}

fn only_reads(method: &MethodDescriptor) -> bool {
    let options = method.options();
    let level = options.get_field_by_name("idempotency_level").unwrap();
    level.as_enum_number() == Some(1)
}

/// What a message is on the wire, by the second implementation.
fn encode(codec: gitpod_testing::Codec, message: &DynamicMessage) -> Bytes {
    match codec {
        gitpod_testing::Codec::Json => serde_json::to_vec(message).unwrap().into(),
        _ => message.encode_to_vec().into(),
    }
}

fn decode(
    codec: gitpod_testing::Codec,
    descriptor: MessageDescriptor,
    bytes: &[u8],
) -> DynamicMessage {
    match codec {
        gitpod_testing::Codec::Json => {
            let mut json = serde_json::Deserializer::from_slice(bytes);
            let message = DynamicMessage::deserialize(descriptor, &mut json).unwrap();
            json.end().unwrap();
            message
        }
        _ => DynamicMessage::decode(descriptor, bytes).unwrap(),
    }
}

/// What the handlers got last.
type Got = Arc<Mutex<Option<DynamicMessage>>>;

/// Has the server answer this RPC with `answer`, and remember what it was asked.
fn serve(harness: &Harness, method: &MethodDescriptor, answer: DynamicMessage, got: &Got) {
    let idempotency = if only_reads(method) {
        Idempotency::NoSideEffects
    } else {
        Idempotency::Unknown
    };
    let got = Arc::clone(got);
    let asked = method.input();
    if method.is_server_streaming() {
        assert_eq!(path(method), "/gitpod.v1.EventService/WatchEvents");
        let answer: WatchEventsResponse = read(&answer.encode_to_vec());
        harness.handle::<event::WatchEvents, _, _>(move |request| {
            let request = DynamicMessage::decode(asked.clone(), &*request.encode_to_vec());
            *got.lock().unwrap() = Some(request.unwrap());
            let answer = answer.clone();
            async move { Ok(ResponseStream::messages([answer])) }
        });
        return;
    }
    harness.handle_encoded(path(method), idempotency, move |request| {
        *got.lock().unwrap() = Some(decode(request.codec(), asked.clone(), request.message()));
        let answer = encode(request.codec(), &answer);
        async move { Ok(Response::new(answer)) }
    });
}

/// The request arrives as it was sent, and the response as the service gave it, each with all of
/// its fields, and each member of its oneofs in turn.
#[tokio::test(flavor = "multi_thread")]
async fn filled_messages_go_there_and_back() {
    let harness = Harness::start().await.unwrap();
    let clients: Vec<_> = [
        ("json", Codec::Json, false),
        ("json", Codec::Json, true),
        ("proto", Codec::Binary, false),
        ("proto", Codec::Binary, true),
    ]
    .into_iter()
    .map(|(name, codec, http2)| {
        let builder = client(&harness, codec);
        let builder = builder.runtime(|runtime| match http2 {
            true => runtime.http2_only(),
            false => runtime,
        });
        (name, builder.build().unwrap())
    })
    .collect();
    for (rpc, method) in every() {
        let rounds = rounds(&method.input()).max(rounds(&method.output()));
        for round in 0..rounds {
            let request = filled(&method.input(), round);
            let answer = filled(&method.output(), round);
            let got = Got::default();
            serve(&harness, &method, answer.clone(), &got);
            for (kind, client) in &clients {
                let what = format!("{} {kind} {round}", method.full_name());
                harness.clear_calls();
                let came = (rpc.make)(client, &request.encode_to_vec()).await;
                let came = came.unwrap_or_else(|error| panic!("{what}: {error}"));
                let came = DynamicMessage::decode(method.output(), &*came).unwrap();
                assert!(came == answer, "{what}: {came:?} came of {answer:?}");
                let got = got.lock().unwrap().take().unwrap();
                assert!(got == request, "{what}: {got:?} came of {request:?}");

                let [call] = &harness.calls()[..] else {
                    panic!("{what}: not one call");
                };
                assert_eq!(call.path(), path(&method), "{what}");
                assert_eq!(*call.method(), HttpMethod::POST, "{what}");
                assert_eq!(call.header("connect-protocol-version"), Some("1"));
                let streams = if method.is_server_streaming() {
                    "connect+"
                } else {
                    ""
                };
                let expected = format!("application/{streams}{kind}");
                assert_eq!(call.content_type(), Some(&*expected), "{what}");
            }
        }
    }
}

/// A method that only reads goes by GET when asked to, and no other one does.
#[tokio::test(flavor = "multi_thread")]
async fn by_get_goes_what_only_reads() {
    let harness = Harness::start().await.unwrap();
    let mut by_get = 0;
    for codec in [Codec::Json, Codec::Binary] {
        let client = client(&harness, codec).runtime(|runtime| runtime.use_get(true));
        let client = client.build().unwrap();
        for (rpc, method) in every() {
            let got = Got::default();
            serve(&harness, &method, filled(&method.output(), 0), &got);
            harness.clear_calls();
            (rpc.make)(&client, &[])
                .await
                .unwrap_or_else(|error| panic!("{}: {error}", method.full_name()));
            assert_eq!(
                got.lock().unwrap().take(),
                Some(DynamicMessage::new(method.input()))
            );
            let [call] = &harness.calls()[..] else {
                panic!("{}: not one call", method.full_name());
            };
            let expected = if only_reads(&method) {
                by_get += 1;
                HttpMethod::GET
            } else {
                HttpMethod::POST
            };
            assert_eq!(*call.method(), expected, "{}", method.full_name());
        }
    }
    assert!(by_get >= 2 * 129, "{by_get}");
}

/// Nobody knows whether a call was executed that a proxy gave up on: what only reads is called
/// again, and nothing else is.
#[tokio::test(flavor = "multi_thread")]
async fn again_goes_what_only_reads() {
    let harness = Harness::start().await.unwrap();
    let at_once = Duration::from_millis(1);
    for (rpc, method) in every() {
        // A client of its own, for its budget of retries.
        let policy = RetryPolicy::default().backoff(at_once, at_once);
        let client = client(&harness, Codec::Binary)
            .retry(policy)
            .build()
            .unwrap();
        serve(
            &harness,
            &method,
            filled(&method.output(), 0),
            &Got::default(),
        );
        harness.clear_calls();
        harness.inject(Fault::html(StatusCode::BAD_GATEWAY).on_path(path(&method)));
        let outcome = (rpc.make)(&client, &[]).await;
        if only_reads(&method) {
            assert!(outcome.is_ok(), "{}: {outcome:?}", method.full_name());
            assert_eq!(harness.call_count(), 2, "{}", method.full_name());
        } else {
            let error = outcome.unwrap_err();
            assert_eq!(error.code(), Code::Unavailable, "{}", method.full_name());
            assert!(error.may_have_executed(), "{}", method.full_name());
            assert_eq!(harness.call_count(), 1, "{}", method.full_name());
        }
        harness.clear_faults();
    }
}
