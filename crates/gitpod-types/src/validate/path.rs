//! Where in a message something is, without an allocation until somebody asks.

use std::fmt::Write as _;

/// A field, or an item of one, below the message that is checked.
#[derive(Debug, Clone, Copy)]
pub struct At<'a> {
    parent: Option<&'a At<'a>>,
    name: &'static str,
    item: Item<'a>,
}

#[derive(Debug, Clone, Copy)]
enum Item<'a> {
    /// The field as a whole.
    None,
    Index(usize),
    /// The value of this key, in a map.
    Value(&'a str),
    /// This key itself.
    Key(&'a str),
}

impl<'a> At<'a> {
    /// The message that is checked.
    pub(crate) const ROOT: Self = Self {
        parent: None,
        name: "",
        item: Item::None,
    };

    #[inline(always)]
    const fn below(&'a self, name: &'static str, item: Item<'a>) -> Self {
        Self {
            parent: Some(self),
            name,
            item,
        }
    }

    /// A field, or a oneof.
    #[inline(always)]
    pub(crate) const fn field(&'a self, name: &'static str) -> Self {
        self.below(name, Item::None)
    }

    /// An item of a list.
    #[inline(always)]
    pub(crate) const fn item(&'a self, name: &'static str, index: usize) -> Self {
        self.below(name, Item::Index(index))
    }

    /// The value of a map's entry.
    #[inline(always)]
    pub(crate) const fn value(&'a self, name: &'static str, key: &'a str) -> Self {
        self.below(name, Item::Value(key))
    }

    /// The key of a map's entry.
    #[inline(always)]
    pub(crate) const fn key(&'a self, name: &'static str, key: &'a str) -> Self {
        self.below(name, Item::Key(key))
    }

    pub(crate) fn is_key(&self) -> bool {
        matches!(self.item, Item::Key(_))
    }

    /// In protovalidate's syntax: `a.b[3].c`, `map["key"]`.
    #[cold]
    pub(crate) fn path(&self) -> String {
        let mut path = self.parent.map_or_else(String::new, At::path);
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(self.name);
        let _ = match self.item {
            Item::None => Ok(()),
            Item::Index(index) => write!(path, "[{index}]"),
            Item::Value(key) | Item::Key(key) => write!(path, "[{key:?}]"),
        };
        path
    }
}
