//! How fast plain traffic runs, beside the bare stack in the same process.
//!
//! ```text
//! cargo bench -p chirrup-testbed --bench speed                 prints everything, fails when a bar is missed
//! cargo bench -p chirrup-testbed --bench speed -- docs         writes docs/speed.md as well
//! cargo bench -p chirrup-testbed --bench speed -- 100000       that many nodes alone, with the memory they take
//! ```
//! Every bar is a count, or a ratio of times that were taken in turns: a busy machine distorts both times alike.
mod chapter;
mod growth;
mod memory;
mod ratio;
mod scale;
mod silence;
mod stopwatch;
mod worlds;

use chapter::Chapter;
use std::process::ExitCode;

/// What the command line asked for.
enum Asked {
    Everything,
    Docs,
    Memory(usize),
}

fn main() -> ExitCode {
    // Cargo adds a flag of its own, and only when it runs benches: as a test there is nothing to do.
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    let flags = words.len();
    words.retain(|word| word != "--bench");
    if flags == words.len() {
        return ExitCode::SUCCESS;
    }
    let asked = match words.as_slice() {
        [] => Asked::Everything,
        [word] if word == "docs" => Asked::Docs,
        [word] if word.parse::<usize>().is_ok_and(|nodes| nodes > 0) => {
            Asked::Memory(word.parse().unwrap_or_default())
        }
        _ => {
            eprintln!("allowed is nothing, docs, or a number of nodes");
            return ExitCode::from(2);
        }
    };
    match asked {
        Asked::Memory(nodes) => {
            print!("{}", memory::measure(nodes).to_line());
            ExitCode::SUCCESS
        }
        Asked::Everything => judge(&measure()),
        Asked::Docs => {
            let chapters = measure();
            match chapter::write(&chapters) {
                Ok(()) => judge(&chapters),
                Err(error) => {
                    eprintln!("docs/speed.md: {error}");
                    ExitCode::FAILURE
                }
            }
        }
    }
}

fn measure() -> Vec<Chapter> {
    [ratio::chapter, scale::chapter, growth::chapter, memory::chapter]
        .into_iter()
        .map(|chapter| {
            let chapter = chapter();
            println!("{chapter}");
            chapter
        })
        .collect()
}

fn judge(chapters: &[Chapter]) -> ExitCode {
    let missed: Vec<_> =
        chapters.iter().flat_map(|chapter| &chapter.bars).filter(|bar| !bar.is_cleared()).collect();
    for bar in &missed {
        eprintln!("missed: {bar}");
    }
    if missed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
