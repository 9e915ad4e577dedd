//! The end of what a command says, without the token.

use std::collections::VecDeque;
use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

use crate::driver::without;

/// What is kept of it: more than a token that is split by the limit.
const KEPT: usize = 64 * 1024;
const LINES: usize = 10;
const CHARACTERS: usize = 2000;

/// The last of what came.
#[derive(Debug, Default)]
pub(super) struct Tail {
    bytes: VecDeque<u8>,
    cut: bool,
}

impl Tail {
    /// Reads to the end. What is there already stays if this is given up.
    pub(super) async fn read(&mut self, mut from: impl AsyncRead + Unpin) -> io::Result<()> {
        let mut buffer = [0; 4096];
        loop {
            let read = from.read(&mut buffer).await?;
            if read == 0 {
                return Ok(());
            }
            self.bytes.extend(&buffer[..read]);
            let over = self.bytes.len().saturating_sub(KEPT);
            self.cut |= over > 0;
            self.bytes.drain(..over);
        }
    }

    /// The last lines, and never the token or a part of it.
    pub(super) fn lines(&self, token: Option<&str>) -> String {
        let bytes: Vec<u8> = self.bytes.iter().copied().collect();
        let text = without(&String::from_utf8_lossy(&bytes), token);
        // The limit may have cut the token in two.
        let begin = match text.find('\n') {
            Some(end) if self.cut => end + 1,
            None if self.cut => text.len(),
            _ => 0,
        };
        let lines: Vec<&str> = text[begin..].lines().collect();
        let last = lines[lines.len().saturating_sub(LINES)..].join("\n");
        let skip = last.chars().count().saturating_sub(CHARACTERS);
        last.chars().skip(skip).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn lines(said: &[u8]) -> String {
        let mut tail = Tail::default();
        tail.read(said).await.unwrap();
        tail.lines(Some("very-secret"))
    }

    #[tokio::test]
    async fn the_last_lines_without_the_token() {
        assert_eq!(lines(b"").await, "");
        assert_eq!(
            lines(b"\xff very-secret!\nb").await,
            "\u{fffd} [redacted]!\nb"
        );
        let many: String = (0..100).map(|n| format!("{n}\n")).collect();
        assert_eq!(lines(many.as_bytes()).await.lines().next(), Some("90"));
    }

    #[tokio::test]
    async fn no_part_of_a_token_that_the_limit_cuts() {
        for shift in 0..20 {
            let said = format!("very-secret{}\nend", "x".repeat(KEPT - shift));
            let shown = lines(said.as_bytes()).await;
            assert!(
                !shown.contains("ret") && !shown.contains("secret"),
                "{shift}"
            );
        }
        let said = format!("{}very-secret", "x".repeat(2 * KEPT));
        assert!(!lines(said.as_bytes()).await.contains("secret"));
    }
}
