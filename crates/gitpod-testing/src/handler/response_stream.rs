//! The messages of a server that streams, as a handler gives them.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use connect_hyper::{Code, Message};
use futures_core::Stream;
use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::sync::mpsc;

use super::{End, Event};
use crate::connect::codec::Codec;
use crate::connect::error::ServerError;

/// The messages that a handler answers with, for [`ServerStreaming`](connect_hyper::ServerStreaming)
/// and [`Bidi`](connect_hyper::Bidi) methods.
///
/// Each goes out as soon as it is there. The first error ends the stream: the client gets the
/// messages before it, then the error. When the client leaves or its deadline is over, the stream
/// is dropped where it stands. A panic within ends it in `internal`.
///
/// ```
/// use gitpod_testing::{Code, ResponseStream, ServerError};
///
/// // What is known beforehand.
/// let three = ResponseStream::messages([1, 2, 3]);
///
/// // Any stream of results.
/// let failing = ResponseStream::new(futures_util::stream::iter([
///     Ok(1),
///     Err(ServerError::new(Code::DataLoss, "that was all")),
/// ]));
///
/// // What comes about as it goes.
/// let counting = ResponseStream::produce(|sender| async move {
///     for number in 1.. {
///         sender.send(number).await?;
///         tokio::time::sleep(std::time::Duration::from_millis(10)).await;
///     }
///     Ok(())
/// });
/// ```
pub struct ResponseStream<T> {
    messages: Pin<Box<dyn Stream<Item = Result<T, ServerError>> + Send>>,
    trailers: Trailers,
}

/// The trailers that a sender adds while the stream goes on.
type Trailers = Arc<Mutex<HeaderMap>>;

impl<T: Send + 'static> ResponseStream<T> {
    /// The messages of any stream.
    pub fn new(messages: impl Stream<Item = Result<T, ServerError>> + Send + 'static) -> Self {
        Self {
            messages: Box::pin(messages),
            trailers: Trailers::default(),
        }
    }

    /// These messages, and then a good end.
    pub fn messages<I>(messages: I) -> Self
    where
        I: IntoIterator<Item = T, IntoIter: Send + 'static>,
    {
        Self::new(Listed(messages.into_iter()))
    }

    /// What a future sends until it is done.
    ///
    /// It runs as part of the stream and goes on as the client takes what it sends: it is dropped
    /// with the stream when the client leaves. Its error is the stream's last word.
    pub fn produce<F, Fut>(producer: F) -> Self
    where
        F: FnOnce(ResponseSender<T>) -> Fut,
        Fut: Future<Output = Result<(), ServerError>> + Send + 'static,
    {
        let (sender, receiver) = mpsc::channel(1);
        let trailers = Trailers::default();
        let sender = ResponseSender {
            sender,
            trailers: Arc::clone(&trailers),
        };
        let messages = Produced {
            producer: Some(Box::pin(producer(sender))),
            failed: None,
            receiver,
        };
        Self {
            messages: Box::pin(messages),
            trailers,
        }
    }
}

impl<T> fmt::Debug for ResponseStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseStream").finish_non_exhaustive()
    }
}

/// Where the future of [`ResponseStream::produce`] sends its messages. A clone sends to the same
/// stream.
pub struct ResponseSender<T> {
    sender: mpsc::Sender<T>,
    trailers: Trailers,
}

impl<T> ResponseSender<T> {
    /// Sends a message, once the one before it has been taken.
    ///
    /// # Errors
    ///
    /// `canceled`: the stream is gone. This can only happen in a task of its own that a clone was
    /// moved into; the future itself is gone with the stream.
    pub async fn send(&self, message: T) -> Result<(), ServerError> {
        let gone = |_| ServerError::new(Code::Canceled, "the stream is gone");
        self.sender.send(message).await.map_err(gone)
    }

    /// Adds a trailer, beside those of the [`Response`](crate::Response); one of the same name
    /// stays. Trailers go out at the stream's end, however it ends.
    pub fn add_trailer(&self, name: HeaderName, value: HeaderValue) {
        let trailers = self.trailers.lock();
        let mut trailers = trailers.unwrap_or_else(PoisonError::into_inner);
        trailers.append(name, value);
    }
}

impl<T> Clone for ResponseSender<T> {
    fn clone(&self) -> Self {
        Self {
            sender: self.sender.clone(),
            trailers: Arc::clone(&self.trailers),
        }
    }
}

impl<T> fmt::Debug for ResponseSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseSender").finish_non_exhaustive()
    }
}

/// The stream of an iterator.
struct Listed<I>(I);

// What it holds is never pinned.
impl<I> Unpin for Listed<I> {}

impl<I: Iterator> Stream for Listed<I> {
    type Item = Result<I::Item, ServerError>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(self.0.next().map(Ok))
    }
}

/// The stream of what a future sends, which runs as the stream is polled.
struct Produced<T, Fut> {
    producer: Option<Pin<Box<Fut>>>,
    failed: Option<ServerError>,
    receiver: mpsc::Receiver<T>,
}

// What it holds of `T` and of the future is never pinned in place.
impl<T, Fut> Unpin for Produced<T, Fut> {}

impl<T, Fut> Stream for Produced<T, Fut>
where
    Fut: Future<Output = Result<(), ServerError>>,
{
    type Item = Result<T, ServerError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            match this.receiver.poll_recv(cx) {
                Poll::Ready(Some(message)) => return Poll::Ready(Some(Ok(message))),
                // All senders are gone, the producer's first of all.
                Poll::Ready(None) if this.producer.is_none() => {
                    return Poll::Ready(this.failed.take().map(Err));
                }
                Poll::Ready(None) | Poll::Pending => {}
            }
            let Some(producer) = &mut this.producer else {
                return Poll::Pending;
            };
            match producer.as_mut().poll(cx) {
                Poll::Ready(outcome) => {
                    this.failed = outcome.err();
                    this.producer = None;
                }
                Poll::Pending => {
                    // It may have sent something before it had to wait.
                    let message = ready!(this.receiver.poll_recv(cx));
                    if message.is_some() {
                        return Poll::Ready(message.map(Ok));
                    }
                    // It has let go of the sender and still does something.
                    return Poll::Pending;
                }
            }
        }
    }
}

/// The events of a stream of messages: encoded, with the trailers at the end.
pub(super) struct Encoded<T> {
    messages: ResponseStream<T>,
    codec: Codec,
    /// What the end will say; none behind it.
    trailers: Option<HeaderMap>,
}

impl<T> Encoded<T> {
    pub(super) fn new(messages: ResponseStream<T>, codec: Codec, trailers: HeaderMap) -> Self {
        Self {
            messages,
            codec,
            trailers: Some(trailers),
        }
    }
}

impl<T: Message> Stream for Encoded<T> {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        let this = self.get_mut();
        if this.trailers.is_none() {
            return Poll::Ready(None);
        }
        let message = ready!(this.messages.messages.as_mut().poll_next(cx));
        let encoded =
            message.map(|message| message.and_then(|message| this.codec.encode(&message)));
        let error = match encoded {
            Some(Ok(message)) => return Poll::Ready(Some(Event::Message(message))),
            Some(Err(error)) => Some(error),
            None => None,
        };
        let mut trailers = this.trailers.take().unwrap_or_default();
        let added = this.messages.trailers.lock();
        for (name, value) in &*added.unwrap_or_else(PoisonError::into_inner) {
            trailers.append(name, value.clone());
        }
        Poll::Ready(Some(Event::End(End { error, trailers })))
    }
}
