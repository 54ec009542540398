//! Nearest neighbours in a bounded memory of examples, features in a byte each (IB2 and the records of IB3: Aha,
//! Kibler and Albert 1991; condensing: Hart 1968).
//!
//! The memory takes a sample only when it would have got it wrong. Every stored example has a standing: it goes up
//! by one each time the example is nearest to a sample of its label, and down each time the sample has another.
//! When the memory is full the example of the lowest standing makes room: first those that mislead, then those that
//! nobody came near to.
//!
//! State: `slots * (features + 3)` bytes. 200 examples of 64 features: 13,400 bytes.
//! A step or a prediction takes `slots * features` multiplications of whole numbers. Distances are whole numbers, so
//! they are exact; of equal ones the lower slot is nearer.
use crate::{LearnError, Shape, check_label, check_length, check_setting};

/// Most neighbours that vote.
pub const MAX_NEIGHBOURS: usize = 9;

/// What is known of a slot beside its features.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Slot {
    /// The example's label; none while the slot is empty. Slots are filled from the first on.
    pub label: Option<u8>,
    /// How often it was nearest to a sample of its label, less how often to another; at most 127 either way.
    pub standing: i8,
}

/// The learner's settings. Examples, `[slots][features]`, and slots are the caller's; slots begin as the default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NearestNeighbours {
    /// Features, at most 65,536, and classes, of which the first 256 can be learned.
    pub shape: Shape,
    /// Examples that the memory holds.
    pub slots: usize,
    /// How many of the nearest vote, 1 to [`MAX_NEIGHBOURS`]; of equal votes the nearest decides.
    pub neighbours: usize,
}

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// The memory knew the label.
    Known,
    /// It did not, and stored the sample in an empty slot.
    Added {
        /// Which.
        slot: usize,
    },
    /// It did not, and the sample took the place of another.
    Replaced {
        /// Whose.
        slot: usize,
    },
}

/// A stored example and its squared distance.
#[derive(Clone, Copy)]
struct Neighbour {
    slot: usize,
    label: u8,
    distance: u32,
}

impl NearestNeighbours {
    /// Bytes of the examples.
    pub const fn examples_len(self) -> usize {
        self.slots * self.shape.features
    }

    /// Learns a labelled sample.
    pub fn step(
        &self,
        examples: &mut [u8],
        slots: &mut [Slot],
        sample: &[u8],
        label: usize,
    ) -> Result<Stored, LearnError> {
        self.check(examples, slots, sample)?;
        check_label(label, self.shape.classes.min(1 << u8::BITS))?;
        check_setting("number of slots", self.slots, 1..)?;
        let label = label as u8;
        let (nearest, count) = self.nearest(examples, slots, sample);
        let nearest = &nearest[..count];
        if let Some(first) = nearest.first() {
            let slot = &mut slots[first.slot];
            let change = if first.label == label { 1 } else { -1 };
            slot.standing = slot.standing.saturating_add(change).max(-i8::MAX);
        }
        if vote(nearest) == Some(label) {
            return Ok(Stored::Known);
        }
        let stored = match slots.iter().position(|slot| slot.label.is_none()) {
            Some(slot) => Stored::Added { slot },
            None => Stored::Replaced { slot: lowest_standing(slots) },
        };
        if let Stored::Added { slot } | Stored::Replaced { slot } = stored {
            slots[slot] = Slot { label: Some(label), standing: 0 };
            self.example_mut(examples, slot).copy_from_slice(sample);
        }
        Ok(stored)
    }

    /// The label that most of the nearest examples have; none while the memory is empty.
    pub fn predict(
        &self,
        examples: &[u8],
        slots: &[Slot],
        sample: &[u8],
    ) -> Result<Option<usize>, LearnError> {
        self.check(examples, slots, sample)?;
        let (nearest, count) = self.nearest(examples, slots, sample);
        Ok(vote(&nearest[..count]).map(usize::from))
    }

    /// Moves the examples that the others need to the front and empties the other slots: those kept give every
    /// example of the memory its label, as nearest neighbours of one. At most `passes` passes of at most
    /// `slots^2 * features` multiplications; fewer than the examples may leave out some that are needed. Returns how
    /// many were kept.
    pub fn condense(
        &self,
        examples: &mut [u8],
        slots: &mut [Slot],
        passes: usize,
    ) -> Result<usize, LearnError> {
        check_length("examples", examples.len(), self.examples_len())?;
        check_length("slots", slots.len(), self.slots)?;
        let filled = slots.iter().take_while(|slot| slot.label.is_some()).count();
        let mut kept = filled.min(1);
        for _ in 0..passes {
            let before = kept;
            for candidate in before..filled {
                let sample = candidate * self.shape.features..(candidate + 1) * self.shape.features;
                let (nearest, count) = self.nearest_to(examples, &slots[..kept], &examples[sample], 1);
                if vote(&nearest[..count]) != slots[candidate].label {
                    slots.swap(kept, candidate);
                    self.swap(examples, kept, candidate);
                    kept += 1;
                }
            }
            if kept == before {
                break;
            }
        }
        slots[kept..].fill(Slot::default());
        Ok(kept)
    }

    fn swap(&self, examples: &mut [u8], low: usize, high: usize) {
        if low < high {
            let (front, back) = examples.split_at_mut(high * self.shape.features);
            let other = &mut back[..self.shape.features];
            self.example_mut(front, low).swap_with_slice(other);
        }
    }

    fn example_mut<'a>(&self, examples: &'a mut [u8], slot: usize) -> &'a mut [u8] {
        &mut examples[slot * self.shape.features..(slot + 1) * self.shape.features]
    }

    fn nearest(
        &self,
        examples: &[u8],
        slots: &[Slot],
        sample: &[u8],
    ) -> ([Neighbour; MAX_NEIGHBOURS], usize) {
        self.nearest_to(examples, slots, sample, self.neighbours)
    }

    /// The `wanted` nearest examples, nearest first, and how many there are.
    fn nearest_to(
        &self,
        examples: &[u8],
        slots: &[Slot],
        sample: &[u8],
        wanted: usize,
    ) -> ([Neighbour; MAX_NEIGHBOURS], usize) {
        let mut nearest = [Neighbour { slot: 0, label: 0, distance: u32::MAX }; MAX_NEIGHBOURS];
        let mut count = 0;
        for (slot, known) in slots.iter().enumerate() {
            let Some(label) = known.label else { continue };
            let example = &examples[slot * self.shape.features..(slot + 1) * self.shape.features];
            let found = Neighbour { slot, label, distance: squared_distance(example, sample) };
            let place = nearest[..count].partition_point(|other| other.distance <= found.distance);
            if place < wanted {
                count = (count + 1).min(wanted);
                nearest[place..count].rotate_right(1);
                nearest[place] = found;
            }
        }
        (nearest, count)
    }

    fn check(&self, examples: &[u8], slots: &[Slot], sample: &[u8]) -> Result<(), LearnError> {
        check_length("examples", examples.len(), self.examples_len())?;
        check_length("slots", slots.len(), self.slots)?;
        check_setting("number of neighbours", self.neighbours, 1..=MAX_NEIGHBOURS)?;
        check_setting("number of features", self.shape.features, ..=1 << 16)?;
        check_length("sample", sample.len(), self.shape.features)
    }
}

/// The label with the most votes; of several the one whose first vote is the nearest.
fn vote(nearest: &[Neighbour]) -> Option<u8> {
    let votes = |label: u8| nearest.iter().filter(|other| other.label == label).count();
    let mut best: Option<(usize, u8)> = None;
    for neighbour in nearest {
        let count = votes(neighbour.label);
        if best.is_none_or(|(most, _)| count > most) {
            best = Some((count, neighbour.label));
        }
    }
    best.map(|(_, label)| label)
}

/// The first slot of the lowest standing.
fn lowest_standing(slots: &[Slot]) -> usize {
    let mut lowest = 0;
    for (index, slot) in slots.iter().enumerate() {
        if slot.standing < slots[lowest].standing {
            lowest = index;
        }
    }
    lowest
}

/// At most 2^16 squares below 2^16: no overflow.
fn squared_distance(left: &[u8], right: &[u8]) -> u32 {
    left.iter().zip(right).map(|(left, right)| u32::from(left.abs_diff(*right)).pow(2)).sum()
}

#[cfg(test)]
mod tests;
