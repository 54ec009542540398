//! The simulated radio against closed forms and published values: `chirrup validate`.
//!
//! Every chapter measures the very code that runs use (the medium, its links, its books) and compares with a formula
//! or a published number that shares nothing with it. Chapters have fixed seeds, so that the page is the same wherever
//! it is made. What this does not do: validate against measurements in the field.
//!
//! Reading order: [`chapter`] says what a chapter is, [`estimate`] what agreement means; [`duel`] and [`poisson`] put
//! two or many frames on the air; then one file a chapter; [`plot`] draws.
pub mod aloha;
pub mod capture;
pub mod chapter;
pub mod duel;
pub mod duty_cycle;
pub mod estimate;
pub mod lorasim;
pub mod orthogonality;
pub mod plot;
pub mod poisson;
pub mod range;
pub mod time_on_air;

pub use chapter::{Chapter, Plan, page};

/// How much work a chapter may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effort {
    /// Frames of each independent run.
    pub frames: u64,
}

impl Effort {
    /// What the page is made with.
    pub const FULL: Self = Self { frames: 20_000 };
}

/// All chapters in the order of the page.
pub fn chapters() -> Vec<Plan> {
    vec![
        Plan { title: "Pure Aloha", work: aloha::chapter },
        Plan { title: "Capture", work: capture::chapter },
        Plan { title: "Orthogonality of spreading factors", work: orthogonality::chapter },
        Plan { title: "Time on air", work: time_on_air::chapter },
        Plan { title: "Duty cycle", work: duty_cycle::chapter },
        Plan { title: "Range", work: range::chapter },
        Plan { title: "The setting of LoRaSim", work: lorasim::chapter },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The page itself is made with more frames; a tenth of them must hold as well.
    #[test]
    fn every_chapter_holds() {
        for plan in chapters() {
            let chapter = plan.run_with(Effort { frames: 1_000 });
            assert!(chapter.checks() > 0, "{}", chapter.title);
            assert_eq!(chapter.failures(), Vec::<String>::new());
        }
    }
}
