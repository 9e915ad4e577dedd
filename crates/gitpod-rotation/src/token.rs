//! The token, which never prints.

use std::fmt;

use zeroize::Zeroizing;

/// A secret that never prints, and whose memory is overwritten when it is dropped.
///
/// That covers this value alone: what it was made from, and what a sink makes of it, are others'.
#[derive(Clone)]
pub struct Token(Zeroizing<String>);

impl Token {
    /// Takes a token over.
    #[must_use]
    pub fn new(token: String) -> Self {
        Self(Zeroizing::new(token))
    }

    /// The token itself, to be handed to what keeps it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token([redacted])")
    }
}

/// The body of an answer as it came. It holds a token, so it never prints, and is overwritten when
/// it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct RawAnswer(Zeroizing<Vec<u8>>);

impl RawAnswer {
    /// Takes an answer's body over.
    #[must_use]
    pub fn new(body: Vec<u8>) -> Self {
        Self(Zeroizing::new(body))
    }

    /// The body, byte for byte.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for RawAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RawAnswer([{} bytes, redacted])", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_prints() {
        let token = Token::new("very-secret".into());
        assert_eq!(token.expose(), "very-secret");
        assert_eq!(format!("{token:?}"), "Token([redacted])");
        assert_eq!(format!("{:#?}", Some(token)).matches("secret").count(), 0);
        let answer = RawAnswer::new(b"secret".to_vec());
        assert_eq!(format!("{answer:?}"), "RawAnswer([6 bytes, redacted])");
    }
}
