//! A client's settings of its own connections. A transport of the user's own takes none of them.

use std::time::Duration;

use crate::client_builder::ClientBuilder;
use crate::transport::Versions;

impl ClientBuilder {
    /// How long a connection may take to come about, its TLS handshake included: 10 s unless set.
    ///
    /// Failing here is known as not sent, which the deadline's end is not.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.options.connect_timeout = timeout;
        self
    }

    /// How long an unused connection is kept: 90 s unless set. Zero keeps none.
    pub fn pool_idle_timeout(mut self, timeout: Duration) -> Self {
        self.options.pool_idle_timeout = timeout;
        self
    }

    /// How many unused HTTP/1.1 connections are kept to an origin: 128 unless set.
    ///
    /// It doesn't limit how many are in use. Of HTTP/2 there is one connection an origin.
    pub fn pool_max_idle(mut self, connections: usize) -> Self {
        self.options.pool_max_idle = connections;
        self
    }

    /// How long a connection is silent before TCP looks whether the other end is there: 60 s
    /// unless set. `None`: it never does.
    ///
    /// On Linux a connection also ends when what was sent isn't acknowledged for 30 s.
    pub fn tcp_keep_alive(mut self, time: impl Into<Option<Duration>>) -> Self {
        self.options.tcp_keep_alive = time.into();
        self
    }

    /// How often an HTTP/2 connection with calls under way is pinged, and how long an answer may
    /// take before it is given up. Unless set, it isn't pinged: TCP finds a host that is gone by
    /// itself ([`tcp_keep_alive`](Self::tcp_keep_alive)), deadlines and the idle limit of streams
    /// end a call that nobody answers, and counting what arrives takes its time in every call. Set
    /// it where something between here and the server answers TCP for a server that is gone.
    pub fn http2_keep_alive(
        mut self,
        interval_and_timeout: impl Into<Option<(Duration, Duration)>>,
    ) -> Self {
        self.options.http2_keep_alive = interval_and_timeout.into();
        self
    }

    /// Speaks HTTP/1.1 alone.
    ///
    /// Unless this or [`http2_only`](Self::http2_only) is set, plain connections speak HTTP/1.1,
    /// and TLS negotiates (ALPN).
    pub fn http1_only(mut self) -> Self {
        self.options.versions = Versions::Http1;
        self
    }

    /// Speaks HTTP/2 alone, from the first byte: over plain connections too (h2c with prior
    /// knowledge).
    pub fn http2_only(mut self) -> Self {
        self.options.versions = Versions::Http2;
        self
    }

    /// Connects to a unix socket, whatever host the base URL names. A credential over http is
    /// fine then, as the socket is this machine's.
    #[cfg(unix)]
    pub fn unix_socket(mut self, path: impl Into<std::path::PathBuf>) -> Self {
        self.options.unix_socket = Some(path.into());
        self
    }

    /// Trusts the certificates of this PEM text too, beside the system's.
    ///
    /// [`build`](Self::build) reports what can't be read.
    #[cfg(feature = "tls")]
    pub fn root_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.options.tls.roots.push(pem.into());
        self
    }

    /// Shows servers that ask for one a certificate: its chain (the leaf first) and its key, in
    /// PEM. The key may be PKCS #8, PKCS #1 or SEC 1. A proxy is shown none.
    ///
    /// [`build`](Self::build) reports what can't be read, and never quotes it.
    #[cfg(feature = "tls")]
    pub fn client_certificate(
        mut self,
        chain_pem: impl Into<Vec<u8>>,
        key_pem: impl Into<Vec<u8>>,
    ) -> Self {
        self.options.tls.client = Some((chain_pem.into(), key_pem.into()));
        self
    }

    /// Takes this configuration of TLS, in place of the default one and of
    /// [`root_certificates`](Self::root_certificates) and
    /// [`client_certificate`](Self::client_certificate). Its ALPN protocols are set here.
    ///
    /// Unstable: rustls's version is part of it, and changes in any release of this crate.
    #[cfg(feature = "unstable-rustls")]
    pub fn rustls_client_config(mut self, config: rustls::ClientConfig) -> Self {
        self.options.tls.config = Some(config);
        self
    }

    /// Whether https goes by the proxy that the environment names: it does unless set.
    ///
    /// The first of `HTTPS_PROXY`, `https_proxy`, `ALL_PROXY` and `all_proxy` that is set counts, as
    /// `http://[user:password@]host[:port]` or `https://…`; `NO_PROXY`, or `no_proxy`, lists hosts
    /// and networks that it isn't for. The proxy is asked for a tunnel (`CONNECT`), so that it sees
    /// the host's name and nothing else. Plain http, which is for tests, goes by no proxy.
    ///
    /// A proxy that wants a credential has to be given it in that URL, by Basic authentication. What a
    /// proxy refuses (407, 403 and the like) isn't asked for again.
    #[cfg(feature = "tls")]
    pub fn proxy_from_env(mut self, is_used: bool) -> Self {
        self.options.proxy_from_env = is_used;
        self
    }
}
