//! What each learner achieves.
//!
//! ```text
//! cargo bench --manifest-path node/learn/bench/Cargo.toml                prints all tables, fails when a bar is missed
//! cargo bench --manifest-path node/learn/bench/Cargo.toml -- NAME...     those sections alone
//! cargo bench --manifest-path node/learn/bench/Cargo.toml -- docs        writes docs/learning.md
//! ```
//! Everything but speeds follows from seeds.
mod anomalies;
mod baselines;
mod data;
mod document;
mod echo_state;
mod inference;
mod linear;
mod neighbours;
mod network;
mod one_versus_one;
mod os_elm;
mod outcome_tables;
mod section;
mod signals;
mod softmax;
mod speed;
mod streams;
mod train_plus_plus;
mod trees;

use anyhow::{Result, bail};
use section::{Measure, Section};
use std::path::Path;

/// Sections of the document in their order, by the name under which they can be run alone.
const SECTIONS: &[(&str, Measure)] = &[
    ("baselines", baselines::section),
    ("softmax", softmax::section),
    ("train++", train_plus_plus::section),
    ("one-versus-one", one_versus_one::section),
    ("linear", linear::section),
    ("network", network::section),
    ("os-elm", os_elm::section),
    ("anomalies", anomalies::section),
    ("echo-state", echo_state::section),
    ("neighbours", neighbours::section),
    ("inference", inference::section),
    ("trees", trees::section),
    ("streams", streams::section),
    ("signals", signals::section),
];

fn main() -> Result<()> {
    // `cargo bench` adds a flag of its own.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    if words == ["docs"] {
        let sections = measure(&[])?;
        document::write(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../docs/learning.md"), &sections)?;
        return judge(&sections);
    }
    if let Some(unknown) = words.iter().find(|word| SECTIONS.iter().all(|(name, _)| name != word)) {
        let names: Vec<&str> = SECTIONS.iter().map(|(name, _)| *name).collect();
        bail!("no section {unknown}: docs, or some of {}", names.join(", "));
    }
    judge(&measure(&words)?)
}

/// Measures and prints these sections, or all.
fn measure(names: &[String]) -> Result<Vec<Section>> {
    let mut sections = Vec::new();
    for (name, measure) in SECTIONS {
        if names.is_empty() || names.iter().any(|word| word == name) {
            let section = measure()?;
            println!("{}", document::text_of(&section));
            sections.push(section);
        }
    }
    Ok(sections)
}

fn judge(sections: &[Section]) -> Result<()> {
    let bars = sections.iter().flat_map(|section| &section.bars);
    let missed: Vec<_> = bars.filter(|bar| !bar.is_cleared()).collect();
    for bar in &missed {
        eprintln!("missed: {bar}");
    }
    if missed.is_empty() { Ok(()) } else { bail!("{} bars are missed", missed.len()) }
}
