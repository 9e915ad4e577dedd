//! A short string on the stack, and readers of digits.

/// Long enough for `9999-12-31T23:59:59.999999999Z`.
const CAPACITY: usize = 32;

/// A short ASCII text, written without allocation.
#[derive(Clone, Copy)]
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

    pub(crate) fn as_str(&self) -> &str {
        // Nothing but ASCII is pushed, so this is never empty by mistake.
        std::str::from_utf8(&self.bytes[..self.length]).unwrap_or_default()
    }

    pub(super) fn push(&mut self, ascii: u8) {
        self.bytes[self.length] = ascii;
        self.length += 1;
    }

    /// Pushes `value` in exactly `COUNT` digits, which have to be enough.
    pub(super) fn push_digits<const COUNT: usize>(&mut self, value: u32) {
        let mut rest = value;
        for digit in self.bytes[self.length..][..COUNT].iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        self.length += COUNT;
    }

    /// Pushes `value` in as many digits as it has.
    pub(super) fn push_number(&mut self, value: u64) {
        let start = self.length;
        let mut rest = value;
        loop {
            self.push(b'0' + (rest % 10) as u8);
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        self.bytes[start..self.length].reverse();
    }

    /// Pushes a point and 3, 6 or 9 digits; nothing if there are no nanoseconds.
    pub(super) fn push_fraction(&mut self, nanos: u32) {
        if nanos == 0 {
            return;
        }
        self.push(b'.');
        if nanos.is_multiple_of(1_000_000) {
            self.push_digits::<3>(nanos / 1_000_000);
        } else if nanos.is_multiple_of(1_000) {
            self.push_digits::<6>(nanos / 1_000);
        } else {
            self.push_digits::<9>(nanos);
        }
    }
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

    /// Reads exactly `COUNT` digits, less than 10.
    pub(super) fn digits<const COUNT: usize>(&mut self) -> Option<u32> {
        let (digits, rest) = self.rest.split_first_chunk::<COUNT>()?;
        let mut value = 0;
        for digit in digits {
            let digit = digit.wrapping_sub(b'0');
            if digit > 9 {
                return None;
            }
            value = value * 10 + u32::from(digit);
        }
        self.rest = rest;
        Some(value)
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
        const UNITS: [i64; 10] = [
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
        let (digits, length) = self.number(9);
        if length == 0 {
            return None;
        }
        i32::try_from(digits * UNITS[length]).ok()
    }
}
