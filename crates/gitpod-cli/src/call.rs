//! `gitpodctl call`: any method of the API, by its descriptor.

use std::fs::File;
use std::io::{self, Read};

use gitpod_client::{DynamicCall, DynamicMethod, Idempotency};
use prost_reflect::{Kind, MessageDescriptor, MethodDescriptor};

use crate::check::{self, Rigour};
use crate::cli::call::Call;
use crate::cli::{Connection, Output};
use crate::connection::Session;
use crate::describe::describe;
use crate::document::{self, Json};
use crate::exchange::{Answer, Broken, GIVEN_UP, exchange};
use crate::exit::{Exit, Failure};
use crate::output;
use crate::patience::Patience;
use crate::redact;
use crate::schema::{self, Schema};
use crate::signal::Signals;

/// The largest request that is read: far more than any server takes.
const MAX_REQUEST: u64 = 64 << 20;

/// Prints the names of all methods.
pub(crate) fn list(form: Output) -> Result<Exit, Failure> {
    let names: Vec<_> = Schema::load()?.methods().iter().map(schema::name).collect();
    output::result(&match form {
        Output::Table => names.join("\n"),
        Output::Json => serde_json::json!({ "methods": names }).to_string(),
    })?;
    Ok(Exit::Done)
}

pub(crate) async fn run(
    args: Call,
    connection: &Connection,
    embedded: bool,
    form: Output,
) -> Result<Exit, Failure> {
    let method = Schema::load()?.method(&args.method.unwrap_or_default())?;
    if args.describe {
        if form == Output::Json {
            return Err(Failure::usage(
                "--describe has no JSON form: it is for people",
            ));
        }
        output::result(describe(&method).trim_end())?;
        return Ok(Exit::Done);
    }
    if method.is_client_streaming() {
        return Err(Failure::usage(
            "a stream of requests can't be sent by `call`",
        ));
    }
    let request = read_request(&args.data, &method.input())?;
    let headers = args
        .header
        .iter()
        .map(|header| parse_header(header))
        .collect::<Result<Vec<_>, _>>()?;

    let session = Session::open(connection, embedded).await?;
    let path: &'static str = format!("/{}", schema::full_name(&method)).leak();
    let dynamic = DynamicMethod::new(path, schema::idempotency(&method));
    let mut call = session.client.connect().call_dynamic(dynamic, request);
    for (name, value) in headers {
        call = call.header(name, value);
    }
    let called = Called { method, dynamic };
    if called.method.is_server_streaming() {
        called.stream(call).await
    } else {
        called.unary(call, connection).await
    }
}

/// The request's bytes, checked to be the message.
fn read_request(data: &str, message: &MessageDescriptor) -> Result<Vec<u8>, Failure> {
    let read = |source: &mut dyn Read| {
        let mut bytes = Vec::new();
        source.take(MAX_REQUEST + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > MAX_REQUEST {
            return Err(io::Error::other("larger than 64 MiB"));
        }
        Ok(bytes)
    };
    let (bytes, from) = match data.strip_prefix('@') {
        _ if data == "-" => (read(&mut io::stdin().lock()), "standard input"),
        Some("-") => (read(&mut io::stdin().lock()), "standard input"),
        Some(path) => (File::open(path).and_then(|mut file| read(&mut file)), path),
        None => (Ok(data.as_bytes().to_vec()), ""),
    };
    let wrong = |why: &str| {
        let place = if from.is_empty() {
            "--data".to_owned()
        } else {
            format!("--data, from {from}")
        };
        Failure::usage(format!("{place}: {why}; nothing was sent"))
    };
    let bytes = bytes.map_err(|error| wrong(&format!("can't be read: {error}")))?;
    let json = Json::parse(&bytes).map_err(|why| wrong(&why))?;
    // First of all, so that no error from anywhere shows them.
    redact::secrets(&json, message)
        .iter()
        .for_each(|secret| output::hide(secret));
    check::document(&json, message, Rigour::Strict).map_err(|why| wrong(&why))?;
    Ok(bytes)
}

/// Name and value of a `--header`. No error quotes the value.
fn parse_header(header: &str) -> Result<(&str, &str), Failure> {
    let Some((name, value)) = header.split_once(':') else {
        return Err(Failure::usage("--header: expected 'name: value'"));
    };
    let name = name.trim();
    let credentials = ["authorization", "proxy-authorization", "cookie"];
    if credentials
        .iter()
        .any(|credential| name.eq_ignore_ascii_case(credential))
    {
        return Err(Failure::usage(format!(
            "--header {name}: a credential isn't taken as an argument, for arguments are visible to \
             the whole machine; it comes from ONA_API_KEY, GITPOD_API_KEY or ONA_TOKEN"
        )));
    }
    Ok((name, value.trim()))
}

/// A method that is called.
struct Called {
    method: MethodDescriptor,
    dynamic: DynamicMethod,
}

impl Called {
    async fn unary(&self, call: DynamicCall, connection: &Connection) -> Result<Exit, Failure> {
        // A call that only reads can be given up at once: a signal ends the process as usual.
        let mut patience = if self.reads_only() {
            Patience::none()
        } else {
            Patience::listen(connection.timeout, "its answer")?
        };
        patience.last_call().await?;
        match exchange(call.send(), &mut patience).await {
            Ok(Answer::Understood { message, .. }) => self.print(&message),
            Ok(Answer::Raw { body, why }) => self.not_understood(&body, &why),
            Err(Broken::Call(error)) => Err(self.failure(&error)),
            Err(Broken::GivenUp) => Err(Failure::new(
                Exit::Ambiguous,
                format!("{GIVEN_UP}: {MAY_HAVE_EXECUTED}"),
            )),
        }
    }

    async fn stream(&self, call: DynamicCall) -> Result<Exit, Failure> {
        let mut signals = Signals::listen()
            .map_err(|error| Failure::local(format!("can't listen for signals: {error}")))?;
        let mut stream = tokio::select! {
            opened = call.open() => opened.map_err(|error| self.failure(&error))?,
            name = signals.next() => return Ok(ended(name)),
        };
        loop {
            let message = tokio::select! {
                message = stream.message() => message.map_err(|error| self.failure(&error))?,
                name = signals.next() => return Ok(ended(name)),
            };
            match message {
                Some(message) => self.print(&message)?,
                None => return Ok(Exit::Done),
            };
        }
    }

    fn reads_only(&self) -> bool {
        self.dynamic.idempotency() == Idempotency::NoSideEffects
    }

    fn failure(&self, error: &gitpod_client::Error) -> Failure {
        // Of a stream, what came is printed; why it ended is what counts.
        if self.reads_only() || self.method.is_server_streaming() {
            return Failure::of_read(error);
        }
        let mut failure = Failure::of_write(error);
        if failure.exit == Exit::Ambiguous {
            failure.message.push_str("; ");
            failure.message.push_str(MAY_HAVE_EXECUTED);
        }
        failure
    }

    /// An answer, or one of a stream's, in one line.
    fn print(&self, message: &[u8]) -> Result<Exit, Failure> {
        match self.is_understood(message) {
            Ok(()) => {
                let mut line = document::one_line(message);
                line.push(b'\n');
                output::raw(&line).map_err(|error| self.unprinted(&error))?;
                Ok(Exit::Done)
            }
            Err(why) => self.not_understood(message, &why),
        }
    }

    fn is_understood(&self, message: &[u8]) -> Result<(), String> {
        let json = Json::parse(message)?;
        let output = self.method.output();
        check::document(&json, &output, Rigour::Lenient)?;
        match missing_secret(&json, &output) {
            Some(name) if !self.reads_only() => Err(format!("it has no {name}")),
            _ => Ok(()),
        }
    }

    /// Prints an answer as it came.
    fn not_understood(&self, body: &[u8], why: &str) -> Result<Exit, Failure> {
        output::raw(&[body, b"\n"].concat()).map_err(|error| self.unprinted(&error))?;
        Err(Failure::new(
            Exit::Unreadable,
            format!(
                "the service answered with success, but its answer is not what was expected: {why}; \
                 the {} bytes that came are on standard output, as they came",
                body.len()
            ),
        ))
    }

    /// The answer is here and can't be printed.
    fn unprinted(&self, error: &io::Error) -> Failure {
        if self.reads_only() || !has_secret(&self.method.output()) {
            return output::unprinted(error);
        }
        Failure::new(
            Exit::Lost,
            format!(
                "can't write to standard output: {error}; {} was executed, and a secret in its \
                 answer, which is shown this once perhaps, is lost",
                schema::name(&self.method)
            ),
        )
    }
}

const MAY_HAVE_EXECUTED: &str = "the request may have been executed: look before it is sent again";

fn ended(signal: &str) -> Exit {
    output::note(&format!("{signal}: the stream is ended"));
    Exit::Done
}

/// A secret that the message must have, and that this one lacks.
fn missing_secret(json: &Json, message: &MessageDescriptor) -> Option<String> {
    let Json::Object(members) = json else {
        return None;
    };
    message
        .fields()
        .filter(|field| {
            field.kind() == Kind::String
                && !field.is_list()
                && !field.supports_presence()
                && schema::is_secret(field)
                && schema::rules(&field.options()).any(|rules| schema::flag(rules, "required"))
        })
        .find(|field| {
            !members.iter().any(|(name, value)| {
                check::field(message, name).as_ref() == Some(field)
                    && matches!(value, Json::String(text) if !text.is_empty())
            })
        })
        .map(|field| field.json_name().to_owned())
}

/// Whether the message, or one within it, has a field for a secret. No message of the API holds
/// itself.
fn has_secret(message: &MessageDescriptor) -> bool {
    message.fields().any(|field| {
        schema::is_secret(&field)
            || matches!(field.kind(), Kind::Message(inner) if has_secret(&inner))
    })
}
