//! What a transport's failure means for a call.

use hyper_util::client::legacy;

use crate::Code;
use crate::error::{BoxError, Error, Execution, innermost};

/// There was no connection.
pub(super) fn to_connect(error: BoxError) -> Error {
    Error::new(
        Code::Unavailable,
        format!("can't connect: {}", innermost(&*error)),
    )
    .with_source(error)
}

/// A connection broke before the response's head was there.
pub(super) fn to_respond(error: hyper::Error) -> Error {
    no_response(error.into())
}

/// A user's own transport or layer failed: nothing is known, unless one of ours is below.
pub(super) fn of_service(error: BoxError) -> Error {
    let error = match error.downcast::<Error>() {
        Ok(ours) => return *ours,
        Err(error) => error,
    };
    if chain(&*error)
        .filter_map(|error| error.downcast_ref::<legacy::Error>())
        .any(legacy::Error::is_connect)
    {
        return to_connect(error);
    }
    no_response(error)
}

/// Whether the next attempt to connect would find the same: a certificate of the server's that can't
/// be trusted, or a proxy that refuses.
#[cfg(feature = "tls")]
pub(crate) fn stays(error: &(dyn std::error::Error + 'static)) -> bool {
    is_certificate(error)
        || chain(error)
            .filter_map(|error| error.downcast_ref::<super::proxy::ProxyError>())
            .any(super::proxy::ProxyError::stays)
}

/// Whether the reason is a certificate that can't be trusted.
#[cfg(feature = "tls")]
pub(super) fn is_certificate(error: &(dyn std::error::Error + 'static)) -> bool {
    chain(error).any(|error| {
        // An error of a stream keeps what it wraps for itself.
        let wrapped = error
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref);
        let error = wrapped.map_or(error, |wrapped| wrapped);
        matches!(
            error.downcast_ref::<rustls::Error>(),
            Some(rustls::Error::InvalidCertificate(_))
        )
    })
}

fn no_response(error: BoxError) -> Error {
    // A layer's own error around one of ours.
    let ours = chain(&*error)
        .find_map(|error| error.downcast_ref::<Error>())
        .map(|ours| (ours.code(), ours.message().to_owned()));
    if let Some((code, message)) = ours {
        return Error::new(code, message)
            .with_execution(Execution::Ambiguous)
            .with_source(error);
    }
    let execution = if is_not_processed(&*error) {
        Execution::NotSent
    } else {
        Execution::Ambiguous
    };
    Error::new(
        Code::Unavailable,
        format!("no response: {}", innermost(&*error)),
    )
    .with_execution(execution)
    .with_source(error)
}

/// HTTP/2's word that a stream was not looked at (RFC 9113, section 8.7): it was refused, or is
/// above the last id of a GOAWAY. (h2 gives that error to no stream below.)
fn is_not_processed(error: &(dyn std::error::Error + 'static)) -> bool {
    chain(error)
        .filter_map(|error| error.downcast_ref::<h2::Error>())
        .any(|error| {
            error.is_remote()
                && (error.is_go_away() || error.reason() == Some(h2::Reason::REFUSED_STREAM))
        })
}

fn chain<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |error| error.source())
}
