//! The body of a response, which is shown as it is read.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::Bytes;
use gitpod_client::BoxError;
use gitpod_client::connect_hyper::ResponseBody;
use gitpod_client::http::{StatusCode, header, response};
use http_body::{Body, Frame, SizeHint};
use prost_reflect::MessageDescriptor;

use super::{is_type, member, shown, shown_error};
use crate::document::Json;
use crate::output::aside;

/// Of a longer message the length alone is shown.
const LONGEST: usize = 1 << 20;
/// How many bytes stand in front of a stream's message: a byte of flags, and its length.
const PREFIX: usize = 5;
const END_OF_STREAM: u8 = 2;

#[derive(Debug)]
pub(super) struct TracedBody {
    inner: ResponseBody,
    form: Form,
    message: Option<MessageDescriptor>,
    sent: Instant,
    /// What isn't shown yet; of a long message only as much as is needed to know that.
    kept: Vec<u8>,
    length: usize,
    is_over: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Message,
    Error,
    Stream,
    Other,
}

impl TracedBody {
    pub(super) fn new(
        inner: ResponseBody,
        head: &response::Parts,
        message: Option<MessageDescriptor>,
        sent: Instant,
    ) -> Self {
        let is_encoded = head
            .headers
            .get(header::CONTENT_ENCODING)
            .is_some_and(|encoding| encoding != "identity");
        let is_json = is_type(&head.headers, "application/json");
        let form = if is_encoded {
            Form::Other
        } else if is_json && head.status == StatusCode::OK {
            Form::Message
        } else if is_json {
            Form::Error
        } else if is_type(&head.headers, "application/connect+json") {
            Form::Stream
        } else {
            Form::Other
        };
        Self {
            inner,
            form,
            message,
            sent,
            kept: Vec::new(),
            length: 0,
            is_over: false,
        }
    }

    fn take(&mut self, data: &[u8]) {
        self.length += data.len();
        if self.form == Form::Other || self.kept.len() > LONGEST {
            return;
        }
        self.kept.extend_from_slice(data);
        while self.form == Form::Stream
            && let Some(length) = self.envelope()
        {
            let message: Vec<u8> = self.kept.drain(..length).collect();
            let text = self.shown_envelope(message[0], &message[PREFIX..]);
            aside(&format!("< {text}"));
        }
    }

    /// The length of the message that is here in whole, with what stands in front of it.
    fn envelope(&self) -> Option<usize> {
        let length: [u8; 4] = self.kept.get(1..PREFIX)?.try_into().ok()?;
        let length = usize::try_from(u32::from_be_bytes(length)).ok()? + PREFIX;
        (length <= self.kept.len()).then_some(length)
    }

    fn shown_envelope(&self, flags: u8, message: &[u8]) -> String {
        if flags & END_OF_STREAM == 0 {
            return shown(message, self.message.as_ref());
        }
        match Json::parse(message) {
            Ok(json) => match member(&json, "error") {
                Some(error) => format!("the end: {}", shown_error(error)),
                None => "the end".to_owned(),
            },
            Err(_) => format!("the end ({} bytes)", message.len()),
        }
    }

    /// The body has ended, or is given up.
    fn finish(&mut self, how: &str) {
        if self.is_over {
            return;
        }
        self.is_over = true;
        let is_whole = self.kept.len() == self.length;
        let text = match self.form {
            Form::Message if is_whole => shown(&self.kept, self.message.as_ref()),
            Form::Error if is_whole => match Json::parse(&self.kept) {
                Ok(json) => shown_error(&json),
                Err(_) => format!("({} bytes)", self.length),
            },
            _ => format!("({} bytes)", self.length),
        };
        aside(&format!("< {text}"));
        aside(&format!("* {how} after {:?}", self.sent.elapsed()));
    }
}

impl Body for TracedBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(cx));
        match &frame {
            Some(Ok(frame)) => {
                if let Some(data) = frame.data_ref() {
                    self.take(data);
                }
                if self.inner.is_end_stream() {
                    self.finish("all read");
                }
            }
            Some(Err(_)) => self.finish("broke off"),
            None => self.finish("all read"),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Drop for TracedBody {
    fn drop(&mut self) {
        let how = if self.inner.is_end_stream() {
            "all read"
        } else {
            "given up"
        };
        self.finish(how);
    }
}
