//! The frames of standard input and output: a big-endian u32 length, then a message in binary.

use std::io;

use prost::Message;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// How long a message may be: 16 MiB, which is the suite's own limit too.
const LIMIT: usize = 16 << 20;

/// The next message, or none at the end of the input.
///
/// # Errors
///
/// The input can't be read, it ends in the middle of a frame, or what is in a frame is no such
/// message or is longer than 16 MiB.
pub async fn read<T: Message + Default>(
    input: &mut (impl AsyncRead + Unpin),
) -> io::Result<Option<T>> {
    let mut length = [0; 4];
    let mut filled = 0;
    while filled < length.len() {
        match input.read(&mut length[filled..]).await? {
            0 if filled == 0 => return Ok(None),
            0 => return Err(cut_off()),
            count => filled += count,
        }
    }
    let length = u32::from_be_bytes(length) as usize;
    if length > LIMIT {
        return Err(invalid(format!(
            "the input has a frame of {length} bytes, and {LIMIT} is the most"
        )));
    }
    let mut frame = vec![0; length];
    input.read_exact(&mut frame).await.map_err(|error| {
        if error.kind() == io::ErrorKind::UnexpectedEof {
            cut_off()
        } else {
            error
        }
    })?;
    T::decode(frame.as_slice())
        .map(Some)
        .map_err(|error| invalid(format!("the input has a frame that is no message: {error}")))
}

/// Writes a message, and flushes it.
///
/// # Errors
///
/// The output can't be written, or the message is longer than 16 MiB.
pub async fn write(
    output: &mut (impl AsyncWrite + Unpin),
    message: &impl Message,
) -> io::Result<()> {
    let length = message.encoded_len();
    let prefix = u32::try_from(length)
        .ok()
        .filter(|_| length <= LIMIT)
        .ok_or_else(|| invalid(format!("a message of {length} bytes can't be written")))?;
    let mut frame = Vec::with_capacity(4 + length);
    frame.extend_from_slice(&prefix.to_be_bytes());
    frame.extend_from_slice(&message.encode_to_vec());
    output.write_all(&frame).await?;
    output.flush().await
}

fn cut_off() -> io::Error {
    io::Error::new(
        io::ErrorKind::UnexpectedEof,
        "the input ends in the middle of a frame",
    )
}

fn invalid(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::proto::{ClientErrorResult, Header};

    async fn error(mut input: &[u8]) -> String {
        let read = read::<ClientErrorResult>(&mut input).await;
        read.unwrap_err().to_string()
    }

    #[tokio::test]
    async fn what_is_written_is_read() {
        let messages = ["", "one", &"long".repeat(100_000)].map(|message| ClientErrorResult {
            message: message.to_owned(),
        });
        let mut bytes = Vec::new();
        for message in &messages {
            write(&mut bytes, message).await.unwrap();
        }
        assert_eq!(bytes[..4], [0; 4]);
        let mut input = bytes.as_slice();
        for message in messages {
            assert_eq!(read(&mut input).await.unwrap(), Some(message));
        }
        assert_eq!(read::<ClientErrorResult>(&mut input).await.unwrap(), None);
    }

    #[tokio::test]
    async fn input_that_is_no_frame() {
        for cut in [
            &[0][..],
            &[0, 0, 0],
            &[0, 0, 0, 5],
            &[0, 0, 0, 5, 10, 3, b'a'],
        ] {
            assert!(error(cut).await.contains("ends in the middle"), "{cut:?}");
        }
        // Refused by its length: nothing is allocated for it, and nothing is waited for.
        for length in [LIMIT as u32 + 1, u32::MAX] {
            assert!(error(&length.to_be_bytes()).await.contains("is the most"));
        }
        assert!(error(&[0, 0, 0, 2, 10, 5]).await.contains("no message"));
    }

    #[tokio::test]
    async fn a_message_beyond_the_limit() {
        let message = Header {
            name: "n".repeat(LIMIT),
            value: Vec::new(),
        };
        let mut output = Vec::new();
        assert!(write(&mut output, &message).await.is_err());
        assert!(output.is_empty());
    }
}
