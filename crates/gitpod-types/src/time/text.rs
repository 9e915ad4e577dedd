//! A short string on the stack, and readers of digits.

/// Long enough for `9999-12-31T23:59:59.999999999Z`.
pub(super) const CAPACITY: usize = 32;

/// A short ASCII text, written without allocation.
// Aligned, so that it is checked for ASCII by the word.
#[derive(Clone, Copy)]
#[repr(align(16))]
pub(crate) struct Text {
    bytes: [u8; CAPACITY],
    length: usize,
}

impl Text {
    pub(super) fn new() -> Self {
        Self {
            bytes: [0; CAPACITY],
            length: 0,
        }
    }

    /// With a text that stands there already, ASCII and of this length.
    pub(super) fn of(bytes: [u8; CAPACITY], length: usize) -> Self {
        Self { bytes, length }
    }

    #[inline]
    pub(crate) fn as_str(&self) -> &str {
        // Nothing but ASCII is pushed, so this is never empty by mistake.
        let whole = std::str::from_utf8(&self.bytes).unwrap_or_default();
        whole.get(..self.length).unwrap_or_default()
    }

    pub(super) fn push(&mut self, ascii: u8) {
        self.bytes[self.length] = ascii;
        self.length += 1;
    }

    /// Pushes `value` in as many digits as it has.
    pub(super) fn push_number(&mut self, value: u64) {
        let length = value.checked_ilog10().map_or(1, |log| log as usize + 1);
        let digits = &mut self.bytes[self.length..][..length];
        self.length += length;
        let mut rest = value;
        let mut pairs = digits.rchunks_exact_mut(2);
        for pair in &mut pairs {
            pair.copy_from_slice(&PAIRS[(rest % 100) as usize]);
            rest /= 100;
        }
        if let [first] = pairs.into_remainder() {
            *first = b'0' + rest as u8;
        }
    }

    /// Pushes a point and 3, 6 or 9 digits; nothing if there are no nanoseconds.
    pub(super) fn push_fraction(&mut self, nanos: u32) {
        if nanos == 0 {
            return;
        }
        let (digits, length) = fraction(nanos);
        if length > 0 {
            self.push(b'.');
            self.bytes[self.length..][..length].copy_from_slice(&digits[..length]);
            self.length += length;
        }
    }
}

/// Two digits for each number below 100.
pub(super) const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[0; 2]; 100];
    let mut n = 0;
    while n < pairs.len() {
        pairs[n] = [b'0' + (n / 10) as u8, b'0' + (n % 10) as u8];
        n += 1;
    }
    pairs
};

/// The digits of nanoseconds, and how many of them are written: none, 3, 6 or 9.
#[inline]
pub(super) fn fraction(nanos: u32) -> ([u8; 9], usize) {
    let (millis, rest) = (nanos / 1_000_000, nanos % 1_000_000);
    let (micros, rest) = (rest / 1_000, rest % 1_000);
    let length = match (millis, micros, rest) {
        (0, 0, 0) => 0,
        (_, 0, 0) => 3,
        (_, _, 0) => 6,
        _ => 9,
    };
    let [a, b, c] = three(millis);
    let [d, e, f] = three(micros);
    let [g, h, i] = three(rest);
    ([a, b, c, d, e, f, g, h, i], length)
}

#[inline]
fn three(value: u32) -> [u8; 3] {
    let [tens, ones] = PAIRS[(value % 100) as usize];
    [b'0' + (value / 100) as u8, tens, ones]
}

/// What of a text hasn't been read yet.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            rest: text.as_bytes(),
        }
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// Goes past `ascii`, if that is what comes next.
    pub(super) fn eat(&mut self, ascii: u8) -> bool {
        match self.rest.split_first() {
            Some((first, rest)) if *first == ascii => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    /// Goes past as many bytes as there are in `like`, if they are like it: a digit where it has a
    /// `0`, and what it has elsewhere. They are returned.
    #[inline]
    pub(super) fn like<const COUNT: usize>(
        &mut self,
        like: &[u8; COUNT],
    ) -> Option<&'a [u8; COUNT]> {
        let (text, rest) = self.rest.split_first_chunk::<COUNT>()?;
        let mut is_like = true;
        for (byte, like) in text.iter().zip(like) {
            is_like &= if *like == b'0' {
                byte.is_ascii_digit()
            } else {
                byte == like
            };
        }
        if !is_like {
            return None;
        }
        self.rest = rest;
        Some(text)
    }

    /// Reads at most `most` digits, which has to be less than 19; returns their
    /// value and how many there were.
    pub(super) fn number(&mut self, most: usize) -> (i64, usize) {
        let mut value = 0;
        let mut length = 0;
        while let Some((digit @ b'0'..=b'9', rest)) = self.rest.split_first() {
            if length == most {
                break;
            }
            value = value * 10 + i64::from(digit - b'0');
            length += 1;
            self.rest = rest;
        }
        (value, length)
    }

    /// Reads a point and 1 to 9 digits, as nanoseconds; 0 if there is no point.
    pub(super) fn fraction(&mut self) -> Option<i32> {
        if !self.eat(b'.') {
            return Some(0);
        }
        /// What a fraction of so many digits counts in.
        const UNITS: [i32; 10] = [
            0,
            100_000_000,
            10_000_000,
            1_000_000,
            100_000,
            10_000,
            1_000,
            100,
            10,
            1,
        ];
        let (mut value, mut length) = (0, 0);
        while let Some((digit @ b'0'..=b'9', rest)) = self.rest.split_first() {
            value = value * 10 + i32::from(digit - b'0');
            length += 1;
            self.rest = rest;
            if length == 9 {
                break;
            }
        }
        // One digit more is left, and is in nobody's way but the caller's.
        let unit = UNITS.get(length).filter(|_| length > 0)?;
        Some(value * unit)
    }
}
