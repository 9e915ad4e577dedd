//! One request and its answer, which is kept as it came until it is understood.

use gitpod_client::http::{HeaderMap, StatusCode};
use gitpod_client::{DynamicResponse, Error, Method, RawResponse};

use crate::exit::describe;
use crate::patience::Patience;

pub(crate) const GIVEN_UP: &str = "given up while the request was under way";

/// What came back with success.
pub(crate) enum Answer<T> {
    Understood {
        message: T,
        body: Vec<u8>,
    },
    /// It may hold the only copy of a secret all the same.
    Raw {
        body: Vec<u8>,
        why: String,
    },
}

/// Why nothing came back that is worth keeping.
pub(crate) enum Broken {
    Call(Error),
    GivenUp,
}

/// A response whose head is here.
pub(crate) trait Received {
    type Message;

    async fn read(&mut self) -> Result<(), Error>;
    fn status(&self) -> StatusCode;
    fn headers(&self) -> &HeaderMap;
    fn body(&self) -> Vec<u8>;
    fn message(self) -> Result<Self::Message, Error>;
}

impl<M: Method> Received for RawResponse<M> {
    type Message = M::Response;

    async fn read(&mut self) -> Result<(), Error> {
        RawResponse::read(self).await
    }

    fn status(&self) -> StatusCode {
        RawResponse::status(self)
    }

    fn headers(&self) -> &HeaderMap {
        RawResponse::headers(self)
    }

    fn body(&self) -> Vec<u8> {
        RawResponse::body(self).to_vec()
    }

    fn message(self) -> Result<M::Response, Error> {
        self.decode().map(gitpod_client::Response::into_inner)
    }
}

impl Received for DynamicResponse {
    type Message = Vec<u8>;

    async fn read(&mut self) -> Result<(), Error> {
        DynamicResponse::read(self).await
    }

    fn status(&self) -> StatusCode {
        DynamicResponse::status(self)
    }

    fn headers(&self) -> &HeaderMap {
        DynamicResponse::headers(self)
    }

    fn body(&self) -> Vec<u8> {
        DynamicResponse::body(self).to_vec()
    }

    fn message(self) -> Result<Vec<u8>, Error> {
        DynamicResponse::message(self).map(|bytes| bytes.to_vec())
    }
}

/// The exchange up to a decoded answer. What arrived with success is kept, whatever happens to it
/// afterwards.
pub(crate) async fn exchange<R: Received>(
    send: impl Future<Output = Result<R, Error>>,
    patience: &mut Patience,
) -> Result<Answer<R::Message>, Broken> {
    let sent = patience.wait(send).await.ok_or(Broken::GivenUp)?;
    let mut received = sent.map_err(Broken::Call)?;
    let read = patience.wait(received.read()).await;
    let body = received.body();
    let worth_keeping = received.status().is_success() && !body.is_empty();
    let encoding = received.headers().get("content-encoding").cloned();
    let broken = match read {
        None => Broken::GivenUp,
        Some(Err(error)) => Broken::Call(error),
        Some(Ok(())) => match received.message() {
            Ok(message) => return Ok(Answer::Understood { message, body }),
            Err(error) => Broken::Call(error),
        },
    };
    if !worth_keeping {
        return Err(broken);
    }
    let mut why = match broken {
        Broken::Call(error) => describe(&error),
        Broken::GivenUp => GIVEN_UP.to_owned(),
    };
    // None was asked for; a server may have sent one all the same.
    if let Some(encoding) = encoding {
        why.push_str(&format!(" (content-encoding: {encoding:?})"));
    }
    Ok(Answer::Raw { body, why })
}
