//! Secrets and identifiers: where they come from, and that they don't print.

use std::fmt;

/// A text that doesn't print.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(String);

impl Secret {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// `prefix` and 32 random bytes in hexadecimal digits.
    ///
    /// # Errors
    ///
    /// The system has no randomness to give.
    pub(crate) fn random(prefix: &str) -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        let mut text = String::with_capacity(prefix.len() + 64);
        text.push_str(prefix);
        for byte in bytes {
            for digit in [byte >> 4, byte & 15] {
                text.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
            }
        }
        Ok(Self(text))
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// UUIDs that follow from a seed, so that what a test sees is the same in each run.
///
/// They look random (version 4) and are no secrets.
#[derive(Debug, Clone)]
pub(crate) struct Ids(u64);

impl Ids {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next one.
    pub(crate) fn next(&mut self) -> String {
        let high = (self.next_word() & !0xf000) | 0x4000;
        let low = (self.next_word() >> 2) | (1 << 63);
        format!(
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xffff,
            low >> 48,
            low & 0xffff_ffff_ffff
        )
    }

    /// SplitMix64 (Steele, Lea and Flood, 2014): a counter, well mixed.
    fn next_word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn a_secret_is_random_and_does_not_print() {
        let secrets: HashSet<String> = (0..100)
            .map(|_| Secret::random("ona_scim_").unwrap().reveal().to_owned())
            .collect();
        assert_eq!(secrets.len(), 100);
        for secret in secrets {
            let digits = secret.strip_prefix("ona_scim_").unwrap();
            assert_eq!(digits.len(), 64);
            assert!(digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
            assert_eq!(format!("{:?}", Secret::new(secret)), "[redacted]");
        }
    }

    #[test]
    fn ids_are_uuids_follow_from_the_seed_and_differ() {
        let mut ids = Ids::new(7);
        let mut again = Ids::new(7);
        let mut seen = HashSet::new();
        for _ in 0..1000 {
            let id = ids.next();
            assert!(crate::scim::rules::is_uuid(&id), "{id}");
            assert_eq!(id.as_bytes()[14], b'4', "{id}");
            assert!(b"89ab".contains(&id.as_bytes()[19]), "{id}");
            assert_eq!(id, again.next());
            assert!(seen.insert(id));
        }
        assert_ne!(Ids::new(8).next(), Ids::new(7).next());
    }
}
