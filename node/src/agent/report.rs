//! A node's moments on their way to the federation's common scale.
use super::memory::Memory;
use chirrup_protocol::message::DoesNotFit;
use chirrup_protocol::message::moments::{Emitted, FeatureMoments, emit};

/// Which part of the moments goes next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MomentsReport {
    /// Samples behind the sums of the stream.
    samples: u32,
    /// Samples behind the report; zero before it begins.
    count: u32,
    /// Next feature to send.
    next: usize,
}

impl MomentsReport {
    /// Samples seen so far.
    pub const fn samples(&self) -> u32 {
        self.samples
    }

    /// Another sample was added to the sums.
    pub const fn add_sample(&mut self) {
        self.samples = self.samples.saturating_add(1);
    }

    /// Begins a report, or begins the same one again: the sums as they were then, so that a feature which arrives
    /// twice is the same one.
    pub fn begin(&mut self, memory: &mut Memory<'_>) {
        if self.count == 0 {
            self.count = self.samples;
            for (reported, sums) in memory.reported.iter_mut().zip(memory.sums.iter()) {
                *reported =
                    FeatureMoments { sum: sums.sum as f32, sum_of_squares: sums.sum_of_squares as f32 };
            }
        }
        self.next = 0;
    }

    /// Whether a begun report has parts left.
    pub const fn is_under_way(&self, features: usize) -> bool {
        self.count > 0 && self.next < features
    }

    /// Writes the next part.
    pub fn emit(&self, memory: &Memory<'_>, buffer: &mut [u8]) -> Result<Emitted, DoesNotFit> {
        emit(self.next as u16, self.count, &memory.reported[self.next..], buffer)
    }

    /// The part was sent.
    pub const fn sent(&mut self, features: usize) {
        self.next += features;
    }
}
