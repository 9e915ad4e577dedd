//! The log of requests that the server received.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use http::{HeaderMap, HeaderName, HeaderValue, Method, Version};

use crate::handler::HeaderNames;

/// How many requests the log keeps. The oldest go first; the count goes on.
const CAPACITY: usize = 10_000;

/// One HTTP request that the server received, logged when its headers were in.
#[derive(Clone)]
pub struct CallRecord {
    method: Method,
    path: String,
    query: Option<String>,
    version: Version,
    headers: HeaderMap,
    received_at: SystemTime,
}

impl CallRecord {
    pub(crate) fn new(parts: &http::request::Parts, rpc_path: &str, now: SystemTime) -> Self {
        Self {
            method: parts.method.clone(),
            path: rpc_path.to_owned(),
            query: parts.uri.query().map(str::to_owned),
            version: parts.version,
            headers: compact(&parts.headers),
            received_at: now,
        }
    }

    /// The HTTP method.
    #[must_use]
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The path: an RPC's own (`/gitpod.v1.OrganizationService/RegenerateSCIMToken`), without the
    /// base URL's; of everything else, the whole.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What stands behind the `?`.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.query.as_deref()
    }

    /// `HTTP/1.1` or `HTTP/2.0`.
    #[must_use]
    pub fn version(&self) -> Version {
        self.version
    }

    /// The content type, where there is one.
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        self.header("content-type")
    }

    /// The first value of a header that is printable ASCII.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The headers' names in lower case, each as often as it was there.
    pub fn header_names(&self) -> impl Iterator<Item = &str> {
        self.headers
            .iter()
            .map(|(name, _)| HeaderName::as_str(name))
    }

    /// All headers, the credential among them.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// When it came, by the server's clock.
    #[must_use]
    pub fn received_at(&self) -> SystemTime {
        self.received_at
    }
}

/// Without the headers' values and the query, which may hold secrets.
impl fmt::Debug for CallRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallRecord")
            .field("method", &self.method)
            .field("path", &self.path)
            .field("version", &self.version)
            .field("content_type", &self.content_type())
            .field("headers", &HeaderNames(&self.headers))
            .field("received_at", &self.received_at)
            .finish_non_exhaustive()
    }
}

/// A copy that holds on to nothing else. hyper's headers are slices of its read buffer, and a log
/// of them would keep thousands of buffers alive.
fn compact(headers: &HeaderMap) -> HeaderMap {
    let mut copy = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        // What was a name and a value stays one.
        if let (Ok(name), Ok(value)) = (
            HeaderName::from_bytes(name.as_str().as_bytes()),
            HeaderValue::from_bytes(value.as_bytes()),
        ) {
            copy.append(name, value);
        }
    }
    copy
}

#[derive(Debug, Default)]
pub(crate) struct CallLog(Mutex<Log>);

#[derive(Debug, Default)]
struct Log {
    records: VecDeque<CallRecord>,
    count: u64,
}

impl CallLog {
    pub(crate) fn add(&self, record: CallRecord) {
        let mut log = self.log();
        if log.records.len() == CAPACITY {
            log.records.pop_front();
        }
        log.records.push_back(record);
        log.count += 1;
    }

    pub(crate) fn records(&self) -> Vec<CallRecord> {
        self.log().records.iter().cloned().collect()
    }

    pub(crate) fn count(&self) -> u64 {
        self.log().count
    }

    pub(crate) fn clear(&self) {
        *self.log() = Log::default();
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(path: &str) -> CallRecord {
        let request = http::Request::post("/x?secret=1")
            .header("authorization", "Bearer hush")
            .header("content-type", "application/json")
            .body(())
            .unwrap();
        CallRecord::new(&request.into_parts().0, path, SystemTime::UNIX_EPOCH)
    }

    #[test]
    fn debug_shows_no_value_that_may_be_a_secret() {
        let text = format!("{:?}", record("/p.S/M"));
        assert!(text.contains("authorization") && text.contains("application/json"));
        assert!(!text.contains("hush") && !text.contains("secret"), "{text}");
    }

    #[test]
    fn the_log_is_bounded_and_counts_on() {
        let log = CallLog::default();
        for number in 0..CAPACITY + 5 {
            log.add(record(&number.to_string()));
        }
        let records = log.records();
        assert_eq!(records.len(), CAPACITY);
        assert_eq!(records[0].path(), "5");
        assert_eq!(log.count(), CAPACITY as u64 + 5);
        log.clear();
        assert_eq!((log.records().len(), log.count()), (0, 0));
    }
}
