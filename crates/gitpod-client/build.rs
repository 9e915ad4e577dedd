//! Generates the clients of the services whose features are on.

fn main() {
    gitpod_build::client();
}
