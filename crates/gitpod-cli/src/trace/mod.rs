//! `--verbose`: each attempt of each call as it passes, on standard error, with every secret left
//! out.
//!
//! Of headers the names are shown, and the values of those that are known to hold no secret. Of
//! messages everything is shown that the descriptors know and don't mark as a secret. Of what can't
//! be read as JSON the length is shown.

mod body;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use gitpod_client::connect_hyper::HttpService;
use gitpod_client::http::{HeaderMap, Request, Response, Uri, header};
use gitpod_client::{ClientBuilder, Error, RequestBody};
use prost_reflect::MessageDescriptor;
use tower_layer::Layer;
use tower_service::Service;

use crate::document::Json;
use crate::exit::Failure;
use crate::output::aside;
use crate::redact;
use crate::schema::Schema;
use body::TracedBody;

/// Headers whose values are shown.
const SHOWN: [&str; 27] = [
    "accept-encoding",
    "cache-control",
    "connect-accept-encoding",
    "connect-content-encoding",
    "connect-protocol-version",
    "connect-timeout-ms",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "date",
    "host",
    "ratelimit-limit",
    "ratelimit-remaining",
    "ratelimit-reset",
    "ratelimit-retryafter",
    "retry-after",
    "server",
    "traceparent",
    "transfer-encoding",
    "user-agent",
    "vary",
    "via",
    "x-envoy-upstream-service-time",
    "x-ona-user-agent",
    "x-request-id",
    "x-trace-id",
];

/// Has a client show its calls.
pub(crate) fn attach(builder: ClientBuilder) -> Result<ClientBuilder, Failure> {
    let trace = Trace(Arc::new(Schema::load()?));
    Ok(builder.runtime(|runtime| runtime.layer(trace)))
}

#[derive(Debug, Clone)]
struct Trace(Arc<Schema>);

impl Layer<HttpService> for Trace {
    type Service = Traced;

    fn layer(&self, inner: HttpService) -> Traced {
        Traced {
            inner,
            schema: Arc::clone(&self.0),
        }
    }
}

#[derive(Debug, Clone)]
struct Traced {
    inner: HttpService,
    schema: Arc<Schema>,
}

impl Service<Request<RequestBody>> for Traced {
    type Response = Response<TracedBody>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<RequestBody>) -> Self::Future {
        let method = self.schema.method_of_path(request.uri().path());
        let place = place(request.uri(), method.is_some());
        aside(&format!("> {} {place}", request.method()));
        show_headers('>', request.headers());
        match request.body().whole() {
            Some(bytes) => {
                let message = method.as_ref().map(|method| method.input());
                let is_stream = is_type(request.headers(), "application/connect+json");
                // Of a stream's one request, the five bytes in front of it aren't JSON.
                let bytes = if is_stream {
                    bytes.get(5..).unwrap_or_default()
                } else {
                    bytes
                };
                aside(&format!("> {}", shown(bytes, message.as_ref())));
            }
            None => aside("> (a stream of requests)"),
        }
        let sent = Instant::now();
        let answer = self.inner.call(request);
        Box::pin(async move {
            let response = answer.await.inspect_err(|error| {
                aside(&format!(
                    "< no response after {:?}: {error}",
                    sent.elapsed()
                ));
            })?;
            aside(&format!(
                "< {} after {:?}",
                response.status(),
                sent.elapsed()
            ));
            show_headers('<', response.headers());
            let message = method.map(|method| method.output());
            let (head, body) = response.into_parts();
            let body = TracedBody::new(body, &head, message, sent);
            Ok(Response::from_parts(head, body))
        })
    }
}

/// Where a request goes. A path that ends in no method, and what stands behind a question mark, come
/// from elsewhere and aren't ours to show.
fn place(uri: &Uri, is_method: bool) -> String {
    let scheme = uri.scheme_str().unwrap_or_default();
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    // A name and a password of somebody's may stand in front of the host.
    let host = authority.rsplit('@').next().unwrap_or_default();
    let path = if is_method { uri.path() } else { "/…" };
    let query = if uri.query().is_some() { "?…" } else { "" };
    format!("{scheme}://{host}{path}{query}")
}

fn show_headers(direction: char, headers: &HeaderMap) {
    for (name, value) in headers {
        let is_shown = SHOWN.contains(&name.as_str()) && !value.is_sensitive();
        let value = match value.to_str() {
            Ok(text) if is_shown => text,
            _ => "[redacted]",
        };
        aside(&format!("{direction} {name}: {value}"));
    }
}

fn is_type(headers: &HeaderMap, wanted: &str) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|value| value.trim().eq_ignore_ascii_case(wanted))
}

/// A message as it may be shown.
fn shown(bytes: &[u8], message: Option<&MessageDescriptor>) -> String {
    match (Json::parse(bytes), message) {
        (Ok(json), Some(message)) => redact::shown(&json, message).to_string(),
        _ => format!("({} bytes)", bytes.len()),
    }
}

/// An error body, or the end of a stream, as it may be shown: code and message, and the types of
/// the details.
fn shown_error(json: &Json) -> String {
    let text = |json: &Json, name: &str| match member(json, name) {
        Some(Json::String(text)) => text.clone(),
        _ => String::new(),
    };
    let mut shown = format!("{}: {}", text(json, "code"), text(json, "message"));
    if let Some(Json::Array(details)) = member(json, "details") {
        for detail in details {
            shown.push_str(&format!(" [{}]", text(detail, "type")));
        }
    }
    shown
}

fn member<'a>(json: &'a Json, wanted: &str) -> Option<&'a Json> {
    let Json::Object(members) = json else {
        return None;
    };
    let found = members.iter().find(|(name, _)| name == wanted);
    found.map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_shown_without_what_may_be_a_secret() {
        for (uri, is_method, shown) in [
            (
                "https://app.ona.com/api/a.B/C",
                true,
                "https://app.ona.com/api/a.B/C",
            ),
            (
                "http://user:s3cret@localhost:1/x?token=s3cret",
                true,
                "http://localhost:1/x?…",
            ),
            ("https://app.ona.com/s3cret", false, "https://app.ona.com/…"),
        ] {
            assert_eq!(place(&uri.parse().unwrap(), is_method), shown);
        }
    }

    #[test]
    fn an_error_is_shown_without_its_details() {
        let json = Json::parse(
            br#"{"code":"not_found","message":"no","details":[{"type":"a.B","value":"s3cret"}]}"#,
        );
        assert_eq!(shown_error(&json.unwrap()), "not_found: no [a.B]");
        assert_eq!(shown_error(&Json::Null), ": ");
    }
}
