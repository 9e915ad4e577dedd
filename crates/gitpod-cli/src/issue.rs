//! The two calls that hand out a token, once: nothing may be lost between the wire and the user.

use std::path::PathBuf;
use std::time::Duration;

use gitpod_client::{Call, Error, Method, Unary};
use serde_json::Value;

use crate::cli::Output;
use crate::exchange::{Answer, Broken, GIVEN_UP, exchange};
use crate::exit::{Exit, Failure};
use crate::output;
use crate::patience::Patience;
use crate::token_file::TokenFile;

/// What is particular to one of the two calls.
#[derive(Debug)]
pub(crate) struct Order {
    /// The token matters: it isn't the embedded server's.
    pub(crate) is_real: bool,
    pub(crate) output: Output,
    pub(crate) token_file: Option<PathBuf>,
    /// The call's deadline, for the message to a person who wants out.
    pub(crate) timeout: Duration,
    /// What the JSON form says beside the answer's own fields.
    pub(crate) context: Vec<(&'static str, String)>,
    /// What is true after success, for a person.
    pub(crate) done: String,
    /// What is true after a failure that provably changed nothing.
    pub(crate) unchanged: &'static str,
    /// What may be true after a failure that nobody can place, and what to do.
    pub(crate) ambiguous: String,
}

/// Sends the call once and brings its token to where it was asked for.
pub(crate) async fn issue<M: Method<Kind = Unary>>(
    call: Call<M>,
    order: Order,
    token: fn(&M::Response) -> &str,
) -> Result<Exit, Failure> {
    if order.is_real && order.token_file.is_none() && output::goes_nowhere() {
        return Err(Failure::usage(
            "standard output is closed or goes to /dev/null, and the token would be lost there: send it to \
             where you want the token, or say --token-file; nothing was sent",
        ));
    }
    let mut patience = Patience::listen(order.timeout, "the token")?;
    let file = order
        .token_file
        .as_deref()
        .map(TokenFile::reserve)
        .transpose()?;
    patience.last_call().await?;
    let answer = match exchange(call.send(), &mut patience).await {
        Ok(answer) => answer,
        Err(Broken::Call(error)) => return Err(failure(&error, &order)),
        Err(Broken::GivenUp) => {
            return Err(Failure::new(
                Exit::Ambiguous,
                format!("{GIVEN_UP}: {}", order.ambiguous),
            ));
        }
    };
    match answer {
        Answer::Understood { message, body } => {
            let secret = token(&message);
            if one_line(secret) {
                hand_over(&message, secret, file, &order)
            } else {
                rescue(&body, "its token isn't one line of text", file)
            }
        }
        Answer::Raw { body, why } => rescue(&body, &why, file),
    }
}

fn failure(error: &Error, order: &Order) -> Failure {
    let mut failure = Failure::of_write(error);
    failure.message.push_str("; ");
    failure
        .message
        .push_str(if failure.exit == Exit::Ambiguous {
            &order.ambiguous
        } else {
            order.unchanged
        });
    failure
}

/// Whether the token can be printed as the one line that is promised.
fn one_line(token: &str) -> bool {
    !token.is_empty() && !token.chars().any(char::is_control)
}

fn hand_over(
    response: &impl serde::Serialize,
    token: &str,
    file: Option<TokenFile>,
    order: &Order,
) -> Result<Exit, Failure> {
    // Whatever goes wrong with the JSON form, the token is printed.
    let mut json = output::json(response).unwrap_or(Value::Object(serde_json::Map::new()));
    let expires = output::field(&json, "tokenExpiresAt");
    if let Value::Object(fields) = &mut json {
        for (name, value) in &order.context {
            fields.insert((*name).to_owned(), Value::from(value.as_str()));
        }
        fields.insert("token".to_owned(), Value::from(token));
    }

    let mut exit = Exit::Done;
    let mut in_file = false;
    if let Some(file) = file {
        let path = file.path().to_owned();
        match file.write(token.as_bytes()) {
            Ok(()) => {
                in_file = true;
                if let Value::Object(fields) = &mut json {
                    fields.remove("token");
                    fields.insert("tokenFile".to_owned(), path.to_string_lossy().into());
                }
                output::note(&format!("the token is in {}", path.display()));
            }
            Err(error) => {
                exit = Exit::FileFailed;
                output::note(&format!(
                    "can't write the token to {}: {error}; it goes to standard output",
                    path.display()
                ));
            }
        }
    }

    let printed = match order.output {
        Output::Table if in_file => Ok(()),
        Output::Table => output::line(token),
        Output::Json => output::line(&json.to_string()),
    };
    output::note(&format!("{}; it expires at {expires}", order.done));
    match printed {
        Ok(()) => Ok(exit),
        Err(error) if in_file => Err(output::unprinted(&error)),
        Err(error) => Err(lost(&error)),
    }
}

/// Keeps an answer that isn't understood, as it came.
fn rescue(body: &[u8], why: &str, file: Option<TokenFile>) -> Result<Exit, Failure> {
    let place = match file {
        Some(file) => {
            let path = file.path().to_owned();
            match file.write(body) {
                Ok(()) => Some(path),
                Err(error) => {
                    output::note(&format!("can't write to {}: {error}", path.display()));
                    None
                }
            }
        }
        None => None,
    };
    let place = if let Some(path) = place {
        format!("in {}", path.display())
    } else {
        output::raw(&[body, b"\n"].concat()).map_err(|error| lost(&error))?;
        "on standard output".to_owned()
    };
    Err(Failure::new(
        Exit::Unreadable,
        format!(
            "the service answered with success, but its answer can't be used: {why}; the {} bytes \
             that came are {place}, as they came: they may hold the token, which is shown this \
             once. Assume that an old token no longer works",
            body.len()
        ),
    ))
}

fn lost(error: &std::io::Error) -> Failure {
    Failure::new(
        Exit::Lost,
        format!(
            "can't write to standard output: {error}; the token was received and is lost, and an \
             old one no longer works: regenerate it again"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::one_line;

    #[test]
    fn a_token_is_one_line() {
        assert!(one_line("gitpod_scim_abc.DEF-123"));
        for token in ["", "a\nb", "a\r", "\u{1b}[2J"] {
            assert!(!one_line(token), "{token:?}");
        }
    }
}
