//! Ids are checked before a request leaves: a token pasted by mistake shouldn't travel as one.

/// A UUID in its usual form, returned in small letters: it names files, of which one thing has one. The error is
/// for clap, which puts the argument's name in front of it.
pub(crate) fn parse(text: &str) -> Result<String, String> {
    if gitpod_types::is_uuid(text) {
        Ok(text.to_ascii_lowercase())
    } else {
        Err("expected a UUID such as d2c94c27-3b76-4a42-b88c-95a85e392c68".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn takes_uuids_alone() {
        for text in [
            "d2c94c27-3b76-4a42-b88c-95a85e392c68",
            "D2C94C27-3B76-4A42-B88C-95A85E392C68",
        ] {
            assert_eq!(
                parse(text).as_deref(),
                Ok("d2c94c27-3b76-4a42-b88c-95a85e392c68")
            );
        }
        for text in [
            "",
            "d2c94c27",
            "d2c94c273b764a42b88c95a85e392c68",
            "{d2c94c27-3b76-4a42-b88c-95a85e392c68}",
            "g2c94c27-3b76-4a42-b88c-95a85e392c68",
            "d2c94c27-3b76-4a42-b88c-95a85e392c6é",
            "d2c94c27-3b76-4a42-b88c-95a85e392c68\n",
        ] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }
}
