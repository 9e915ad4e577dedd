//! Faults of streams, as seen in their envelopes.

use bytes::Bytes;

use super::envelopes::{MessageEdit, StreamEdit};
use super::{Delivery, Edit, Extent, Fault};
use crate::connect::envelope;

/// Streams. The other faults spoil streams as well; these know of messages, and all but the first
/// three leave unary calls as they are.
///
/// Behind any of them the rest of the stream goes out as it should, so that what the client makes
/// of it can be seen.
impl Fault {
    /// The stream's first message, or a unary call's only one, is this instead, in an envelope of
    /// its length. Executed.
    pub fn message(bytes: impl Into<Bytes>) -> Self {
        Self::edit(Edit::Message(MessageEdit::Replace(bytes.into())))
    }

    /// The stream's first message, or a unary call's only one, is padded to be so many bytes in
    /// all, before it is compressed: a limit, or one more. The padding changes nothing (see
    /// [`oversized_body`](Self::oversized_body)); a binary message grows by 20 bytes at least, and
    /// stays as it is if it would have to grow by fewer. Executed.
    pub fn message_of_size(bytes: usize) -> Self {
        Self::edit(Edit::Message(MessageEdit::PadTo(bytes)))
    }

    /// Headers and so many messages are sent, then the stream (over HTTP/1.1, the connection)
    /// ends, without an end of stream. Of a unary call, whose one message is its body: before the
    /// body, or behind it. Executed.
    ///
    /// [`whole_connection`](Self::whole_connection) and [`by_reset`](Self::by_reset) change how;
    /// [`cut_body`](Self::cut_body) cuts within a message; [`without_end`](Self::without_end) ends
    /// the body as if nothing was wrong.
    pub fn cut_after(messages: usize) -> Self {
        Self::cut(Extent::Messages(messages))
    }

    /// Headers and so many messages are sent, then nothing more, without an end. Executed.
    pub fn stall_after(messages: usize) -> Self {
        Self::delivered(Delivery::Stall(Extent::Messages(messages)))
    }

    /// The first message's envelope has these flags. Executed.
    ///
    /// The protocol knows 1 (compressed, which the message becomes no more than it is) and 2 (end
    /// of stream); all other bits are reserved.
    pub fn envelope_flags(flags: u8) -> Self {
        Self::stream(StreamEdit::Flags(flags))
    }

    /// The first message's envelope says this length, whatever the message's is. Executed.
    pub fn envelope_length(length: u32) -> Self {
        Self::stream(StreamEdit::Length(length))
    }

    /// An envelope more, behind so many messages (or before the end of stream, if there are
    /// fewer). Executed.
    pub fn extra_envelope(after: usize, flags: u8, content: impl AsRef<[u8]>) -> Self {
        let content = content.as_ref();
        let envelope = envelope::envelope(flags, envelope::length(content), content);
        Self::extra_bytes(after, envelope)
    }

    /// These bytes more, behind so many messages (or before the end of stream, if there are
    /// fewer). Executed.
    pub fn extra_bytes(after: usize, bytes: impl Into<Bytes>) -> Self {
        Self::stream(StreamEdit::Insert(after, bytes.into()))
    }

    /// The body ends, in good order, without an end of stream. Executed.
    pub fn without_end() -> Self {
        Self::stream(StreamEdit::NoEnd)
    }

    /// The end of stream has this content in place of its JSON. Executed.
    pub fn end_of_stream(content: impl Into<Bytes>) -> Self {
        Self::stream(StreamEdit::End(content.into()))
    }

    /// The end of stream comes twice. Executed.
    pub fn doubled_end() -> Self {
        Self::stream(StreamEdit::SecondEnd)
    }

    /// The end of stream is compressed, as the protocol allows: in gzip, unless the client has
    /// asked for something else and gets it. So are the messages. Executed.
    pub fn compressed_end() -> Self {
        Self::stream(StreamEdit::CompressedEnd)
    }

    /// These bytes follow the end of stream. Executed.
    pub fn behind_end(bytes: impl Into<Bytes>) -> Self {
        Self::stream(StreamEdit::Behind(bytes.into()))
    }

    fn stream(edit: StreamEdit) -> Self {
        Self::edit(Edit::Stream(edit))
    }
}
