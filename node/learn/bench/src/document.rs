//! `docs/learning.md`.
use crate::section::{Asked, Section, Table, figure};
use anyhow::Result;
use std::fmt::Write;
use std::path::Path;

const INTRODUCTION: &str = include_str!("introduction.md");

/// Writes the document.
pub fn write(path: &Path, sections: &[Section]) -> Result<()> {
    let chapters: String = sections.iter().map(text_of).collect();
    std::fs::write(path, format!("{INTRODUCTION}\n{}{chapters}", bars(sections)))?;
    Ok(())
}

/// A section as Markdown.
pub fn text_of(section: &Section) -> String {
    let tables: String = section.tables.iter().map(table).collect();
    format!("\n## {}\n\n{}\n{tables}", section.title, section.text.trim())
}

fn table(table: &Table) -> String {
    let rules: Vec<&str> =
        table.head.iter().enumerate().map(|(column, _)| if column == 0 { "---" } else { "---:" }).collect();
    let mut text =
        format!("\n{}\n\n| {} |\n| {} |\n", table.caption, table.head.join(" | "), rules.join(" | "));
    for row in &table.rows {
        writeln!(text, "| {} |", row.join(" | ")).expect("a string takes everything");
    }
    text
}

/// All bars of all sections.
fn bars(sections: &[Section]) -> String {
    let mut text = String::from("| what | bar | measured |\n| --- | ---: | ---: |\n");
    for bar in sections.iter().flat_map(|section| &section.bars) {
        let asked = match bar.asked {
            Asked::Floor(bound) => format!("at least {}", figure(bound)),
            Asked::Ceiling(bound) => format!("at most {}", figure(bound)),
            Asked::ShortOf { wanted, .. } => format!("at least {}: **not reached**", figure(wanted)),
        };
        writeln!(text, "| {} | {asked} | {} |", bar.what, figure(bar.measured))
            .expect("a string takes everything");
    }
    text
}
