//! The table.

use std::time::Duration;

use gitpod_client::http::StatusCode;
use gitpod_client::http::header::{self, HeaderName, HeaderValue};
use gitpod_client::{Code, Codec, Execution};
use gitpod_testing::Fault;

use super::run::{LIMIT, MESSAGES, SOON};
use super::{Kind, Row, both, fails, fine, frames, of_streams, row};
use Code::{DeadlineExceeded, Internal, ResourceExhausted, Unavailable, Unimplemented, Unknown};
use Execution::{Ambiguous, Executed};

/// Longer than any test waits.
const FOR_EVER: Duration = Duration::from_secs(600);

pub(super) fn table() -> Vec<Row> {
    [
        connections(),
        stalls(),
        frames::without_end(),
        lengths(),
        answers(),
        headers(),
        envelopes(),
        ends(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn connections() -> Vec<Row> {
    vec![
        both(
            "closed before the headers",
            Fault::drop_before(),
            Unavailable,
            Ambiguous,
        ),
        both(
            "reset before the headers",
            Fault::drop_before().by_reset(),
            Unavailable,
            Ambiguous,
        ),
        both(
            "executed, and then reset",
            Fault::drop_after().by_reset(),
            Unavailable,
            Ambiguous,
        ),
        both(
            "closed within the headers",
            Fault::raw("HTTP/1.1 200 OK\r\ncontent-type: applica"),
            Unavailable,
            Ambiguous,
        ),
        both(
            "reset within the headers",
            Fault::raw("HTTP/1.1 200 OK\r\ncontent-type: applica").by_reset(),
            Unavailable,
            Ambiguous,
        ),
        both(
            "closed within the frame of the headers",
            Fault::raw(frames::cut_headers()),
            Unavailable,
            Ambiguous,
        )
        .over_http2(),
        both(
            "reset within the frame of the headers",
            Fault::raw(frames::cut_headers()).by_reset(),
            Unavailable,
            Ambiguous,
        )
        .over_http2(),
        both(
            "what isn't HTTP",
            Fault::raw("SSH-2.0-OpenSSH_9.9\r\n"),
            Unavailable,
            Ambiguous,
        ),
        row(
            "closed behind the headers",
            Fault::cut_body(0),
            fails(0, Unavailable, Executed),
            fails(0, Unavailable, Ambiguous),
        ),
        row(
            "reset behind the headers",
            Fault::cut_body(0).by_reset(),
            fails(0, Unavailable, Executed),
            fails(0, Unavailable, Ambiguous),
        ),
        row(
            "closed within the first message",
            Fault::cut_body(7),
            fails(0, Unavailable, Executed),
            fails(0, Unavailable, Ambiguous),
        ),
        row(
            "reset within the first message",
            Fault::cut_body(7).by_reset(),
            fails(0, Unavailable, Executed),
            fails(0, Unavailable, Ambiguous),
        ),
        of_streams(
            "closed behind the first message",
            Fault::cut_after(1),
            fails(1, Unavailable, Executed),
        ),
        row(
            "the connection takes no more calls",
            Fault::go_away(),
            fine(1),
            fine(MESSAGES),
        ),
        row(
            "the connection takes no more calls while this one is under way",
            Fault::go_away_first(),
            fine(1),
            fine(MESSAGES),
        ),
        both(
            "the connection took leave before this call",
            Fault::go_away_unprocessed(),
            Unavailable,
            Ambiguous,
        )
        .repeated_over_http2(),
        both(
            "a stream that is refused",
            Fault::refuse_stream(),
            Unavailable,
            Ambiguous,
        )
        .repeated_over_http2(),
        // CANCEL says nothing about what was done.
        both(
            "a stream that is canceled",
            Fault::reset_stream(8),
            Unavailable,
            Ambiguous,
        ),
    ]
}

fn stalls() -> Vec<Row> {
    vec![
        both(
            "headers that stop",
            Fault::raw_without_end("HTTP/1.1 200 OK\r\ncontent-type: applica"),
            DeadlineExceeded,
            Ambiguous,
        )
        .late()
        .over_http1(),
        both(
            "a frame of headers that stops",
            Fault::raw_without_end(frames::cut_headers()),
            DeadlineExceeded,
            Ambiguous,
        )
        .late()
        .over_http2(),
        both(
            "not executed for long",
            Fault::delay_before(FOR_EVER),
            DeadlineExceeded,
            Ambiguous,
        )
        .late(),
        both(
            "answered late",
            Fault::delay_answer(FOR_EVER),
            DeadlineExceeded,
            Ambiguous,
        )
        .late(),
        both(
            "answered when the deadline has just passed",
            Fault::delay_answer(SOON + Duration::from_millis(50)),
            DeadlineExceeded,
            Ambiguous,
        )
        .late(),
        both("no body", Fault::stall_body(0), DeadlineExceeded, Ambiguous).late(),
        both(
            "a body that stops",
            Fault::stall_body(7),
            DeadlineExceeded,
            Ambiguous,
        )
        .late(),
        row(
            "nothing behind the first message",
            Fault::stall_after(1),
            fails(0, DeadlineExceeded, Ambiguous),
            fails(1, DeadlineExceeded, Executed),
        )
        // The length says that this was all.
        .when(|wire, kind| !wire.http2 && kind == Kind::Unary, None)
        .late(),
        both(
            "a body that comes byte by byte",
            Fault::trickle_body(1, Duration::from_secs(1)),
            DeadlineExceeded,
            Ambiguous,
        )
        .late(),
    ]
}

fn lengths() -> Vec<Row> {
    let length = |bytes| Fault::header(header::CONTENT_LENGTH, HeaderValue::from_static(bytes));
    vec![
        row(
            "a body shorter than its length",
            length("1000"),
            fails(0, Unavailable, Executed),
            fails(MESSAGES, Unavailable, Executed),
        )
        // The server's own library refuses.
        .when(|wire, kind| !wire.http2 && kind == Kind::Stream, None),
        // HTTP/1.1 reads as many bytes as that; HTTP/2 sees that there are more.
        row(
            "a body longer than its length",
            length("7"),
            fails(0, Internal, Executed),
            fails(0, Internal, Ambiguous),
        )
        .when(
            |wire, kind| wire.http2 && kind == Kind::Unary,
            fails(0, Unavailable, Executed),
        )
        .when(
            |wire, kind| wire.http2 && kind == Kind::Stream,
            fails(0, Unavailable, Ambiguous),
        ),
        row(
            "as large as may be",
            Fault::message_of_size(LIMIT),
            fine(1),
            fine(MESSAGES),
        ),
        row(
            "a byte too large",
            Fault::message_of_size(LIMIT + 1),
            fails(0, ResourceExhausted, Executed),
            fails(0, ResourceExhausted, Ambiguous),
        ),
        row(
            "much too large",
            Fault::oversized_body(20 << 20),
            fails(0, ResourceExhausted, Executed),
            fails(0, ResourceExhausted, Ambiguous),
        ),
        row(
            "a bomb of 1 GiB in 1 MiB",
            Fault::gzip_bomb(1 << 30),
            fails(0, ResourceExhausted, Executed),
            fails(0, ResourceExhausted, Ambiguous),
        ),
    ]
}

fn answers() -> Vec<Row> {
    let html = |status| Fault::html(StatusCode::from_u16(status).unwrap());
    let status = |status| Fault::status(StatusCode::from_u16(status).unwrap());
    let typed = |value| Fault::content_type(HeaderValue::from_static(value));
    vec![
        row(
            "garbage",
            Fault::garbage(),
            fails(0, Internal, Executed),
            fails(0, Internal, Ambiguous),
        ),
        both("HTML with 200", html(200), Unknown, Ambiguous),
        both("HTML with 404", html(404), Unimplemented, Ambiguous),
        both("HTML with 502", html(502), Unavailable, Ambiguous),
        both("429 and nothing else", status(429), Unavailable, Ambiguous),
        both("503 and nothing else", status(503), Unavailable, Ambiguous),
        both("408, which some repeat", status(408), Unknown, Ambiguous),
        both("a redirect to nowhere", status(308), Unknown, Ambiguous),
        both("a text", typed("text/plain"), Unknown, Ambiguous),
        both(
            "a codec that nobody knows",
            typed("application/connect+xml"),
            Internal,
            Ambiguous,
        ),
        both(
            "the other codec",
            typed("application/connect+proto"),
            Internal,
            Ambiguous,
        )
        .when(|wire, _| wire.codec == Codec::Binary, None),
        both(
            "the other codec",
            typed("application/connect+json"),
            Internal,
            Ambiguous,
        )
        .when(|wire, _| wire.codec == Codec::Json, None),
        row(
            "an encoding that nobody knows",
            Fault::content_encoding(HeaderValue::from_static("deflate")).and(Fault::header(
                HeaderName::from_static("connect-content-encoding"),
                HeaderValue::from_static("deflate"),
            )),
            fails(0, Internal, Executed),
            fails(0, Internal, Ambiguous),
        ),
    ]
}

fn headers() -> Vec<Row> {
    let mut many = Fault::header(
        HeaderName::from_static("x-0"),
        HeaderValue::from_static("1"),
    );
    for n in 1..10_000 {
        let name = HeaderName::try_from(format!("x-{n}")).unwrap();
        many = many.and(Fault::header(name, HeaderValue::from_static("1")));
    }
    let large = HeaderValue::try_from("a".repeat(1 << 20)).unwrap();
    let large = Fault::header(HeaderName::from_static("x-large"), large);
    vec![
        both("10,000 headers", many, Unavailable, Ambiguous),
        both("a header of 1 MiB", large, Unavailable, Ambiguous),
    ]
}

fn envelopes() -> Vec<Row> {
    let broken = fails(0, Internal, Ambiguous);
    vec![
        of_streams(
            "a length of 4 GiB",
            Fault::envelope_length(u32::MAX),
            fails(0, ResourceExhausted, Ambiguous),
        ),
        of_streams(
            "a length of a byte too many",
            Fault::envelope_length(LIMIT as u32 + 1),
            fails(0, ResourceExhausted, Ambiguous),
        ),
        // Of nothing binary makes the default message, and JSON nothing.
        row(
            "a message of no bytes",
            Fault::message(""),
            fails(0, Internal, Executed),
            fails(0, Internal, Executed),
        )
        .when(
            |wire, kind| wire.codec == Codec::Binary && kind == Kind::Stream,
            fine(MESSAGES),
        ),
        of_streams("a reserved flag", Fault::envelope_flags(4), broken),
        of_streams("all flags", Fault::envelope_flags(0xff), broken),
        of_streams(
            "compressed, without an encoding",
            Fault::envelope_flags(1),
            broken,
        ),
        of_streams("a message for the end", Fault::envelope_flags(2), broken),
        of_streams(
            "half an envelope in between",
            Fault::extra_bytes(1, &[0, 0xff][..]),
            fails(1, ResourceExhausted, Executed),
        ),
    ]
}

fn ends() -> Vec<Row> {
    let broken = fails(MESSAGES, Internal, Executed);
    vec![
        of_streams("no end", Fault::without_end(), broken),
        of_streams("two ends", Fault::doubled_end(), broken),
        of_streams("an end of nothing", Fault::end_of_stream(""), broken),
        of_streams("an end that isn't JSON", Fault::end_of_stream("{"), broken),
        of_streams("an end that isn't one", Fault::end_of_stream("[]"), broken),
        of_streams("a compressed end", Fault::compressed_end(), fine(MESSAGES)),
        of_streams("a byte behind the end", Fault::behind_end("x"), broken),
        of_streams(
            "an envelope of 4 GiB behind the end",
            Fault::behind_end(&b"\0\xff\xff\xff\xff"[..]),
            broken,
        ),
    ]
}
