//! Prints for each exercise what it has learnt on the board, and what its next step and its next verdict take:
//!
//! ```text
//! name, fingerprint, state bytes, scratch bytes, stack bytes and instructions of a step, the same of a verdict
//! ```
//! separated by tabs. Stack and instructions are without those of work that does nothing.
#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("this program is for a Cortex-M; on a computer run `host`");
    std::process::exit(2);
}

#[cfg(target_os = "none")]
mod board {
    use chirrup_emulated::clock::Clock;
    use chirrup_emulated::{Cost, Peripherals, entry, hprintln, idle, succeed};
    use chirrup_learn_footprint::exercises::{self, Visitor};
    use chirrup_learn_footprint::{Exercise, Stream, fingerprint};
    use core::hint::black_box;

    struct Meter {
        clock: Clock,
        nothing: Cost,
    }

    impl Visitor for Meter {
        #[inline(never)]
        fn visit<E: Exercise>(&mut self) {
            let (mut exercise, mut stream) = (E::new(), Stream::new(1));
            let value =
                fingerprint(&mut exercise, &mut stream).expect("what a computer learns a board learns too");
            let sample = stream.next_sample();
            let mut done = Ok(0);
            let verdict =
                Cost::of(&mut self.clock, || done = black_box(&mut exercise).infer(black_box(&sample)));
            black_box(done).expect("it judged such samples before");
            let mut done = Ok(());
            let step =
                Cost::of(&mut self.clock, || done = black_box(&mut exercise).learn(black_box(&sample)));
            done.expect("it learnt from such samples before");
            let (step, verdict) = (step.beyond(self.nothing), verdict.beyond(self.nothing));
            let (state, scratch) = (E::STATE_BYTES, E::SCRATCH_BYTES);
            hprintln!(
                "{}\t{value:016x}\t{state}\t{scratch}\t{}\t{}\t{}\t{}",
                E::NAME,
                step.stack_bytes,
                step.instructions,
                verdict.stack_bytes,
                verdict.instructions
            );
        }
    }

    #[entry]
    fn main() -> ! {
        if let Some(peripherals) = Peripherals::take() {
            let mut clock = Clock::start(peripherals.SYST);
            let nothing = Cost::of(&mut clock, || {
                black_box(0);
            });
            exercises::visit(&mut Meter { clock, nothing });
            succeed();
        }
        idle()
    }
}
