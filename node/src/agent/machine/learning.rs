//! Learning from a sample.
use super::Agent;
use chirrup_learn::LearnError;
use chirrup_learn::features::moments;
use chirrup_protocol::time::{Duration, Instant};

/// A version that has stood for so long gives a new allowance of examples and contributions: were all contributions
/// to it lost, nobody would say anything ever again.
const ALLOWANCE_PERIOD: Duration = Duration::from_secs(24 * 3_600);

impl Agent<'_> {
    pub(super) fn learn(&mut self, now: Instant, features: &[f32], label: usize) {
        match self.try_learn(now, features, label) {
            Ok(()) => self.counts.samples += 1,
            Err(_) => self.counts.bad_samples += 1,
        }
    }

    fn try_learn(&mut self, now: Instant, features: &[f32], label: usize) -> Result<(), LearnError> {
        let classes = self.config.shape.classes;
        if label >= classes {
            return Err(LearnError::UnknownLabel { label, classes });
        }
        let Some(current) = self.current else {
            moments::add(self.memory.sums, features)?;
            self.report.add_sample();
            return Ok(());
        };
        let lesson = self.memory.judge(&current.learner, features, label)?;
        if self.model_version > 0 && self.verdicts.1 < u16::MAX {
            self.verdicts.0 += u16::from(lesson.deployed.class == label);
            self.verdicts.1 += 1;
        }
        if now - self.allowance_since >= ALLOWANCE_PERIOD {
            self.renew_allowance(now);
        }
        // Beyond its share a node would drift towards its own data; it waits for the others.
        if self.examples_of_version < u32::from(current.task.participation.max_examples) {
            self.evidence.add(lesson.loss_without_unsent, lesson.loss_with_unsent);
            self.examples_of_version += 1;
            self.memory.train(&current.learner, label)?;
        }
        Ok(())
    }

    /// What a node may learn and send of one version begins anew.
    pub(super) const fn renew_allowance(&mut self, now: Instant) {
        self.examples_of_version = 0;
        self.contributions_of_version = 0;
        self.allowance_since = now;
    }
}
