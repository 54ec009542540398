//! `chirrup validate`: the simulated radio against closed forms and published values, as a page.
use super::args::ValidateArgs;
use super::{CliError, print};
use crate::report::WriteError;
use crate::validate::{Chapter, chapters, page};
use std::fs;
use std::path::Path;

/// Runs every check and writes page and pictures. Fails when a check does.
pub fn validate(args: &ValidateArgs) -> Result<(), CliError> {
    let stem = args.out.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let stem = stem.ok_or_else(|| CliError::Usage("--out: a file is needed".into()))?;
    let folder = args.out.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let mut done = Vec::new();
    for chapter in chapters() {
        eprintln!("  {}", chapter.title);
        done.push(chapter.run());
    }
    for (name, svg) in done.iter().filter_map(|chapter| chapter.picture.as_ref()) {
        write(&folder.join(format!("{stem}-{name}.svg")), svg)?;
    }
    write(&args.out, &page(&stem, &done))?;
    let failures: Vec<_> = done.iter().flat_map(Chapter::failures).collect();
    let checks: usize = done.iter().map(Chapter::checks).sum();
    if failures.is_empty() {
        return print(&format!("{checks} checks hold; written to {}\n", args.out.display()));
    }
    Err(CliError::Failed(format!("{} of {checks} checks fail:\n{}", failures.len(), failures.join("\n"))))
}

fn write(path: &Path, text: &str) -> Result<(), WriteError> {
    let failed = |source| WriteError { path: path.to_owned(), source };
    fs::create_dir_all(path.parent().unwrap_or(Path::new("."))).map_err(failed)?;
    fs::write(path, text).map_err(failed)
}
