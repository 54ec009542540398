//! What each codec achieves.
//!
//! ```text
//! cargo run --release --manifest-path protocol/bench/Cargo.toml -- docs     writes docs/codecs.md and docs/codecs.svg
//! cargo run --release --manifest-path protocol/bench/Cargo.toml -- check    fails when a codec misses its bar
//! ```
//! Everything but the speeds follows from seeds.
mod chart;
mod codecs;
mod digits;
mod document;
mod measure;
mod range_coder;
mod speed;

use std::path::Path;

fn main() -> anyhow::Result<()> {
    match std::env::args().nth(1).as_deref() {
        Some("docs") => {
            document::check()?;
            document::write(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs"))
        }
        Some("check") => document::check(),
        _ => {
            eprintln!("usage: chirrup-bench docs|check");
            std::process::exit(2);
        }
    }
}
