//! Every RPC whose request has `pagination`, as a stream of its items and of its pages.

use std::pin::Pin;
use std::sync::{Arc, Mutex};

use gitpod_client::{Call, Client, Code, Codec, Error, Paged};
use gitpod_testing::{Idempotency, Response};
use gitpod_tests::harness::Harness;
use prost::Message;
use prost_reflect::{
    DynamicMessage, FieldDescriptor, MethodDescriptor, ReflectMessage as _, Value,
};

use crate::call::read;
use crate::{client, decode, encode, filled, path, pool};

/// How many items there are.
const ITEMS: usize = 5;

/// An RPC, and how its streams are made of a request in binary.
pub(crate) struct Listing {
    service: &'static str,
    method: &'static str,
    items: fn(&Client, &[u8], How) -> Listed,
    pages: fn(&Client, &[u8]) -> Listed,
}

/// What is asked of a stream of items.
#[derive(Clone, Copy, Default)]
pub(crate) struct How {
    page_size: Option<i32>,
    prefetch: bool,
    resume_from: Option<&'static str>,
}

/// What came, in binary, and the error behind it.
type Listed = Pin<Box<dyn Future<Output = (Vec<Vec<u8>>, Option<Error>)> + Send>>;

include!(concat!(env!("OUT_DIR"), "/listings.rs"));

fn items<M: Paged>(call: Call<M>, how: How) -> Listed
where
    M::Item: Message,
{
    let mut items = call.items();
    if let Some(size) = how.page_size {
        items = items.page_size(size);
    }
    if how.prefetch {
        items = items.prefetch();
    }
    if let Some(token) = how.resume_from {
        items = items.resume_from(token);
    }
    Box::pin(async move {
        let mut came = Vec::new();
        loop {
            match items.try_next().await {
                Ok(Some(item)) => came.push(item.encode_to_vec()),
                Ok(None) => return (came, None),
                Err(error) => return (came, Some(error)),
            }
        }
    })
}

fn pages<M: Paged>(call: Call<M>) -> Listed {
    let mut pages = call.pages();
    Box::pin(async move {
        let mut came = Vec::new();
        loop {
            match pages.try_next().await {
                Ok(Some(page)) => came.push(page.into_inner().encode_to_vec()),
                Ok(None) => return (came, None),
                Err(error) => return (came, Some(error)),
            }
        }
    })
}

/// Writes a number into a message, so that items can be told apart.
fn mark(message: &mut DynamicMessage, number: usize) -> bool {
    let fields: Vec<_> = message
        .fields()
        .map(|(field, value)| (field, value.clone()))
        .collect();
    for (field, value) in &fields {
        let marked = match value {
            Value::String(_) => Value::String(format!("item {number}")),
            Value::I32(_) => Value::I32(i32::try_from(number).unwrap() + 1),
            Value::I64(_) => Value::I64(i64::try_from(number).unwrap() + 1),
            _ => continue,
        };
        message.set_field(field, marked);
        return true;
    }
    fields.into_iter().any(|(field, value)| {
        let Value::Message(mut inner) = value else {
            return false;
        };
        let is_marked = mark(&mut inner, number);
        message.set_field(&field, Value::Message(inner));
        is_marked
    })
}

/// The `pagination` of a request: page size and token.
fn asked(request: &DynamicMessage) -> (i32, String) {
    let pagination = request.get_field_by_name("pagination").unwrap();
    let pagination = pagination.as_message().unwrap();
    let size = pagination.get_field_by_name("page_size").unwrap();
    let token = pagination.get_field_by_name("token").unwrap();
    (size.as_i32().unwrap(), token.as_str().unwrap().to_owned())
}

fn ask(request: &mut DynamicMessage, size: i32, token: &str) {
    let pagination = request.get_field_by_name_mut("pagination").unwrap();
    let pagination = pagination.as_message_mut().unwrap();
    pagination.set_field_by_name("page_size", Value::I32(size));
    set_text(pagination, "token", token);
}

/// A text as it comes off the wire, where an empty one is none.
fn set_text(message: &mut DynamicMessage, name: &str, text: &str) {
    message.clear_field_by_name(name);
    if !text.is_empty() {
        message.set_field_by_name(name, Value::String(text.to_owned()));
    }
}

/// A listing as a server has it.
#[derive(Clone)]
struct Served {
    method: MethodDescriptor,
    /// The response's first repeated field.
    field: FieldDescriptor,
    items: Vec<DynamicMessage>,
    /// Whether the token of the second page is also that of each one behind it.
    is_endless: bool,
}

impl Served {
    fn of(method: &MethodDescriptor) -> Self {
        let output = method.output();
        let field = output
            .fields()
            .filter(FieldDescriptor::is_list)
            .min_by_key(|field| field.path().last().copied())
            .unwrap();
        let item = field.kind().as_message().unwrap().clone();
        let items = (0..ITEMS)
            .map(|number| {
                let mut item = filled(&item, 0);
                assert!(mark(&mut item, number), "{}", method.full_name());
                item
            })
            .collect();
        Self {
            method: method.clone(),
            field,
            items,
            is_endless: false,
        }
    }

    /// What came, read as items.
    fn read_items(&self, came: &[Vec<u8>]) -> Vec<DynamicMessage> {
        let item = self.items[0].descriptor();
        let items = came.iter();
        items
            .map(|binary| DynamicMessage::decode(item.clone(), &**binary).unwrap())
            .collect()
    }

    fn page(&self, size: i32, token: &str) -> DynamicMessage {
        let from = token.parse().unwrap_or(0);
        let to = (from + usize::try_from(size).unwrap()).min(ITEMS);
        let next = match self.is_endless {
            true => size.to_string(),
            false if to == ITEMS => String::new(),
            false => to.to_string(),
        };
        let mut page = filled(&self.method.output(), 0);
        let items = self.items[from..to].iter().cloned().map(Value::Message);
        page.set_field(&self.field, Value::List(items.collect()));
        let pagination = page.get_field_by_name_mut("pagination").unwrap();
        let pagination = pagination.as_message_mut().unwrap();
        set_text(pagination, "next_token", &next);
        page
    }

    /// Has the server answer so, and remember what it was asked.
    fn serve(&self, harness: &Harness, got: &Arc<Mutex<Vec<DynamicMessage>>>) {
        let (served, got) = (self.clone(), Arc::clone(got));
        let path = path(&self.method);
        harness.handle_encoded(path, Idempotency::NoSideEffects, move |request| {
            let message = decode(request.codec(), served.method.input(), request.message());
            let (size, token) = asked(&message);
            let page = encode(request.codec(), &served.page(size, &token));
            got.lock().unwrap().push(message);
            async move { Ok(Response::new(page)) }
        });
    }
}

/// All items in their order, and each page's request is the call's own but for its token and size.
#[tokio::test(flavor = "multi_thread")]
async fn each_is_a_stream_of_its_items_and_of_its_pages() {
    let harness = Harness::start().await.unwrap();
    let clients =
        [Codec::Json, Codec::Binary].map(|codec| client(&harness, codec).build().unwrap());
    let pool = pool();
    let mut count = 0;
    for listing in listings() {
        let service = pool.get_service_by_name(listing.service).unwrap();
        let method = service
            .methods()
            .find(|method| method.name() == listing.method)
            .unwrap();
        let name = method.full_name();
        let served = Served::of(&method);
        let mut request = filled(&method.input(), 0);
        ask(&mut request, 2, "");
        let binary = request.encode_to_vec();
        let got = Arc::default();
        let requests = |size: i32, tokens: &[&str]| -> Vec<DynamicMessage> {
            let request = |token: &&str| {
                let mut request = request.clone();
                ask(&mut request, size, token);
                request
            };
            tokens.iter().map(request).collect()
        };
        let took = || std::mem::take(&mut *Arc::<Mutex<Vec<_>>>::clone(&got).lock().unwrap());
        for client in &clients {
            served.serve(&harness, &got);
            for (how, size, tokens, from) in [
                (How::default(), 2, &["", "2", "4"][..], 0),
                (
                    How {
                        page_size: Some(3),
                        prefetch: true,
                        ..How::default()
                    },
                    3,
                    &["", "3"],
                    0,
                ),
                (
                    How {
                        resume_from: Some("2"),
                        ..How::default()
                    },
                    2,
                    &["2", "4"],
                    2,
                ),
            ] {
                let (came, error) = (listing.items)(client, &binary, how).await;
                assert!(error.is_none(), "{name}: {error:?}");
                assert_eq!(served.read_items(&came), served.items[from..], "{name}");
                assert_eq!(took(), requests(size, tokens), "{name}");
            }

            let (came, error) = (listing.pages)(client, &binary).await;
            assert!(error.is_none(), "{name}: {error:?}");
            let came: Vec<_> = came
                .iter()
                .map(|page| DynamicMessage::decode(method.output(), &**page).unwrap())
                .collect();
            let expected = ["", "2", "4"].map(|token| served.page(2, token));
            assert_eq!(came, expected, "{name}");
            assert_eq!(took().len(), 3, "{name}");

            let endless = Served {
                is_endless: true,
                ..served.clone()
            };
            endless.serve(&harness, &got);
            let (came, error) = (listing.items)(client, &binary, How::default()).await;
            assert_eq!(came.len(), 4, "{name}");
            assert_eq!(error.unwrap().code(), Code::Internal, "{name}");
            assert_eq!(took().len(), 2, "{name}");
        }
        count += 1;
    }
    assert!(count >= 50, "{count} listings");
}
