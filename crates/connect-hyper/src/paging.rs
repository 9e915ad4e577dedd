//! Listings that come in pages, as streams.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::hash::{BuildHasher as _, RandomState};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::vec;

use futures_core::Stream;
use tokio::task::JoinHandle;

use crate::call::Call;
use crate::error::{Error, Execution};
use crate::kind::Unary;
use crate::repeat::Repeat;
use crate::response::Response;
use crate::{Code, Method};

/// A method whose response is a page of a listing. Implemented by generated code.
pub trait Paged: Method<Kind = Unary> {
    /// What is listed.
    type Item: Send + 'static;

    /// The request's page size and page token, to be read and set.
    fn page(request: &mut Self::Request) -> (&mut i32, &mut String);
    /// The token of the next page: empty on the last one.
    fn next_token(response: &Self::Response) -> &str;
    /// Takes the items out of a page.
    fn take_items(response: &mut Self::Response) -> Vec<Self::Item>;
}

impl<M: Paged> Call<M> {
    /// The listing page by page, from the one that the request asks for. Nothing is sent before the
    /// stream is polled.
    ///
    /// The call's options (deadline, headers, retries) are each page's own; what
    /// [`cancel_on`](Self::cancel_on) was given ends the stream.
    pub fn pages(mut self) -> Pages<M> {
        let token = std::mem::take(M::page(&mut self.input).1);
        let mut seen = Seen::default();
        seen.is_new(&token);
        Pages {
            calls: self.repeat(),
            ahead: false,
            delivered: String::new(),
            token: Some(token),
            seen,
            state: State::Due,
        }
    }

    /// The listing item by item: [`pages`](Self::pages), flattened.
    pub fn items(self) -> Items<M> {
        Items {
            pages: self.pages(),
            page: Vec::new().into_iter(),
        }
    }
}

/// The pages of a listing, from [`Call::pages`]. Each is fetched when it is asked for.
///
/// The stream ends behind the last page, or with an error, which comes behind the pages before it.
/// A page without items is a page like any other. A next token that this stream has used before
/// would begin an endless round, and is an error, `internal`: a token of the last 64 pages is found
/// at once, an older one at the latest when three times as many pages have come as there are. Memory
/// is that of one page, two with [`prefetch`](Self::prefetch), however long the listing is.
///
/// Dropping the stream cancels what is under way.
#[must_use = "a stream does nothing until it is polled"]
pub struct Pages<M: Paged> {
    calls: Repeat<M>,
    /// Whether to ask for a page before it is wanted.
    ahead: bool,
    /// The token of the page that was delivered last.
    delivered: String,
    /// The token of the page that comes next. None: there is no more.
    token: Option<String>,
    seen: Seen,
    state: State<M>,
}

enum State<M: Paged> {
    /// The next page has to be asked for.
    Due,
    Asked(Page<M>),
    /// The page before was the last good one.
    Failed(Error),
    Done,
}

impl<M: Paged> Pages<M> {
    /// The most items that a page may hold, in place of the request's own page size. A server has
    /// its own limits and its own default, which it takes for 0.
    pub fn page_size(mut self, items: i32) -> Self {
        *M::page(self.calls.request_mut()).0 = items;
        self
    }

    /// Asks for the next page as soon as one is delivered, in a task of the tokio runtime that the
    /// stream is polled in: it is on its way while the consumer is busy with the one before. Never
    /// more than one page ahead.
    pub fn prefetch(mut self) -> Self {
        self.ahead = true;
        self
    }

    /// Goes on where another stream of the same listing was left: at its
    /// [`resume_token`](Self::resume_token).
    pub fn resume_from(mut self, token: impl Into<String>) -> Self {
        let token = token.into();
        self.seen = Seen::default();
        self.seen.is_new(&token);
        self.token = Some(token);
        self.state = State::Due;
        self
    }

    /// The token of the page that comes next, to resume from: empty before the first page, that of
    /// the failed page behind an error. `None` behind the last page.
    #[must_use]
    pub fn resume_token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// The next page, or `None` behind the last one.
    ///
    /// A future that is dropped loses nothing: the page comes the next time.
    ///
    /// # Errors
    ///
    /// The call of the page failed, or its token has come before. Behind an error comes `None`.
    pub async fn try_next(&mut self) -> Result<Option<Response<M::Response>>, Error> {
        poll_fn(|cx| self.poll_page(cx)).await.transpose()
    }

    fn poll_page(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Response<M::Response>, Error>>> {
        loop {
            if matches!(self.state, State::Due | State::Asked(_))
                && let Poll::Ready(error) = self.calls.poll_canceled(cx)
            {
                self.state = State::Done;
                return Poll::Ready(Some(Err(error)));
            }
            match std::mem::replace(&mut self.state, State::Done) {
                State::Due => self.state = State::Asked(Page::Here(self.ask())),
                State::Asked(mut page) => {
                    let Poll::Ready(result) = page.poll(cx) else {
                        self.state = State::Asked(page);
                        return Poll::Pending;
                    };
                    return Poll::Ready(Some(result.inspect(|page| self.deliver(page))));
                }
                State::Failed(error) => return Poll::Ready(Some(Err(error))),
                State::Done => return Poll::Ready(None),
            }
        }
    }

    /// The call of the next page.
    fn ask(&mut self) -> Calling<M> {
        let token = self.token.clone().unwrap_or_default();
        *M::page(self.calls.request_mut()).1 = token;
        self.calls.call().into_future()
    }

    /// A page goes out: what comes behind it?
    fn deliver(&mut self, page: &M::Response) {
        let next = M::next_token(page);
        let next = (!next.is_empty()).then(|| next.to_owned());
        let again = next.as_ref().is_some_and(|next| !self.seen.is_new(next));
        self.delivered = std::mem::replace(&mut self.token, next).unwrap_or_default();
        self.state = match self.token {
            None => State::Done,
            Some(_) if again => State::Failed(
                Error::new(
                    Code::Internal,
                    "the next page's token is one that came before: the listing would never end",
                )
                .with_execution(Execution::Executed)
                .with_method(M::PATH),
            ),
            Some(_) if self.ahead => State::Asked(Page::Ahead(Task(tokio::spawn(self.ask())))),
            Some(_) => State::Due,
        };
    }
}

impl<M: Paged> Stream for Pages<M> {
    type Item = Result<Response<M::Response>, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_page(cx)
    }
}

// Nothing in it is pinned in place.
impl<M: Paged> Unpin for Pages<M> {}

impl<M: Paged> fmt::Debug for Pages<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages")
            .field("method", &M::PATH)
            .field("prefetch", &self.ahead)
            .field("resume_token", &self.token)
            .finish_non_exhaustive()
    }
}

/// The items of a listing, from [`Call::items`]. All that is said of [`Pages`] holds here.
#[must_use = "a stream does nothing until it is polled"]
pub struct Items<M: Paged> {
    pages: Pages<M>,
    page: vec::IntoIter<M::Item>,
}

impl<M: Paged> Items<M> {
    /// See [`Pages::page_size`].
    pub fn page_size(mut self, items: i32) -> Self {
        self.pages = self.pages.page_size(items);
        self
    }

    /// See [`Pages::prefetch`].
    pub fn prefetch(mut self) -> Self {
        self.pages = self.pages.prefetch();
        self
    }

    /// See [`Pages::resume_from`].
    pub fn resume_from(mut self, token: impl Into<String>) -> Self {
        self.pages = self.pages.resume_from(token);
        self.page = Vec::new().into_iter();
        self
    }

    /// The token of the page that the next item is on, to resume from. Whoever resumes there misses
    /// nothing, and gets those items of that page once more that were taken already. `None` at the
    /// end.
    #[must_use]
    pub fn resume_token(&self) -> Option<&str> {
        if self.page.len() == 0 {
            self.pages.resume_token()
        } else {
            Some(&self.pages.delivered)
        }
    }

    /// The next item, or `None` behind the last one.
    ///
    /// A future that is dropped loses nothing: the item comes the next time.
    ///
    /// # Errors
    ///
    /// Those of [`Pages::try_next`].
    pub async fn try_next(&mut self) -> Result<Option<M::Item>, Error> {
        poll_fn(|cx| self.poll_item(cx)).await.transpose()
    }

    fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<M::Item, Error>>> {
        loop {
            if let Some(item) = self.page.next() {
                return Poll::Ready(Some(Ok(item)));
            }
            match ready!(self.pages.poll_page(cx)) {
                Some(Ok(page)) => self.page = M::take_items(&mut page.into_inner()).into_iter(),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
    }
}

impl<M: Paged> Stream for Items<M> {
    type Item = Result<M::Item, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_item(cx)
    }
}

// Nothing in it is pinned in place.
impl<M: Paged> Unpin for Items<M> {}

impl<M: Paged> fmt::Debug for Items<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Items")
            .field("pages", &self.pages)
            .field("left_on_page", &self.page.len())
            .finish()
    }
}

type Calling<M> = <Call<M> as IntoFuture>::IntoFuture;
type Fetched<M> = Result<Response<<M as Method>::Response>, Error>;

/// A page on its way.
enum Page<M: Paged> {
    /// It comes as the stream is polled.
    Here(Calling<M>),
    Ahead(Task<Fetched<M>>),
}

impl<M: Paged> Page<M> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Fetched<M>> {
        match self {
            Self::Here(calling) => calling.as_mut().poll(cx),
            Self::Ahead(task) => match ready!(Pin::new(&mut task.0).poll(cx)) {
                Ok(result) => Poll::Ready(result),
                Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                Err(_) => Poll::Ready(Err(Error::new(
                    Code::Canceled,
                    "the runtime that fetched the page is shut down",
                )
                .with_execution(Execution::Ambiguous)
                .with_method(M::PATH))),
            },
        }
    }
}

/// A task that ends with its owner.
struct Task<T>(JoinHandle<T>);

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The tokens that came so far, in a memory that doesn't grow: the last ones, and one that
/// stays for twice as long each time (Brent's way to find a cycle of any length).
#[derive(Default)]
struct Seen {
    hashes: RandomState,
    recent: VecDeque<u64>,
    landmark: Option<u64>,
    count: u64,
}

impl Seen {
    const RECENT: usize = 64;

    /// Takes a token in, if it isn't known.
    fn is_new(&mut self, token: &str) -> bool {
        let hash = self.hashes.hash_one(token);
        if self.landmark == Some(hash) || self.recent.contains(&hash) {
            return false;
        }
        if self.recent.len() == Self::RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(hash);
        self.count += 1;
        if self.count.is_power_of_two() {
            self.landmark = Some(hash);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many tokens pass, of `lead` that come once and then `round` that come again and again.
    fn passed(lead: usize, round: usize) -> usize {
        let mut seen = Seen::default();
        let token = |number: usize| match number.checked_sub(lead) {
            Some(over) => format!("round {}", over % round),
            None => format!("lead {number}"),
        };
        (0..)
            .take_while(|number| seen.is_new(&token(*number)))
            .count()
    }

    #[test]
    fn a_short_round_is_found_as_soon_as_it_begins_again() {
        for lead in [0, 1, 2, 63, 64, 1000] {
            for round in [1, 2, 3, 63, 64] {
                assert_eq!(passed(lead, round), lead + round, "{lead} {round}");
            }
        }
    }

    #[test]
    fn a_long_round_is_found_in_the_end() {
        for lead in [0, 1, 100, 1000] {
            for round in [65, 100, 1000, 4096] {
                let passed = passed(lead, round);
                let most = 2 * lead.max(round) + round + 2;
                assert!(passed <= most, "{lead} {round}: {passed}");
            }
        }
    }

    #[test]
    fn what_is_new_passes_and_memory_stays() {
        let mut seen = Seen::default();
        assert!((0..100_000).all(|number| seen.is_new(&number.to_string())));
        assert_eq!(seen.recent.len(), Seen::RECENT);
    }
}
