//! Settings from the environment.

use std::ffi::OsString;

use connect_hyper::{Code, Credential, Error};

use crate::client::ClientBuilder;

/// The variables that may hold the credential; the first that is set counts. The first two are
/// those of the official SDKs, the last one is the official command line's.
const CREDENTIALS: [&str; 3] = ["ONA_API_KEY", "GITPOD_API_KEY", "ONA_TOKEN"];
const BASE_URL: &str = "ONA_BASE_URL";

/// The name of the environment variable that [`Client::from_env`](crate::Client::from_env) takes the
/// credential from: the first of its three that is set. `None` if none is.
#[must_use]
pub fn credential_variable() -> Option<&'static str> {
    CREDENTIALS
        .into_iter()
        .find(|name| std::env::var_os(name).is_some())
}

/// Sets what `variable` gives.
pub(crate) fn apply(
    mut builder: ClientBuilder,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<ClientBuilder, Error> {
    let text = |name: &str| {
        variable(name)
            .map(|value| {
                value
                    .into_string()
                    .map_err(|_| malformed(name, "it is not Unicode"))
            })
            .transpose()
    };
    let mut credential = None;
    for name in CREDENTIALS {
        if let Some(token) = text(name)? {
            let token = Credential::bearer(&token).map_err(|error| {
                malformed(name, &format!("{}; expected an API key", error.message()))
            })?;
            credential = Some(token);
            break;
        }
    }
    if let Some(base_url) = text(BASE_URL)? {
        // Checked here, with a credential like the real one, so that the error names the variable.
        let mut check = connect_hyper::Client::builder(&base_url);
        if let Some(credential) = &credential {
            check = check.credential(credential.clone());
        }
        check.build().map_err(|error| match error.code() {
            Code::InvalidArgument => malformed(BASE_URL, error.message()),
            _ => error,
        })?;
        builder = builder.base_url(base_url);
    }
    if let Some(credential) = credential {
        return Ok(builder.runtime(|runtime| runtime.credential(credential)));
    }
    Err(Error::new(
        Code::Unauthenticated,
        format!(
            "no credential: expected an API key in {} (or in {} or {})",
            CREDENTIALS[0], CREDENTIALS[1], CREDENTIALS[2]
        ),
    ))
}

fn malformed(name: &str, why: &str) -> Error {
    Error::new(
        Code::InvalidArgument,
        format!("the environment variable {name}: {why}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Client;

    fn client(variables: &[(&str, &str)]) -> Result<Client, Error> {
        apply(Client::builder(), |name| {
            variables
                .iter()
                .find(|(variable, _)| *variable == name)
                .map(|(_, value)| value.into())
        })?
        .build()
    }

    #[test]
    fn the_base_url_has_a_default() {
        let own = client(&[
            ("ONA_API_KEY", "k"),
            ("ONA_BASE_URL", "http://127.0.0.1:1/api/"),
        ]);
        assert_eq!(own.unwrap().connect().base_url(), "http://127.0.0.1:1/api");
    }

    #[test]
    fn errors_name_the_variable_and_what_was_expected() {
        for (variables, code, parts) in [
            (
                &[][..],
                Code::Unauthenticated,
                &["ONA_API_KEY", "GITPOD_API_KEY", "ONA_TOKEN"][..],
            ),
            (
                &[("ONA_API_KEY", "")],
                Code::InvalidArgument,
                &["ONA_API_KEY", "empty"],
            ),
            (
                &[("ONA_TOKEN", "secret\n")],
                Code::InvalidArgument,
                &["ONA_TOKEN", "line break"],
            ),
            (
                &[("ONA_API_KEY", "secret"), ("ONA_BASE_URL", "app.ona.com")],
                Code::InvalidArgument,
                &["ONA_BASE_URL", "https://"],
            ),
            (
                &[("ONA_API_KEY", "secret"), ("ONA_BASE_URL", "")],
                Code::InvalidArgument,
                &["ONA_BASE_URL"],
            ),
            (
                &[
                    ("ONA_API_KEY", "secret"),
                    ("ONA_BASE_URL", "http://example.com"),
                ],
                Code::InvalidArgument,
                &["ONA_BASE_URL", "https", "loopback"],
            ),
        ] {
            let error = client(variables).unwrap_err();
            assert_eq!(error.code(), code, "{error}");
            for part in parts {
                assert!(error.message().contains(part), "{error} lacks {part}");
            }
            assert!(
                !format!("{error} {error:?}").contains("secret"),
                "{error:?}"
            );
        }
    }

    #[test]
    fn nothing_prints_the_credential() {
        let builder = Client::builder().token("secret");
        assert!(!format!("{builder:?}").contains("secret"));
        let client = client(&[
            ("ONA_TOKEN", "third"),
            ("GITPOD_API_KEY", "second"),
            ("ONA_BASE_URL", "http://127.0.0.1:1"),
        ])
        .unwrap();
        let printed = format!("{client:?}");
        assert!(
            !printed.contains("second") && !printed.contains("third"),
            "{printed}"
        );
    }
}
