//! `gitpodctl serve`: a server for programs in any language.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout};

use crate::support::{Run, finish, gitpodctl, run};

struct Serving {
    child: Child,
    stdout: BufReader<ChildStdout>,
    line: serde_json::Value,
}

fn serve(arguments: &[&str]) -> Serving {
    let mut child = gitpodctl()
        .env_remove("ONA_API_KEY")
        .arg("serve")
        .args(arguments)
        .spawn()
        .expect("the binary runs");
    let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut line = String::new();
    stdout.read_line(&mut line).expect("a line");
    let line = serde_json::from_str(&line).expect("JSON");
    Serving {
        child,
        stdout,
        line,
    }
}

impl Serving {
    fn text(&self, name: &str) -> &str {
        self.line[name].as_str().expect("text")
    }

    fn scim(&self, arguments: &[&str]) -> Run {
        let child = gitpodctl()
            .env("ONA_API_KEY", self.text("api_key"))
            .env("ONA_BASE_URL", self.text("base_url"))
            .arg("scim")
            .args(arguments)
            .spawn()
            .expect("the binary runs");
        finish(child)
    }

    #[cfg(unix)]
    fn stop(mut self, signal: &str) {
        crate::signals::send(&self.child, signal);
        let mut rest = String::new();
        std::io::Read::read_to_string(&mut self.stdout, &mut rest).expect("its end");
        assert_eq!(rest, "", "one line and nothing else");
        finish(self.child).expect(0);
    }
}

#[cfg(unix)]
#[test]
fn prints_a_line_serves_and_stops() {
    for signal in ["TERM", "INT"] {
        let serving = serve(&[]);
        let keys: Vec<_> = serving.line.as_object().unwrap().keys().collect();
        assert_eq!(
            keys,
            [
                "api_key",
                "base_url",
                "scim_base_url",
                "scim_configuration_id"
            ]
        );
        let id = serving.text("scim_configuration_id").to_owned();
        let first = serving.scim(&["regenerate-token", &id]).expect(0);
        let second = serving.scim(&["regenerate-token", &id]).expect(0);
        assert_ne!(first.line(), second.line());
        // It keeps its state between processes.
        serving.scim(&["delete", &id]).expect(0);
        serving.scim(&["get", &id]).expect(4);
        serving.stop(signal);
    }
}

#[cfg(unix)]
#[test]
fn a_wrong_credential_is_told_apart() {
    let serving = serve(&[]);
    let child = gitpodctl()
        .env("ONA_BASE_URL", serving.text("base_url"))
        .args([
            "scim",
            "regenerate-token",
            serving.text("scim_configuration_id"),
        ])
        .spawn()
        .unwrap();
    finish(child)
        .expect(3)
        .silent()
        .says("the old token was not replaced");
    serving.stop("TERM");
}

#[test]
fn a_taken_port_is_told() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    run(["serve", "--port", &port])
        .expect(1)
        .silent()
        .says(&port);
}

#[test]
fn it_is_no_client() {
    run(["serve", "--base-url", "https://example.com/api"])
        .expect(2)
        .silent()
        .says("--base-url");
    run(["serve", "--embedded"]).expect(2).silent();
}
