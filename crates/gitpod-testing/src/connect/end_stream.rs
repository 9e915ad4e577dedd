//! The end of a response stream: how the call went, and the trailers.

use bytes::Bytes;
use http::HeaderMap;
use serde_json::{Map, Value};

use super::error::ServerError;

/// The JSON in the last envelope.
///
/// An error's own trailers join the others. So do the headers of an error that comes behind the
/// response's head, which can't take them any more.
pub(crate) fn end_of_stream(error: Option<&ServerError>, trailers: &HeaderMap) -> Bytes {
    let mut metadata = Map::new();
    let mut add = |more: &HeaderMap| {
        for name in more.keys() {
            let values = more.get_all(name).iter();
            let values = values.map(|value| String::from_utf8_lossy(value.as_bytes()).into());
            if let Value::Array(all) = metadata
                .entry(name.as_str())
                .or_insert_with(|| Value::Array(Vec::new()))
            {
                all.extend(values);
            }
        }
    };
    add(trailers);
    let mut end = Map::new();
    if let Some(error) = error {
        add(error.headers());
        add(error.trailers());
        end.insert("error".into(), error.to_json());
    }
    if !metadata.is_empty() {
        end.insert("metadata".into(), metadata.into());
    }
    Value::Object(end).to_string().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use connect_hyper::Code;
    use http::{HeaderName, HeaderValue};
    use serde_json::json;

    fn entry(name: &'static str, value: &'static str) -> (HeaderName, HeaderValue) {
        (
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        )
    }

    #[test]
    fn an_end_says_how_it_went_and_all_trailers() {
        assert_eq!(end_of_stream(None, &HeaderMap::new()), "{}");
        let mut trailers = HeaderMap::new();
        for (name, value) in [entry("x-a", "1"), entry("x-a", "2")] {
            trailers.append(name, value);
        }
        let ((h, v), (t, w)) = (entry("x-late", "3"), entry("x-a", "4"));
        let error = ServerError::new(Code::Aborted, "no")
            .with_header(h, v)
            .with_trailer(t, w);
        let end = end_of_stream(Some(&error), &trailers);
        let expected = json!({
            "error": {"code": "aborted", "message": "no"},
            "metadata": {"x-a": ["1", "2", "4"], "x-late": ["3"]},
        });
        assert_eq!(serde_json::from_slice::<Value>(&end).unwrap(), expected);
    }
}
