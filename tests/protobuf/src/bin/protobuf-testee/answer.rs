//! A request of the conformance tests, and what comes of it.

use prost::Message;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::messages::runner::conformance_request::Payload;
use crate::messages::runner::conformance_response::Result as Outcome;
use crate::messages::runner::{
    ConformanceRequest, ConformanceResponse, FailureSet, TestCategory, WireFormat,
};
use crate::messages::{lenient, strict};

/// The one message type that the tests have in proto3.
const MESSAGE: &str = "protobuf_test_messages.proto3.TestAllTypesProto3";

/// What this fails is listed where it is run.
const FAILURES: &str = "conformance.FailureSet";

pub(crate) fn answer(request: &ConformanceRequest) -> ConformanceResponse {
    let outcome = match request.message_type.as_str() {
        FAILURES => Outcome::ProtobufPayload(FailureSet::default().encode_to_vec()),
        MESSAGE if request.test_category() == TestCategory::JsonIgnoreUnknownParsingTest => {
            through::<lenient::TestAllTypesProto3>(request)
        }
        MESSAGE => through::<strict::TestAllTypesProto3>(request),
        other => Outcome::Skipped(format!("{other} isn't in proto3")),
    };
    ConformanceResponse {
        result: Some(outcome),
    }
}

/// Reads a message and writes it as it is asked for.
fn through<M>(request: &ConformanceRequest) -> Outcome
where
    M: Message + Default + Serialize + DeserializeOwned,
{
    let message = match &request.payload {
        Some(Payload::ProtobufPayload(binary)) => {
            M::decode(binary.as_slice()).map_err(|error| error.to_string())
        }
        Some(Payload::JsonPayload(json)) => {
            serde_json::from_str(json).map_err(|error| error.to_string())
        }
        _ => return Outcome::Skipped("neither binary nor JSON".to_owned()),
    };
    let message: M = match message {
        Ok(message) => message,
        Err(error) => return Outcome::ParseError(error),
    };
    match request.requested_output_format() {
        WireFormat::Protobuf => Outcome::ProtobufPayload(message.encode_to_vec()),
        WireFormat::Json => match serde_json::to_string(&message) {
            Ok(json) => Outcome::JsonPayload(json),
            Err(error) => Outcome::SerializeError(error.to_string()),
        },
        other => Outcome::Skipped(format!("no {} here", other.as_str_name())),
    }
}
