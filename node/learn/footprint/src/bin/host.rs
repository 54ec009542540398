//! Prints for each exercise its name and what it has learnt here, separated by a tab.
#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(not(target_os = "none"))]
fn main() {
    host::main();
}

// A package builds all its programs for a target, and this one is of no use there.
#[cfg(target_os = "none")]
use chirrup_emulated as _;

#[cfg(not(target_os = "none"))]
mod host {
    use chirrup_learn_footprint::exercises::{self, Visitor};
    use chirrup_learn_footprint::{Exercise, Stream, fingerprint};

    struct Printer;

    impl Visitor for Printer {
        fn visit<E: Exercise>(&mut self) {
            match fingerprint(&mut E::new(), &mut Stream::new(1)) {
                Ok(value) => println!("{}\t{value:016x}", E::NAME),
                Err(error) => {
                    eprintln!("{}: {error}", E::NAME);
                    std::process::exit(1);
                }
            }
        }
    }

    pub fn main() {
        exercises::visit(&mut Printer);
    }
}
