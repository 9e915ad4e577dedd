//! What came of a call, in the suite's words.

use conformance::headers::headers;
use conformance::method::Answer;
use conformance::proto::{
    self, ClientCompatResponse, ClientErrorResult, ClientResponseResult, Code,
    client_compat_response::Result as Outcome,
};
use connect_hyper::{Error, Response};

/// The answer to one of the suite's requests. An error is one of this program's own, before there was
/// a call.
pub(crate) fn answer(
    test_name: String,
    outcome: Result<ClientResponseResult, String>,
) -> ClientCompatResponse {
    let outcome = match outcome {
        Ok(result) => Outcome::Response(result),
        Err(message) => Outcome::Error(ClientErrorResult { message }),
    };
    ClientCompatResponse {
        test_name,
        result: Some(outcome),
    }
}

/// What came of a call that has one response.
pub(crate) fn single<T: Answer>(result: Result<Response<T>, Error>) -> ClientResponseResult {
    match result {
        Ok(response) => ClientResponseResult {
            response_headers: headers(response.headers()),
            response_trailers: headers(response.trailers()),
            payloads: vec![response.into_inner().payload()],
            ..Default::default()
        },
        Err(error) => failure(&error),
    }
}

/// What came of a call that failed before there was a message. An error doesn't tell headers from
/// trailers; the suite expects both among the trailers then.
pub(crate) fn failure(error: &Error) -> ClientResponseResult {
    ClientResponseResult {
        response_trailers: headers(error.metadata()),
        error: Some(self::error(error)),
        ..Default::default()
    }
}

pub(crate) fn error(error: &Error) -> proto::Error {
    proto::Error {
        // The suite's names are the protocol's in capitals.
        code: Code::from_str_name(&format!("CODE_{}", error.code().as_str().to_uppercase()))
            .unwrap_or_default()
            .into(),
        message: Some(error.message().to_owned()),
        details: error
            .raw_details()
            .iter()
            .map(|detail| prost_types::Any {
                type_url: detail.type_url(),
                value: detail.value().to_vec(),
            })
            .collect(),
    }
}
