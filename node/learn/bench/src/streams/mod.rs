//! What a stream needs beside a learner: replay, and detectors of drift.
mod drift;
mod replay;

use crate::section::Section;
use anyhow::Result;

/// A lopsided stream of digits, and streams of errors that change.
pub fn section() -> Result<Section> {
    let mut bars = Vec::new();
    let tables = vec![replay::table(&mut bars)?, drift::table(&mut bars)?];
    Ok(Section {
        title: "Streams",
        text: format!(
            "**Replay.** {} A learner that sees its stream alone forgets; a plain\nreservoir (Vitter 1985) forgets the rare \
             classes; the class-balancing one keeps them. Without a step on the sample\nitself, one \
             on the memory is too few; with four it is enough.\n\n**Drift.** {}",
            replay::STREAM,
            drift::STREAM
        ),
        tables,
        bars,
    })
}
