//! What the generated `Debug` of messages is made of.

use std::collections::BTreeMap;
use std::fmt;

/// Prints a message by its fields.
pub(crate) fn message(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    labels: &[&str],
    values: &[&dyn fmt::Debug],
) -> fmt::Result {
    let mut message = f.debug_struct(name);
    for (label, value) in labels.iter().zip(values) {
        message.field(label, value);
    }
    message.finish()
}

/// Prints the member that a oneof has.
pub(crate) fn member(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    value: &dyn fmt::Debug,
) -> fmt::Result {
    f.debug_tuple(name).field(value).finish()
}

/// A field that is marked as a secret. Whether it is there may be known.
pub(crate) enum Secret {
    Present,
    /// Nothing is there, and prints so.
    Absent(&'static str),
}

pub(crate) fn secret(is_present: bool, absent: &'static str) -> Secret {
    if is_present {
        Secret::Present
    } else {
        Secret::Absent(absent)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Present => "[redacted]",
            Self::Absent(absent) => absent,
        })
    }
}

/// An enum's value by name, or by number if it has none.
pub(crate) enum Named<E> {
    Known(E),
    Unknown(i32),
}

pub(crate) fn enumeration<E>(number: i32) -> Named<E>
where
    E: TryFrom<i32>,
{
    E::try_from(number).map_or(Named::Unknown(number), Named::Known)
}

impl<E: fmt::Debug> fmt::Debug for Named<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(value) => value.fmt(f),
            Self::Unknown(number) => number.fmt(f),
        }
    }
}

pub(crate) fn list<T: Copy, S>(values: &[T], show: impl Fn(T) -> S) -> Vec<S> {
    values.iter().copied().map(show).collect()
}

pub(crate) fn map<K: Ord, T: Copy, S>(
    values: &BTreeMap<K, T>,
    show: impl Fn(T) -> S,
) -> BTreeMap<&K, S> {
    values
        .iter()
        .map(|(key, value)| (key, show(*value)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    enum Colour {
        Green,
    }

    impl TryFrom<i32> for Colour {
        type Error = ();

        fn try_from(number: i32) -> Result<Self, ()> {
            (number == 1).then_some(Self::Green).ok_or(())
        }
    }

    #[test]
    fn secrets_show_whether_they_are_there() {
        assert_eq!(format!("{:?}", secret(true, "None")), "[redacted]");
        assert_eq!(format!("{:?}", secret(false, "None")), "None");
    }

    #[test]
    fn enums_print_as_those_of_prost() {
        let show = enumeration::<Colour>;
        assert_eq!(format!("{:?} {:?}", show(1), show(2)), "Green 2");
        assert_eq!(
            format!("{:?}", [1].first().copied().map(show)),
            "Some(Green)"
        );
        assert_eq!(format!("{:?}", list(&[1, 2], show)), "[Green, 2]");
        let corners = BTreeMap::from([("left", 1), ("right", 2)]);
        assert_eq!(
            format!("{:?}", map(&corners, show)),
            "{\"left\": Green, \"right\": 2}"
        );
    }
}
