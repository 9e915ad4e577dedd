/// `toy.v1.BoxService`: its client, and a type an RPC.
#[allow(missing_docs)]
pub mod r#box {
    /// BoxService keeps boxes and the keys to them.
    ///
    /// See <https://example.com/boxes> for \[everything\] about \<boxes>.
    #[derive(Debug, Clone)]
    pub struct BoxClient {
        client: ::connect_hyper::Client,
    }

    #[allow(deprecated)]
    impl BoxClient {
        pub(crate) fn new(client: ::connect_hyper::Client) -> Self {
            Self { client }
        }

        /// Makes a new key for a box. The old one stops to work at once.
        ///
        ///    indented text is no doctest
        pub fn regenerate_box_key(&self, request: ::gitpod_types::v1::RegenerateBoxKeyRequest) -> ::connect_hyper::Call<RegenerateBoxKey> {
            self.client.call(request)
        }

        /// Reads a box.
        pub fn get_box(&self, request: ::gitpod_types::v1::GetBoxRequest) -> ::connect_hyper::Call<GetBox> {
            self.client.call(request)
        }

        #[deprecated]
        pub fn paint_box(&self, request: ::gitpod_types::v1::PaintBoxRequest) -> ::connect_hyper::Call<PaintBox> {
            self.client.call(request)
        }

        /// Lists boxes.
        ///
        /// The call itself fetches one page; [`items`](::connect_hyper::Call::items) and [`pages`](::connect_hyper::Call::pages) of it are streams of all.
        pub fn list_boxes(&self, request: ::gitpod_types::v1::ListBoxesRequest) -> ::connect_hyper::Call<ListBoxes> {
            self.client.call(request)
        }

        /// Watches a box.
        pub fn watch_box(&self, request: ::gitpod_types::v1::GetBoxRequest) -> ::connect_hyper::Call<WatchBox> {
            self.client.call(request)
        }

        /// Watches everything.
        pub fn watch_events(&self, request: ::gitpod_types::v1::GetBoxRequest) -> ::connect_hyper::Call<WatchEvents> {
            self.client.call(request)
        }
    }

    /// The RPC `toy.v1.BoxService/RegenerateBoxKey`.
    ///
    /// It is called by [`BoxClient::regenerate_box_key`].
    #[derive(Debug, Clone, Copy)]
    pub enum RegenerateBoxKey {}

    impl ::connect_hyper::Method for RegenerateBoxKey {
        type Request = ::gitpod_types::v1::RegenerateBoxKeyRequest;
        type Response = ::gitpod_types::v1::RegenerateBoxKeyResponse;
        type Kind = ::connect_hyper::Unary;
        const PATH: &'static str = "/toy.v1.BoxService/RegenerateBoxKey";
        fn missing_field(response: &Self::Response) -> ::core::option::Option<&'static str> {
            if response.key.is_empty() {
                return ::core::option::Option::Some("key");
            }
            ::core::option::Option::None
        }
        #[inline]
        fn validate(request: &Self::Request) -> ::core::result::Result<(), ::connect_hyper::Error> {
            crate::validation::check(request)
        }
    }

    /// The RPC `toy.v1.BoxService/GetBox`.
    ///
    /// It is called by [`BoxClient::get_box`].
    #[derive(Debug, Clone, Copy)]
    pub enum GetBox {}

    impl ::connect_hyper::Method for GetBox {
        type Request = ::gitpod_types::v1::GetBoxRequest;
        type Response = ::gitpod_types::v1::GetBoxResponse;
        type Kind = ::connect_hyper::Unary;
        const PATH: &'static str = "/toy.v1.BoxService/GetBox";
        const IDEMPOTENCY: ::connect_hyper::Idempotency = ::connect_hyper::Idempotency::NoSideEffects;
        #[inline]
        fn validate(request: &Self::Request) -> ::core::result::Result<(), ::connect_hyper::Error> {
            crate::validation::check(request)
        }
    }

    /// The RPC `toy.v1.BoxService/PaintBox`.
    ///
    /// It is called by [`BoxClient::paint_box`].
    #[derive(Debug, Clone, Copy)]
    pub enum PaintBox {}

    impl ::connect_hyper::Method for PaintBox {
        type Request = ::gitpod_types::v1::PaintBoxRequest;
        type Response = ::gitpod_types::v1::PaintBoxResponse;
        type Kind = ::connect_hyper::Unary;
        const PATH: &'static str = "/toy.v1.BoxService/PaintBox";
        const IDEMPOTENCY: ::connect_hyper::Idempotency = ::connect_hyper::Idempotency::Idempotent;
        #[inline]
        fn validate(request: &Self::Request) -> ::core::result::Result<(), ::connect_hyper::Error> {
            crate::validation::check(request)
        }
    }

    /// The RPC `toy.v1.BoxService/ListBoxes`.
    ///
    /// It is called by [`BoxClient::list_boxes`].
    #[derive(Debug, Clone, Copy)]
    pub enum ListBoxes {}

    impl ::connect_hyper::Method for ListBoxes {
        type Request = ::gitpod_types::v1::ListBoxesRequest;
        type Response = ::gitpod_types::v1::ListBoxesResponse;
        type Kind = ::connect_hyper::Unary;
        const PATH: &'static str = "/toy.v1.BoxService/ListBoxes";
        const IDEMPOTENCY: ::connect_hyper::Idempotency = ::connect_hyper::Idempotency::NoSideEffects;
        #[inline]
        fn validate(request: &Self::Request) -> ::core::result::Result<(), ::connect_hyper::Error> {
            crate::validation::check(request)
        }
    }

    #[allow(deprecated)]
    impl ::connect_hyper::Paged for ListBoxes {
        type Item = ::gitpod_types::v1::Box;
        #[inline]
        fn page(request: &mut Self::Request) -> (&mut i32, &mut ::prost::alloc::string::String) {
            let pagination = request.pagination.get_or_insert_default();
            (&mut pagination.page_size, &mut pagination.token)
        }
        #[inline]
        fn next_token(response: &Self::Response) -> &str {
            response.pagination.as_ref().map_or("", |pagination| &pagination.next_token)
        }
        #[inline]
        fn take_items(response: &mut Self::Response) -> ::prost::alloc::vec::Vec<Self::Item> {
            ::core::mem::take(&mut response.boxes)
        }
    }

    /// The RPC `toy.v1.BoxService/WatchBox`.
    ///
    /// It is called by [`BoxClient::watch_box`].
    #[derive(Debug, Clone, Copy)]
    pub enum WatchBox {}

    impl ::connect_hyper::Method for WatchBox {
        type Request = ::gitpod_types::v1::GetBoxRequest;
        type Response = ::gitpod_types::v1::GetBoxResponse;
        type Kind = ::connect_hyper::ServerStreaming;
        const PATH: &'static str = "/toy.v1.BoxService/WatchBox";
        const IDEMPOTENCY: ::connect_hyper::Idempotency = ::connect_hyper::Idempotency::NoSideEffects;
        #[inline]
        fn validate(request: &Self::Request) -> ::core::result::Result<(), ::connect_hyper::Error> {
            crate::validation::check(request)
        }
    }

    /// The RPC `toy.v1.BoxService/WatchEvents`.
    ///
    /// It is called by [`BoxClient::watch_events`].
    #[derive(Debug, Clone, Copy)]
    pub enum WatchEvents {}

    impl ::connect_hyper::Method for WatchEvents {
        type Request = ::gitpod_types::v1::GetBoxRequest;
        type Response = ::gitpod_types::v1::GetBoxResponse;
        type Kind = ::connect_hyper::ServerStreaming;
        const PATH: &'static str = "/toy.v1.BoxService/WatchEvents";
        #[inline]
        fn validate(request: &Self::Request) -> ::core::result::Result<(), ::connect_hyper::Error> {
            crate::validation::check(request)
        }
    }
}

#[allow(deprecated)]
impl crate::Client {
    /// The calls of `toy.v1.BoxService`.
    pub fn r#box(&self) -> r#box::BoxClient {
        r#box::BoxClient::new(self.connect().clone())
    }
}

