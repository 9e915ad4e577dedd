//! From a stream's events to the envelopes that go over the wire, right or wrong.

use std::collections::VecDeque;
use std::fmt;
use std::task::{Context, Poll, ready};

use bytes::Bytes;

use super::padding;
use crate::connect::codec::Codec;
use crate::connect::compression::Compression;
use crate::connect::end_stream::end_of_stream;
use crate::connect::envelope::{COMPRESSED, END_OF_STREAM, envelope, length};
use crate::handler::{End, Event, Events, StreamAnswer};

/// What is done to the envelopes of a stream.
#[derive(Clone)]
pub(crate) enum StreamEdit {
    /// The first message's flags.
    Flags(u8),
    /// The length that the first message's envelope says.
    Length(u32),
    /// Bytes behind so many messages.
    Insert(usize, Bytes),
    /// No end of stream.
    NoEnd,
    /// Another content of the end of stream.
    End(Bytes),
    /// The end of stream compressed.
    CompressedEnd,
    /// The end of stream a second time.
    SecondEnd,
    /// Bytes behind the end of stream.
    Behind(Bytes),
}

/// What is done to the message, of a stream to the first one.
#[derive(Clone)]
pub(crate) enum MessageEdit {
    Replace(Bytes),
    Pad(usize),
    PadTo(usize),
    Bomb(u64),
}

impl MessageEdit {
    /// Does the edit. Returns whether the message is gzip afterwards.
    pub(super) fn apply(&self, codec: Codec, message: &mut Bytes) -> bool {
        *message = match self {
            MessageEdit::Replace(other) => other.clone(),
            MessageEdit::Pad(bytes) => padding::padded(codec, message, *bytes),
            MessageEdit::PadTo(bytes) => padding::padded_to(codec, message, *bytes),
            MessageEdit::Bomb(bytes) => padding::bomb(codec, message, *bytes),
        };
        matches!(self, MessageEdit::Bomb(_))
    }
}

/// The envelopes of a stream, one at a time.
pub(crate) struct Envelopes {
    events: Events,
    codec: Codec,
    compression: Option<Compression>,
    /// How many messages went out.
    sent: usize,
    /// How many may.
    most: Option<usize>,
    ready: VecDeque<Bytes>,
    over: bool,
    first: Vec<MessageEdit>,
    edits: Vec<StreamEdit>,
}

impl Envelopes {
    pub(super) fn new(answer: StreamAnswer) -> Self {
        Self {
            events: answer.events,
            codec: answer.codec,
            compression: answer.compression,
            sent: 0,
            most: None,
            ready: VecDeque::new(),
            over: false,
            first: Vec::new(),
            edits: Vec::new(),
        }
    }

    pub(super) fn codec(&self) -> Codec {
        self.codec
    }

    /// How messages are compressed, in place of what the client asked for.
    pub(super) fn compress(&mut self, compression: Compression) {
        self.compression = Some(compression);
    }

    pub(super) fn compression(&self) -> Option<Compression> {
        self.compression
    }

    pub(super) fn edit(&mut self, edit: StreamEdit) {
        self.edits.push(edit);
    }

    pub(super) fn edit_message(&mut self, edit: MessageEdit) {
        self.first.push(edit);
    }

    /// Ends without an end of stream after so many messages.
    pub(super) fn break_off(&mut self, messages: usize) {
        self.most = Some(messages);
    }

    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        loop {
            if let Some(bytes) = self.ready.pop_front() {
                return Poll::Ready(Some(bytes));
            }
            if self.over {
                return Poll::Ready(None);
            }
            self.insert(|after, sent| after == sent);
            if !self.ready.is_empty() {
                continue;
            }
            if self.most.is_some_and(|most| self.sent >= most) {
                return Poll::Ready(None);
            }
            match ready!(self.events.as_mut().poll_next(cx)) {
                Some(Event::Message(message)) => {
                    let envelope = self.message(message);
                    self.ready.push_back(envelope);
                    self.sent += 1;
                }
                Some(Event::End(end)) => self.end(&end),
                None => self.over = true,
            }
        }
    }

    /// Readies the bytes to be inserted here, which are then done with.
    fn insert(&mut self, here: impl Fn(usize, usize) -> bool) {
        let (sent, ready) = (self.sent, &mut self.ready);
        self.edits.retain_mut(|edit| match edit {
            StreamEdit::Insert(after, bytes) if here(*after, sent) => {
                ready.push_back(std::mem::take(bytes));
                false
            }
            _ => true,
        });
    }

    fn message(&mut self, mut message: Bytes) -> Bytes {
        let mut flags = 0;
        // The edits of the first message are none of the second's.
        for edit in std::mem::take(&mut self.first) {
            if edit.apply(self.codec, &mut message) {
                flags = COMPRESSED;
            }
        }
        // An empty message isn't compressed, one that is already isn't either.
        if let Some(compression) = self.compression
            && flags == 0
            && !message.is_empty()
            && let Ok(compressed) = compression.compress(&message)
        {
            message = compressed;
            flags = COMPRESSED;
        }
        let mut said = length(&message);
        if self.sent == 0 {
            for edit in &self.edits {
                match edit {
                    StreamEdit::Flags(other) => flags = *other,
                    StreamEdit::Length(other) => said = *other,
                    _ => {}
                }
            }
        }
        envelope(flags, said, &message)
    }

    fn end(&mut self, end: &End) {
        self.over = true;
        self.insert(|_, _| true);
        let mut flags = END_OF_STREAM;
        let mut content = end_of_stream(end.error.as_ref(), &end.trailers);
        let (mut times, mut behind) = (1, Vec::new());
        for edit in &self.edits {
            match edit {
                StreamEdit::End(other) => content = other.clone(),
                StreamEdit::NoEnd => times = 0,
                StreamEdit::SecondEnd => times = 2,
                StreamEdit::CompressedEnd => flags |= COMPRESSED,
                StreamEdit::Behind(bytes) => behind.push(bytes.clone()),
                StreamEdit::Flags(_) | StreamEdit::Length(_) | StreamEdit::Insert(..) => {}
            }
        }
        if flags & COMPRESSED != 0
            && let Some(compression) = self.compression
            && let Ok(compressed) = compression.compress(&content)
        {
            content = compressed;
        }
        let envelope = envelope(flags, length(&content), &content);
        self.ready.extend(std::iter::repeat_n(envelope, times));
        self.ready.extend(behind);
    }
}

impl fmt::Debug for Envelopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Envelopes")
            .field("codec", &self.codec)
            .field("compression", &self.compression)
            .field("sent", &self.sent)
            .field("most", &self.most)
            .field("edits", &self.edits)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for StreamEdit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StreamEdit::Flags(flags) => write!(f, "Flags({flags:#04x})"),
            StreamEdit::Length(length) => write!(f, "Length({length})"),
            StreamEdit::Insert(after, bytes) => write!(f, "Insert({after}, {} bytes)", bytes.len()),
            StreamEdit::NoEnd => f.write_str("NoEnd"),
            StreamEdit::End(bytes) => write!(f, "End({} bytes)", bytes.len()),
            StreamEdit::CompressedEnd => f.write_str("CompressedEnd"),
            StreamEdit::SecondEnd => f.write_str("SecondEnd"),
            StreamEdit::Behind(bytes) => write!(f, "Behind({} bytes)", bytes.len()),
        }
    }
}

impl fmt::Debug for MessageEdit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MessageEdit::Replace(bytes) => write!(f, "Replace({} bytes)", bytes.len()),
            MessageEdit::Pad(bytes) => write!(f, "Pad({bytes})"),
            MessageEdit::PadTo(bytes) => write!(f, "PadTo({bytes})"),
            MessageEdit::Bomb(bytes) => write!(f, "Bomb({bytes})"),
        }
    }
}
