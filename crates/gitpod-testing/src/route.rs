//! Which part of the server a path leads to, and the handlers of the RPCs.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use crate::fault::Target;
use crate::handler::Handler;

/// Where the SCIM endpoint begins.
pub(crate) const SCIM_PATH: &str = "/scim/v2";

/// Where a request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Route {
    /// An RPC, by its path behind the base URL.
    Rpc(String),
    /// The SCIM endpoint, by what follows its base URL.
    Scim(String),
    Nowhere,
}

impl Route {
    /// Where a path leads, if the API begins at `api_path`.
    pub(crate) fn of(path: &str, api_path: &str) -> Self {
        if let Some(rest) = path.strip_prefix(api_path)
            && is_rpc(rest)
        {
            return Route::Rpc(rest.to_owned());
        }
        match path.strip_prefix(SCIM_PATH) {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => Route::Scim(rest.to_owned()),
            _ => Route::Nowhere,
        }
    }

    /// What faults know the request by. A path that leads nowhere is nobody's target.
    pub(crate) fn target(&self) -> Option<Target> {
        match self {
            Route::Rpc(path) => Some(Target::Rpc(path.clone())),
            Route::Scim(_) => Some(Target::Scim),
            Route::Nowhere => None,
        }
    }
}

/// Whether a path has the form `/package.Service/Method`.
fn is_rpc(path: &str) -> bool {
    let name = |text: &str| {
        !text.is_empty()
            && !text.starts_with(|first: char| first.is_ascii_digit())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    path.strip_prefix('/')
        .and_then(|path| path.split_once('/'))
        .is_some_and(|(service, method)| {
            service.contains('.') && service.split('.').all(name) && name(method)
        })
}

/// Whether an RPC belongs to the API, handled or not.
pub(crate) fn is_of_the_api(path: &str) -> bool {
    path.strip_prefix("/gitpod.v1.")
        .and_then(|rest| rest.split_once('/'))
        .is_some_and(|(service, _)| service.ends_with("Service"))
}

/// The handlers, by path.
#[derive(Debug, Default)]
pub(crate) struct Router(RwLock<HashMap<Cow<'static, str>, Handler>>);

impl Router {
    /// Adds a handler, in place of one that is there.
    pub(crate) fn add(&self, path: impl Into<Cow<'static, str>>, handler: Handler) {
        self.0
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(path.into(), handler);
    }

    pub(crate) fn find(&self, path: &str) -> Option<Handler> {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(path)
            .cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes() {
        let rpc = |path: &str| Route::Rpc(path.into());
        for (path, expected) in [
            (
                "/api/gitpod.v1.UserService/GetUser",
                rpc("/gitpod.v1.UserService/GetUser"),
            ),
            ("/api/toy.Toy/Echo", rpc("/toy.Toy/Echo")),
            ("/gitpod.v1.UserService/GetUser", Route::Nowhere),
            ("/apix/toy.Toy/Echo", Route::Nowhere),
            ("/api/toy.Toy/Echo/", Route::Nowhere),
            ("/api/toy.Toy/Echo/more", Route::Nowhere),
            ("/api/toy.Toy/", Route::Nowhere),
            ("/api/toy/Echo", Route::Nowhere),
            ("/api/toy..Toy/Echo", Route::Nowhere),
            ("/api//toy.Toy/Echo", Route::Nowhere),
            ("/api/toy.Toy/%45cho", Route::Nowhere),
            ("/scim/v2", Route::Scim(String::new())),
            ("/scim/v2/Users", Route::Scim("/Users".into())),
            ("/scim/v22", Route::Nowhere),
            ("/", Route::Nowhere),
            ("*", Route::Nowhere),
            ("", Route::Nowhere),
        ] {
            assert_eq!(Route::of(path, "/api"), expected, "{path:?}");
        }
    }

    #[test]
    fn the_api_can_begin_at_the_root() {
        let path = "/toy.Toy/Echo";
        assert_eq!(Route::of(path, ""), Route::Rpc(path.into()));
        assert_eq!(Route::of("/api/toy.Toy/Echo", ""), Route::Nowhere);
        assert_eq!(
            Route::of("/scim/v2/Users", ""),
            Route::Scim("/Users".into())
        );
    }

    #[test]
    fn the_api_is_known_by_its_package() {
        assert!(is_of_the_api("/gitpod.v1.EventService/WatchEvents"));
        assert!(!is_of_the_api("/gitpod.v1.Event/WatchEvents"));
        assert!(!is_of_the_api("/gitpod.v2.EventService/WatchEvents"));
    }
}
