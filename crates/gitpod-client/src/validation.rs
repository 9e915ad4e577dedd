//! Requests are checked before they are sent.

use connect_hyper::{Code, Error};
use gitpod_types::{Validate, Violations};

/// Checks a request against the rules of the .proto files.
#[inline]
pub(crate) fn check<T: Validate>(request: &T) -> Result<(), Error> {
    request.validate_for_sending().map_err(refuse)
}

/// The message names fields and rules; no violation knows a value.
#[cold]
fn refuse(violations: Violations) -> Error {
    Error::new(
        Code::InvalidArgument,
        format!("the request breaks rules of the API: {violations}"),
    )
    .with_source(violations)
}
