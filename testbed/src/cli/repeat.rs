//! The command that makes a run again.
use crate::checker::Violation;
use std::path::Path;

/// `chirrup run` with these arguments, to be pasted into a shell.
pub fn run_command(scenario: Option<&Path>, seed: u64, set: impl IntoIterator<Item = String>) -> String {
    let scenario = scenario.map(|path| format!(" {}", path.display())).unwrap_or_default();
    let set: String = set.into_iter().map(|entry| format!(" --set '{entry}'")).collect();
    format!("chirrup run{scenario} --seed {seed}{set}")
}

/// What a run broke, a line each, and the command that makes it again.
pub fn violations(violations: &[Violation], command: &str) -> String {
    let lines: String = violations.iter().map(|violation| format!("  {violation}\n")).collect();
    format!("{lines}  replay with: {command}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_names_everything() {
        let set = ["faults.frame_loss=0.3".to_owned(), "radio.interferers=[{ x_m = 5 }]".to_owned()];
        let expected = "chirrup run a/b.toml --seed 7 --set 'faults.frame_loss=0.3' --set \
                        'radio.interferers=[{ x_m = 5 }]'";
        assert_eq!(run_command(Some(Path::new("a/b.toml")), 7, set), expected);
        let told = violations(&[Violation::OutsideBands { frames: 2 }], &run_command(None, 1, []));
        assert_eq!(told, "  2 frames outside of all sub-bands\n  replay with: chirrup run --seed 1");
    }
}
