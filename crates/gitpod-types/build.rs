//! Generates the messages and enums of the services whose features are on.

fn main() {
    gitpod_build::types();
}
