//! Networks from flash: peak SRAM, and what each sequence of pruning, simplification and quantisation gives.
mod memory;
mod network;
mod sequences;
mod train;

use crate::section::Section;
use anyhow::Result;

/// Both tables.
pub fn section() -> Result<Section> {
    let (memory, memory_bars) = memory::table()?;
    let sequences = sequences::tables()?;
    Ok(Section {
        title: "Networks from flash",
        text: format!("{}\n\n{}", memory::TEXT, sequences.text),
        tables: std::iter::once(memory).chain(sequences.tables).collect(),
        bars: [memory_bars, sequences.bars].concat(),
    })
}
