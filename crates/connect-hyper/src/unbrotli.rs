//! A reader of Brotli. The library's own one takes windows of up to 1 GiB, and doesn't always see bytes
//! behind the end.

use std::io::{self, Read};

use brotli::BrotliResult;

pub(crate) struct Unbrotli<'a> {
    body: &'a [u8],
    read: usize,
    state: BrotliState,
}

type BrotliState = brotli::BrotliState<
    brotli::HeapAlloc<u8>,
    brotli::HeapAlloc<u32>,
    brotli::HeapAlloc<brotli::HuffmanCode>,
>;

impl<'a> Unbrotli<'a> {
    pub(crate) fn new(body: &'a [u8]) -> Self {
        Self {
            body,
            read: 0,
            // Strict: without the large windows.
            state: BrotliState::new_strict(
                brotli::HeapAlloc::new(0),
                brotli::HeapAlloc::new(0),
                brotli::HeapAlloc::new(brotli::HuffmanCode::default()),
            ),
        }
    }
}

impl Read for Unbrotli<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut left = self.body.len() - self.read;
        let mut room = buffer.len();
        let mut written = 0;
        let result = brotli::BrotliDecompressStream(
            &mut left,
            &mut self.read,
            self.body,
            &mut room,
            &mut written,
            buffer,
            &mut 0,
            &mut self.state,
        );
        match result {
            BrotliResult::ResultSuccess if left == 0 => Ok(written),
            BrotliResult::NeedsMoreOutput => Ok(written),
            // What is there comes first; there is nothing more to be had the next time.
            BrotliResult::NeedsMoreInput if written > 0 => Ok(written),
            BrotliResult::NeedsMoreInput => Err(io::ErrorKind::UnexpectedEof.into()),
            BrotliResult::ResultSuccess | BrotliResult::ResultFailure => {
                Err(io::ErrorKind::InvalidData.into())
            }
        }
    }
}
