//! What the testees do with input that the suite would never send.

#![allow(clippy::unwrap_used)]

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use conformance::proto::{ClientCompatRequest, ClientCompatResponse, client_compat_response};
use prost::Message as _;

fn run(testee: &str, input: &[u8]) -> Output {
    let mut child = Command::new(testee)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}

fn frame(message: &[u8]) -> Vec<u8> {
    let mut frame = (message.len() as u32).to_be_bytes().to_vec();
    frame.extend(message);
    frame
}

const TESTEES: [&str; 2] = [
    env!("CARGO_BIN_EXE_connect-client-testee"),
    env!("CARGO_BIN_EXE_connect-server-testee"),
];

#[test]
fn input_that_is_cut_off_or_malformed() {
    for testee in TESTEES {
        for (input, says) in [
            (vec![0, 0], "ends in the middle of a frame"),
            (vec![0, 0, 0, 9, 10], "ends in the middle of a frame"),
            (vec![255; 4], "a frame of 4294967295 bytes"),
            (frame(&[255; 9]), "a frame that is no message"),
        ] {
            let output = run(testee, &input);
            let said = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(1), "{said}");
            assert!(output.stdout.is_empty());
            assert!(said.contains(says), "{said}");
            assert_eq!(said.lines().count(), 1, "{said}");
        }
    }
}

#[test]
fn no_input_is_no_failure() {
    for testee in TESTEES {
        let output = run(testee, b"");
        assert!(output.status.success());
        assert!(output.stdout.is_empty() && output.stderr.is_empty());
    }
}

/// A request that no call can be made of is answered, and those before the end of broken input are.
#[test]
fn what_can_be_answered_is() {
    let request = ClientCompatRequest {
        test_name: "strange".to_owned(),
        service: Some("no.such.Service".to_owned()),
        ..Default::default()
    };
    let mut input = frame(&request.encode_to_vec());
    input.extend([0, 0, 0]);
    let output = run(env!("CARGO_BIN_EXE_connect-client-testee"), &input);
    assert_eq!(output.status.code(), Some(1));

    let (length, message) = output.stdout.split_at(4);
    assert_eq!(length, (message.len() as u32).to_be_bytes());
    let answer = ClientCompatResponse::decode(message).unwrap();
    assert_eq!(answer.test_name, "strange");
    let Some(client_compat_response::Result::Error(error)) = answer.result else {
        panic!("no error");
    };
    assert!(error.message.contains("no.such.Service"));
}
