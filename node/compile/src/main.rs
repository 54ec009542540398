//! Arguments in, report out.
use chirrup_compile::cli::{Cli, run};
use clap::Parser;
use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let written = run(&cli).and_then(|text| Ok(std::io::stdout().write_all(text.as_bytes())?));
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("chirrup-compile: {error:#}");
            ExitCode::FAILURE
        }
    }
}
