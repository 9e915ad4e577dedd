//! The clients that the suite's requests ask for: one for each choice of settings, so that calls
//! share connections as a user's would.

use std::collections::HashMap;
use std::sync::Mutex;

use conformance::proto::{ClientCompatRequest, Codec, Compression, HttpVersion, Protocol};
use connect_hyper::{Client, RetryPolicy};

#[derive(Default)]
pub(crate) struct Clients(Mutex<HashMap<Settings, Client>>);

#[derive(Clone, PartialEq, Eq, Hash)]
struct Settings {
    host: String,
    port: u32,
    http_version: HttpVersion,
    codec: Codec,
    compression: Compression,
    server_certificate: Vec<u8>,
    client_certificate: Option<(Vec<u8>, Vec<u8>)>,
    receive_limit: u32,
    use_get: bool,
}

impl Clients {
    pub(crate) fn get(&self, request: &ClientCompatRequest) -> Result<Client, String> {
        if request.protocol() != Protocol::Connect {
            return Err(format!("{:?}: not spoken here", request.protocol()));
        }
        let creds = request.client_tls_creds.as_ref();
        let settings = Settings {
            host: request.host.clone(),
            port: request.port,
            http_version: request.http_version(),
            codec: request.codec(),
            compression: request.compression(),
            server_certificate: request.server_tls_cert.clone(),
            client_certificate: creds.map(|creds| (creds.cert.clone(), creds.key.clone())),
            receive_limit: request.message_receive_limit,
            use_get: request.use_get_http_method,
        };
        let mut clients = self.0.lock().map_err(|error| error.to_string())?;
        if let Some(client) = clients.get(&settings) {
            return Ok(client.clone());
        }
        let client = settings.client()?;
        clients.insert(settings, client.clone());
        Ok(client)
    }
}

impl Settings {
    fn client(&self) -> Result<Client, String> {
        let address = format!("{}:{}", self.host, self.port);
        let has_tls = !self.server_certificate.is_empty();
        let mut builder = if has_tls {
            Client::builder(format!("https://{address}"))
                .root_certificates(self.server_certificate.as_slice())
        } else {
            Client::builder(format!("http://{address}"))
        };
        if let Some((chain, key)) = &self.client_certificate {
            builder = builder.client_certificate(chain.as_slice(), key.as_slice());
        }
        builder = match self.codec {
            Codec::Proto => builder.codec(connect_hyper::Codec::Binary),
            Codec::Json => builder.codec(connect_hyper::Codec::Json),
            other => return Err(format!("{other:?}: no such codec here")),
        };
        builder = match self.http_version {
            // The client's own choice: HTTP/1.1 in plain text, and what TLS negotiates, which is the
            // one version that the server has.
            HttpVersion::HttpVersion1 => builder,
            HttpVersion::HttpVersion2 if has_tls => builder,
            HttpVersion::HttpVersion2 => builder.http2_only(),
            other => return Err(format!("{other:?}: not spoken here")),
        };
        let compression = match self.compression {
            Compression::Identity => None,
            Compression::Gzip => Some(connect_hyper::Compression::Gzip),
            Compression::Br => Some(connect_hyper::Compression::Brotli),
            Compression::Zstd => Some(connect_hyper::Compression::Zstd),
            other => return Err(format!("{other:?}: no such compression here")),
        };
        builder = builder.accept_compression(compression);
        if let Some(compression) = compression {
            // However small: the suite wants to see each request compressed.
            builder = builder.compress_requests(compression, 0);
        }
        if self.receive_limit > 0 {
            builder = builder.response_limit(self.receive_limit as usize);
        }
        builder
            .use_get(self.use_get)
            // The suite counts requests.
            .retry(RetryPolicy::none())
            .build()
            .map_err(|error| error.to_string())
    }
}
