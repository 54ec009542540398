//! The fewest faults that still break a seed in the same way: each is left out in turn, and stays out if nothing is lost.
use super::draw::Drawn;

/// Shrinks a seed. `breaks` runs a candidate and says whether it still breaks in the same way.
pub fn shrunk(drawn: &Drawn, mut breaks: impl FnMut(&Drawn) -> bool) -> Drawn {
    let mut smallest = drawn.clone();
    let mut index = 0;
    while index < smallest.faults.len() {
        let mut candidate = smallest.clone();
        candidate.faults.remove(index);
        if breaks(&candidate) {
            smallest = candidate;
            // Without this one, an earlier one may have become needless.
            index = 0;
        } else {
            index += 1;
        }
    }
    smallest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(faults: &[&str]) -> Drawn {
        let faults = faults.iter().map(|fault| (*fault).to_owned()).collect();
        Drawn { seed: 1, scenario: vec!["nodes.count=3".into()], faults, faults_end_s: 60 }
    }

    #[test]
    fn what_is_not_needed_is_left_out() {
        let mut runs = 0;
        let smallest = shrunk(&drawn(&["a=1", "b=2", "c=3", "d=4"]), |candidate| {
            runs += 1;
            ["b=2", "d=4"].iter().all(|needed| candidate.faults.iter().any(|fault| fault == needed))
        });
        assert_eq!(smallest, drawn(&["b=2", "d=4"]));
        assert!(runs <= 10, "{runs}");
        assert_eq!(shrunk(&drawn(&["a=1"]), |_| true), drawn(&[]), "it breaks without any fault");
        assert_eq!(shrunk(&drawn(&["a=1"]), |_| false), drawn(&["a=1"]));
    }
}
