//! JSON of the suite's messages by reflection: they hold `google.protobuf.Any`, whose JSON depends on
//! the descriptor of what is in it.

use std::sync::LazyLock;

use prost_reflect::{
    DescriptorError, DescriptorPool, DeserializeOptions, DynamicMessage, MessageDescriptor,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};

use crate::proto::*;

static DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

static POOL: LazyLock<Result<DescriptorPool, DescriptorError>> =
    LazyLock::new(|| DescriptorPool::decode(DESCRIPTORS));

fn descriptor<T: prost::Name>() -> Result<MessageDescriptor, String> {
    let pool = POOL.as_ref().map_err(DescriptorError::to_string)?;
    let name = T::full_name();
    pool.get_message_by_name(&name)
        .ok_or_else(|| format!("there is no descriptor of {name}"))
}

fn serialize<T: prost::Name, S: Serializer>(message: &T, to: S) -> Result<S::Ok, S::Error> {
    let mut dynamic = DynamicMessage::new(descriptor::<T>().map_err(ser::Error::custom)?);
    dynamic
        .transcode_from(message)
        .map_err(ser::Error::custom)?;
    dynamic.serialize(to)
}

fn deserialize<'de, T: prost::Name + Default, D: Deserializer<'de>>(
    from: D,
) -> Result<T, D::Error> {
    let descriptor = descriptor::<T>().map_err(de::Error::custom)?;
    let options = DeserializeOptions::new().deny_unknown_fields(false);
    DynamicMessage::deserialize_with_options(descriptor, from, &options)?
        .transcode_to()
        .map_err(de::Error::custom)
}

macro_rules! messages {
    ($($message:ident,)*) => {$(
        impl Serialize for $message {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                serialize(self, to)
            }
        }

        impl<'de> Deserialize<'de> for $message {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                deserialize(from)
            }
        }
    )*};
}

messages! {
    UnaryRequest, UnaryResponse,
    IdempotentUnaryRequest, IdempotentUnaryResponse,
    UnimplementedRequest, UnimplementedResponse,
    ServerStreamRequest, ServerStreamResponse,
    ClientStreamRequest, ClientStreamResponse,
    BidiStreamRequest, BidiStreamResponse,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use prost_types::Any;

    use super::*;
    use crate::proto::conformance_payload::RequestInfo;

    #[test]
    fn any_is_written_and_read_by_what_is_in_it() {
        let request = UnaryRequest {
            request_data: vec![1, 2, 3],
            ..Default::default()
        };
        let response = UnaryResponse {
            payload: Some(ConformancePayload {
                data: vec![255],
                request_info: Some(RequestInfo {
                    timeout_ms: Some(5),
                    requests: vec![Any::from_msg(&request).unwrap()],
                    ..Default::default()
                }),
            }),
        };
        let json = serde_json::to_value(&response).unwrap();
        assert_eq!(
            json,
            serde_json::json!({"payload": {"data": "/w==", "requestInfo": {
                "timeoutMs": "5",
                "requests": [{
                    "@type": "/connectrpc.conformance.v1.UnaryRequest",
                    "requestData": "AQID",
                }],
            }}})
        );
        assert_eq!(response, serde_json::from_value(json).unwrap());
    }

    #[test]
    fn unknown_fields_are_ignored() {
        let json = r#"{"requestData": "AQID", "more": {"a": [1]}}"#;
        let request: UnaryRequest = serde_json::from_str(json).unwrap();
        assert_eq!(request.request_data, [1, 2, 3]);
        assert!(serde_json::from_str::<UnaryRequest>(r#"{"requestData": 1}"#).is_err());
    }
}
