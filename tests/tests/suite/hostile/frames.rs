//! What no library writes: frames of HTTP/2 and chunks of HTTP/1.1 that are cut off.

use gitpod_client::{Code, Codec, Execution};
use gitpod_testing::Fault;

use super::{Kind, Row, fails, row};

/// Of a frame of HTTP/2 (RFC 9113, section 4.1).
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const END_HEADERS: u8 = 4;
/// `:status: 200`, and `content-type` as the name of what follows (RFC 7541, appendix A).
const STATUS_200: u8 = 0x88;
const CONTENT_TYPE: u8 = 0x40 | 31;
/// As much as a frame may have unless a peer says otherwise.
const LONGEST: u32 = 16 << 10;

/// The head of a frame of a connection's first stream.
fn frame(length: u32, kind: u8, flags: u8) -> Vec<u8> {
    let mut frame = length.to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags, 0, 0, 0, 1]);
    frame
}

/// The beginning of a frame with a response's headers.
pub(super) fn cut_headers() -> Vec<u8> {
    let mut cut = frame(100, HEADERS, END_HEADERS);
    cut.push(STATUS_200);
    cut
}

/// Bodies whose one chunk, or frame, is never there as a whole.
pub(super) fn without_end() -> Vec<Row> {
    let mut rows = Vec::new();
    for codec in [Codec::Json, Codec::Binary] {
        for kind in [Kind::Unary, Kind::Stream] {
            let name = match codec {
                Codec::Binary => "proto",
                _ => "json",
            };
            let (content_type, body) = match kind {
                Kind::Unary => (format!("application/{name}"), &b"{"[..]),
                Kind::Stream => (format!("application/connect+{name}"), &b"\0\0\0\0\x09{"[..]),
            };
            let mut chunk = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\n\
                 transfer-encoding: chunked\r\n\r\n7fffffff\r\n"
            )
            .into_bytes();
            chunk.extend(body);
            let mut data = frame(content_type.len() as u32 + 3, HEADERS, END_HEADERS);
            data.extend([STATUS_200, CONTENT_TYPE, content_type.len() as u8]);
            data.extend(content_type.as_bytes());
            data.extend(frame(LONGEST, DATA, 0));
            data.extend(body);
            let late = fails(0, Code::DeadlineExceeded, Execution::Ambiguous);
            let only = move |row: Row| {
                row.when(move |wire, of| wire.codec != codec || of != kind, None)
                    .late()
            };
            let chunk = Fault::raw_without_end(chunk);
            rows.push(only(
                row("a chunk that never ends", chunk, late, late).over_http1(),
            ));
            let data = Fault::raw_without_end(data);
            rows.push(only(
                row("a frame that never ends", data, late, late)
                    .over_http2()
                    .stuck(),
            ));
        }
    }
    rows
}
