//! Trees: grown from a stream, and executed from flash.
mod cart;
mod flash;
mod growing;

use crate::section::Section;
use anyhow::Result;

/// Both kinds.
pub fn section() -> Result<Section> {
    let mut bars = Vec::new();
    let tables = vec![growing::table(&mut bars)?, flash::table(&mut bars)?];
    Ok(Section {
        title: "Trees",
        text: "A Hoeffding tree splits a leaf when enough samples say so. Data sets of this size pass once before the first \
               split, and a\nsingle leaf that judges by naive Bayes does the work; with more passes a majority tree takes \
               shape, while naive Bayes\nloses what it knew of the leaves that were split or have no place. Trees from \
               flash are grown on a computer (CART, and\nforests on bootstrap samples) and executed where their image \
               lies; the lone tree beside is a forest of one."
            .into(),
        tables,
        bars,
    })
}
