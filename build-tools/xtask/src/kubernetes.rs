//! `cargo xtask kubernetes`: a real API server, and the tests that need one.

use std::fs::{self, File};
use std::io;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{self, Child, ExitCode};
use std::time::Instant;

use serde_json::Value;

use crate::{Failure, go};

const KUBERNETES: &str = "v1.34.1";
/// Of the modules that Kubernetes is made of. Its own go.mod says where they are in its repository, which a
/// module hasn't.
const PARTS: &str = "v0.34.1";
const ETCD: &str = "v3.6.5";

#[derive(Debug, clap::Args)]
pub(crate) struct Command {
    /// The tests whose name this is in.
    #[arg(default_value = "")]
    filter: String,
}

impl Command {
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        go::check("Kubernetes")?;
        let target = target()?;
        let binaries = target.join("kubernetes");
        let server = install_kubernetes(&binaries)?;
        let etcd = install_etcd(&binaries)?;
        // What runs has its folder anew each time.
        let folder = binaries.join("run");
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(|error| failed("the last run's folder", error))?;
        }
        fs::create_dir_all(&folder).map_err(|error| failed("a folder", error))?;
        // Both end with this function.
        let _running = start(&folder, &etcd, &server)?;
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let status = process::Command::new(cargo)
            .args([
                "test",
                "--package",
                "gitpod-cli",
                "--package",
                "gitpod-rotation",
            ])
            .args(["--features", "gitpod-cli/k8s"])
            .args(["--test", "it", &format!("kubernetes::{}", self.filter)])
            // One after another, so that what they print can be read.
            .args(["--", "--nocapture", "--test-threads=1"])
            .env("GITPOD_KUBERNETES", &folder)
            .status()
            .map_err(|error| failed("cargo", error))?;
        Ok(if status.success() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}

/// The target folder, which this program is in.
fn target() -> Result<PathBuf, Failure> {
    let own = std::env::current_exe().map_err(|error| failed("this program's place", error))?;
    let folder = own.parent().and_then(Path::parent);
    Ok(folder.unwrap_or(Path::new(".")).to_owned())
}

/// The API server, built unless it is there.
fn install_kubernetes(folder: &Path) -> Result<PathBuf, Failure> {
    let package = "k8s.io/kubernetes";
    build(folder, "kube-apiserver", KUBERNETES, || {
        let output = process::Command::new("go")
            .args([
                "mod",
                "download",
                "-json",
                &format!("{package}@{KUBERNETES}"),
            ])
            // Not what it says of its progress, which isn't JSON.
            .stderr(process::Stdio::inherit())
            .output()
            .map_err(|error| failed("go", error))?;
        let said: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        let path = said["GoMod"].as_str();
        let path = path.ok_or_else(|| Failure::new(format!("{package} can't be downloaded")))?;
        let text = fs::read_to_string(path).map_err(|error| failed(path, error))?;
        Ok((module(&text), format!("{package}/cmd/kube-apiserver")))
    })
}

fn install_etcd(folder: &Path) -> Result<PathBuf, Failure> {
    let package = "go.etcd.io/etcd/server/v3";
    build(folder, "etcd", ETCD, || {
        let module = format!("module scratch\n\ngo 1.24.0\n\nrequire {package} {ETCD}\n");
        Ok((module, package.to_owned()))
    })
}

/// A module that needs Kubernetes, with its parts as they are published.
fn module(of_kubernetes: &str) -> String {
    let parts = of_kubernetes.lines().filter_map(|line| {
        let (part, place) = line.trim().split_once(" => ")?;
        place.starts_with("./staging/").then_some(part)
    });
    let parts: Vec<_> = parts
        .map(|part| format!("replace {part} => {part} {PARTS}\n"))
        .collect();
    // Its own say which Go it is for, and how that behaves.
    let lines = of_kubernetes.lines();
    let settings = lines.filter(|line| line.starts_with("go ") || line.starts_with("godebug "));
    format!(
        "module scratch\n\n{}\n\nrequire k8s.io/kubernetes {KUBERNETES}\n\n{}",
        settings.collect::<Vec<_>>().join("\n\n"),
        parts.concat()
    )
}

/// Builds a program of what `sources` says: a go.mod, and the package.
fn build(
    folder: &Path,
    name: &str,
    version: &str,
    sources: impl FnOnce() -> Result<(String, String), Failure>,
) -> Result<PathBuf, Failure> {
    let folder = folder.join(format!("{name}-{version}"));
    let binary = folder
        .join(name)
        .with_extension(std::env::consts::EXE_EXTENSION);
    if binary.exists() {
        return Ok(binary);
    }
    let began = Instant::now();
    println!("building {name} {version}, which takes some minutes");
    let (module, package) = sources()?;
    fs::create_dir_all(&folder).map_err(|error| failed("a folder", error))?;
    fs::write(folder.join("go.mod"), module).map_err(|error| failed("go.mod", error))?;
    let status = process::Command::new("go")
        .current_dir(&folder)
        .args(["build", "-mod=mod", "-ldflags=-s -w", "-o"])
        .args([&*binary, Path::new(&package)])
        .status()
        .map_err(|error| failed("go", error))?;
    if !status.success() {
        return Err(Failure::new(format!("{package} {version} doesn't build")));
    }
    println!("{name} {version}: built in {} s", began.elapsed().as_secs());
    Ok(binary)
}

/// Starts both. What the tests need to know is in the folder then.
fn start(folder: &Path, etcd: &Path, server: &Path) -> Result<[Running; 2], Failure> {
    let key = rcgen::KeyPair::generate();
    let key = key.map_err(|error| Failure::new(format!("no key can be made: {error}")))?;
    let [client, peer, port] = free_ports().map_err(|error| failed("a port", error))?;
    let token = key
        .serialize_pem()
        .lines()
        .nth(1)
        .unwrap_or_default()
        .to_owned();
    let (client, peer) = (
        format!("http://127.0.0.1:{client}"),
        format!("http://127.0.0.1:{peer}"),
    );
    for (name, text) in [
        ("url", format!("https://127.0.0.1:{port}")),
        ("admin-token", token.clone()),
        (
            "tokens.csv",
            format!("{token},admin,1,\"system:masters\"\n"),
        ),
        ("accounts.key", key.serialize_pem()),
        ("accounts.pub", key.public_key_pem()),
    ] {
        fs::write(folder.join(name), text).map_err(|error| failed(name, error))?;
    }
    let within = |name: &str| folder.join(name).display().to_string();
    let mut command = process::Command::new(etcd);
    command
        // Nothing in it has to last.
        .args([
            "--unsafe-no-fsync",
            "--log-level=warn",
            "--data-dir",
            &within("etcd"),
        ])
        .args([
            "--listen-client-urls",
            &client,
            "--advertise-client-urls",
            &client,
        ])
        .args([
            "--listen-peer-urls",
            &peer,
            "--initial-advertise-peer-urls",
            &peer,
        ])
        .args(["--initial-cluster", &format!("default={peer}")]);
    let etcd = Running::start(command, &folder.join("etcd.log"))?;
    // One a line, for the tests start another one.
    let line = [
        server.display().to_string(),
        format!("--etcd-servers={client}"),
        format!("--service-account-key-file={}", within("accounts.pub")),
        format!(
            "--service-account-signing-key-file={}",
            within("accounts.key")
        ),
        "--service-account-issuer=https://kubernetes.default.svc".into(),
        format!("--token-auth-file={}", within("tokens.csv")),
        "--authorization-mode=RBAC".into(),
        format!("--cert-dir={}", within("certificates")),
        "--bind-address=127.0.0.1".into(),
        "--service-cluster-ip-range=10.0.0.0/24".into(),
    ];
    let name = "command";
    fs::write(folder.join(name), line.join("\n")).map_err(|error| failed(name, error))?;
    let mut command = process::Command::new(server);
    command
        .args(&line[1..])
        .arg(format!("--secure-port={port}"));
    let server = Running::start(command, &folder.join("kube-apiserver.log"))?;
    Ok([server, etcd])
}

fn free_ports() -> io::Result<[u16; 3]> {
    // All at once, so that they differ.
    let bind = || TcpListener::bind("127.0.0.1:0");
    let listeners = [bind()?, bind()?, bind()?];
    let [a, b, c] = listeners.map(|listener| listener.local_addr().map(|address| address.port()));
    Ok([a?, b?, c?])
}

fn failed(what: &str, error: io::Error) -> Failure {
    Failure::new(format!("{what}: {error}"))
}

/// A process that ends when this is dropped.
#[derive(Debug)]
struct Running(Child);

impl Running {
    fn start(mut command: process::Command, log: &Path) -> Result<Self, Failure> {
        let file = File::create(log).map_err(|error| failed("a log", error))?;
        let child = command
            .stdin(process::Stdio::null())
            .stdout(process::Stdio::null())
            .stderr(file)
            .spawn();
        let program = command.get_program().to_string_lossy().into_owned();
        Ok(Self(child.map_err(|error| failed(&program, error))?))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_are_the_published_ones() {
        let theirs = "module k8s.io/kubernetes\n\ngo 1.24.0\n\ngodebug default=go1.24\n\nrequire (\n\ta v1\n)\n\n\
                      replace (\n\tk8s.io/api => ./staging/src/k8s.io/api\n\tb => c v2\n)\n";
        assert_eq!(
            module(theirs),
            "module scratch\n\ngo 1.24.0\n\ngodebug default=go1.24\n\nrequire k8s.io/kubernetes v1.34.1\n\n\
             replace k8s.io/api => k8s.io/api v0.34.1\n"
        );
    }
}
