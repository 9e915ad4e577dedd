//! What generated code finds under `::pbjson::private`, which is this crate
//! under another name. Not every choice of features has a field of each kind.

#![allow(unused_imports)]

pub(crate) use crate::json::{BytesDeserialize, NumberDeserialize};

pub(crate) mod base64 {
    pub(crate) use crate::json::encode;
}
