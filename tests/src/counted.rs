//! A listing whose items are counted as long as they live.

use std::cell::Cell;

use gitpod_client::connect_hyper::Unary;
use gitpod_client::{Idempotency, Method, Paged};
use prost::bytes::{Buf, BufMut};
use prost::encoding::{DecodeContext, WireType};
use prost::{DecodeError, Message};
use serde::{Deserialize, Serialize};

thread_local! {
    /// How many items there are, and how many there were at most: of the thread, which a test has for
    /// itself.
    static ALIVE: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
}

/// How many items there were at most since this was last asked.
#[must_use]
pub fn take_most() -> usize {
    let (alive, most) = ALIVE.get();
    ALIVE.set((alive, alive));
    most
}

/// A field of no content that counts its instances.
#[derive(Debug, PartialEq, Eq)]
pub struct Alive(());

impl Default for Alive {
    fn default() -> Self {
        let (alive, most) = ALIVE.get();
        ALIVE.set((alive + 1, most.max(alive + 1)));
        Self(())
    }
}

impl Clone for Alive {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        let (alive, most) = ALIVE.get();
        ALIVE.set((alive - 1, most));
    }
}

/// What is asked for, and which page of it.
#[derive(Clone, PartialEq, Message, Serialize, Deserialize)]
#[serde(default)]
pub struct Ask {
    /// How many items a page has.
    #[prost(int32, tag = "1")]
    pub page_size: i32,
    /// Which page it is.
    #[prost(string, tag = "2")]
    pub token: String,
}

/// A page as a server writes it.
#[derive(Clone, PartialEq, Message, Serialize, Deserialize)]
#[serde(default)]
pub struct Plain {
    /// The items.
    #[prost(uint64, repeated, tag = "1")]
    pub items: Vec<u64>,
    /// Where it goes on.
    #[prost(string, tag = "2")]
    pub next_token: String,
}

/// The same page as a client reads it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Counted {
    /// The items.
    pub items: Vec<Item>,
    next_token: String,
}

/// An item that is counted.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Which one it is.
    pub number: u64,
    alive: Alive,
}

impl From<Plain> for Counted {
    fn from(plain: Plain) -> Self {
        let item = |number| Item {
            number,
            alive: Alive::default(),
        };
        Self {
            items: plain.items.into_iter().map(item).collect(),
            next_token: plain.next_token,
        }
    }
}

impl Serialize for Counted {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.plain().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Counted {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Plain::deserialize(deserializer).map(Self::from)
    }
}

impl Counted {
    fn plain(&self) -> Plain {
        Plain {
            items: self.items.iter().map(|item| item.number).collect(),
            next_token: self.next_token.clone(),
        }
    }
}

impl Message for Counted {
    fn encode_raw(&self, buffer: &mut impl BufMut) {
        self.plain().encode_raw(buffer);
    }

    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: WireType,
        buffer: &mut impl Buf,
        context: DecodeContext,
    ) -> Result<(), DecodeError> {
        let mut plain = Plain::default();
        plain.merge_field(tag, wire_type, buffer, context)?;
        let Self { items, next_token } = plain.into();
        self.items.extend(items);
        if tag == 2 {
            self.next_token = next_token;
        }
        Ok(())
    }

    fn encoded_len(&self) -> usize {
        self.plain().encoded_len()
    }

    fn clear(&mut self) {
        *self = Self::default();
    }
}

/// The listing as a server has it.
#[derive(Debug)]
pub enum List {}

impl Method for List {
    type Request = Ask;
    type Response = Plain;
    type Kind = Unary;
    const PATH: &'static str = "/toy.v1.Toy/List";
    const IDEMPOTENCY: Idempotency = Idempotency::NoSideEffects;
}

/// The listing as a client reads it.
#[derive(Debug)]
pub enum ListCounted {}

impl Method for ListCounted {
    type Request = Ask;
    type Response = Counted;
    type Kind = Unary;
    const PATH: &'static str = List::PATH;
    const IDEMPOTENCY: Idempotency = Idempotency::NoSideEffects;
}

impl Paged for ListCounted {
    type Item = Item;

    fn page(request: &mut Ask) -> (&mut i32, &mut String) {
        (&mut request.page_size, &mut request.token)
    }

    fn next_token(response: &Counted) -> &str {
        &response.next_token
    }

    fn take_items(response: &mut Counted) -> Vec<Item> {
        std::mem::take(&mut response.items)
    }
}

/// The page of a listing of so many items that a request asks for. Tokens are the first item's
/// number.
#[must_use]
pub fn page(ask: &Ask, items: u64) -> Plain {
    let size = match ask.page_size {
        0 => 25,
        size => u64::from(size.unsigned_abs()).min(100),
    };
    let from: u64 = ask.token.parse().unwrap_or(0);
    let to = (from + size).min(items);
    Plain {
        items: (from..to).collect(),
        next_token: if to < items {
            to.to_string()
        } else {
            String::new()
        },
    }
}
