//! Headers in the suite's words.

use http::HeaderMap;

use crate::proto::Header;

/// Each name once, with all its values.
#[must_use]
pub fn headers(map: &HeaderMap) -> Vec<Header> {
    map.keys()
        .map(|name| Header {
            name: name.to_string(),
            value: map
                .get_all(name)
                .iter()
                .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
                .collect(),
        })
        .collect()
}
