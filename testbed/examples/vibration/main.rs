//! Writes what `docs/vibration.md` shows: a picture of every condition, and what learners achieve.
//!
//! ```text
//! cargo run --release -p chirrup-testbed --example vibration -- docs
//! ```
mod learners;
mod picture;

use anyhow::{Context, Result};
use std::fs;
use std::path::Path;

const BEGIN: &str = "<!-- learners: written by the example `vibration` -->\n";
const END: &str = "<!-- end of learners -->";

fn main() -> Result<()> {
    let folder = std::env::args().nth(1).context("usage: vibration FOLDER, that of vibration.md")?;
    let folder = Path::new(&folder);
    fs::write(folder.join("vibration.svg"), picture::svg()?)?;
    let document = folder.join("vibration.md");
    let text = fs::read_to_string(&document).with_context(|| document.display().to_string())?;
    let (before, rest) = text.split_once(BEGIN).context("vibration.md has no place for the table")?;
    let (_, after) = rest.split_once(END).context("the place for the table does not end")?;
    fs::write(&document, format!("{before}{BEGIN}{}{END}{after}", learners::table()?))?;
    Ok(())
}
