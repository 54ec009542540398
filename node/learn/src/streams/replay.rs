//! A memory of past samples that keeps the classes of a lopsided stream in balance: the class-balancing reservoir
//! (Chrysakis and Moens, ICML 2020), and replay from it.
//!
//! A class is *full* once it is, or ever was, one of the largest while no slot was free.
//!
//! | the sample | goes to |
//! | --- | --- |
//! | while a slot is free | that slot |
//! | of a class that is not full | a random slot of a largest class |
//! | of a full class, n of which came (this one included) and m of which are stored | with probability m / n a random slot of its own class, else nowhere |
//!
//! So a class that is rare keeps all of its samples, and of a frequent one the memory is a uniform sample.
//!
//! State: `slots * (features * size_of::<E>() + 2) + 8 * classes` bytes: 50 slots of 64 features as `u8` with 10 classes
//! take 3,380 bytes. An offer and a draw take at most `2 * slots + 2 * classes` comparisons, and one copy of a sample.
use crate::features::scale::BOUND;
use crate::random::Random;
use crate::{LearnError, Shape, check_label, check_length, check_sample};

/// How a feature is kept in a slot.
pub trait Element: Copy {
    /// The nearest element.
    fn of(value: f32) -> Self;
    /// What the element stands for.
    fn value(self) -> f32;
}

/// Every number as it is: four bytes.
impl Element for f32 {
    fn of(value: f32) -> Self {
        value
    }

    fn value(self) -> f32 {
        self
    }
}

/// A standardised feature in steps of [`BOUND`] / 127, beyond that the bound; zero stays zero.
impl Element for u8 {
    fn of(value: f32) -> Self {
        // The conversion saturates; level 0 would lie beyond the bound.
        (libm::roundf(value * (127.0 / BOUND)) + 128.0).max(1.0) as u8
    }

    fn value(self) -> f32 {
        (f32::from(self) - 128.0) * (BOUND / 127.0)
    }
}

/// Size of a memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replay {
    /// Features and classes; classes at most 65,536.
    pub shape: Shape,
    /// Samples that are kept.
    pub slots: u16,
}

/// What the memory knows of a class. Eight bytes; starts as the default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClassCount {
    seen: u32,
    stored: u16,
    is_full: bool,
}

impl ClassCount {
    /// Samples of the class in the memory.
    pub const fn stored(self) -> u16 {
        self.stored
    }

    /// Samples of the class that were offered.
    pub const fn seen(self) -> u32 {
        self.seen
    }
}

/// The memory, lent by the caller. It starts with default classes; what the other slices then hold is immaterial.
#[derive(Debug)]
pub struct Memory<'a, E> {
    /// `[slots][features]`.
    pub values: &'a mut [E],
    /// `[slots]`.
    pub labels: &'a mut [u16],
    /// `[classes]`.
    pub classes: &'a mut [ClassCount],
}

/// What became of an offered sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// It is in this slot now.
    Stored {
        /// Index of the slot.
        slot: usize,
    },
    /// It was not taken.
    Passed,
}

/// Which samples are drawn how often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Draw {
    /// Every stored sample equally.
    Uniform,
    /// Every stored class equally: a sample in proportion to 1 / (stored samples of its class).
    Weighted,
}

impl Replay {
    /// Elements of [`Memory::values`].
    pub const fn values_len(self) -> usize {
        self.slots as usize * self.shape.features
    }

    /// Entries of [`Memory::labels`].
    pub const fn labels_len(self) -> usize {
        self.slots as usize
    }

    /// Entries of [`Memory::classes`].
    pub const fn classes_len(self) -> usize {
        self.shape.classes
    }

    /// Offers a sample, which the memory takes or not.
    pub fn offer<E: Element>(
        self,
        memory: &mut Memory<'_, E>,
        sample: &[f32],
        label: usize,
        random: &mut Random,
    ) -> Result<Offer, LearnError> {
        self.check(memory)?;
        check_sample(sample, self.shape.features)?;
        check_label(label, self.shape.classes.min(1 << 16))?;
        let count = &mut memory.classes[label];
        count.seen = count.seen.saturating_add(1);
        let Some(slot) = self.slot_for(memory, label, random) else { return Ok(Offer::Passed) };
        memory.labels[slot] = label as u16;
        let start = slot * self.shape.features;
        for (element, &value) in memory.values[start..].iter_mut().zip(sample) {
            *element = E::of(value);
        }
        Ok(Offer::Stored { slot })
    }

    /// Copies a stored sample to `sample`, `[features]`, and returns its label. A slot that holds none yet is refused
    /// as one beyond the last stored.
    pub fn recall<E: Element>(
        self,
        memory: &Memory<'_, E>,
        slot: usize,
        sample: &mut [f32],
    ) -> Result<usize, LearnError> {
        self.check(memory)?;
        check_length("sample", sample.len(), self.shape.features)?;
        let have = occupied(memory);
        if slot >= have {
            return Err(LearnError::WrongLength { what: "memory", have, need: slot.saturating_add(1) });
        }
        let start = slot * self.shape.features;
        for (value, element) in sample.iter_mut().zip(&memory.values[start..]) {
            *value = element.value();
        }
        Ok(memory.labels[slot].into())
    }

    /// Draws a slot for replay; `None` of an empty memory.
    pub fn draw<E: Element>(
        self,
        memory: &Memory<'_, E>,
        draw: Draw,
        random: &mut Random,
    ) -> Result<Option<usize>, LearnError> {
        self.check(memory)?;
        if draw == Draw::Uniform {
            let slots = occupied(memory) as u32;
            return Ok((slots > 0).then(|| random.below(slots) as usize));
        }
        let present = memory.classes.iter().filter(|count| count.stored > 0).count() as u32;
        let chosen = random.below(present) as usize;
        let mut stored = memory.classes.iter().enumerate().filter(|(_, count)| count.stored > 0);
        let Some((class, count)) = stored.nth(chosen) else { return Ok(None) };
        let nth = random.below(count.stored.into());
        Ok(nth_slot(memory, nth, |label, _| label == class))
    }

    /// The slot that a sample of a class takes, with the counts changed for it.
    fn slot_for<E>(self, memory: &mut Memory<'_, E>, label: usize, random: &mut Random) -> Option<usize> {
        let occupied = occupied(memory);
        if occupied < usize::from(self.slots) {
            memory.classes[label].stored += 1;
            return Some(occupied);
        }
        let largest = memory.classes.iter().map(|count| count.stored).max()?;
        for count in memory.classes.iter_mut().filter(|count| count.stored == largest) {
            count.is_full = true;
        }
        let own = memory.classes[label];
        if own.is_full {
            let nth = random.below(own.seen);
            let is_taken = nth < own.stored.into();
            return is_taken.then(|| nth_slot(memory, nth, |class, _| class == label)).flatten();
        }
        let candidates = memory.classes.iter().filter(|count| count.stored == largest).count() as u32;
        let nth = random.below(candidates.saturating_mul(largest.into()));
        let slot = nth_slot(memory, nth, |_, count| count.stored == largest)?;
        memory.classes[usize::from(memory.labels[slot])].stored -= 1;
        memory.classes[label].stored += 1;
        Some(slot)
    }

    fn check<E>(self, memory: &Memory<'_, E>) -> Result<(), LearnError> {
        check_length("values", memory.values.len(), self.values_len())?;
        check_length("labels", memory.labels.len(), self.labels_len())?;
        check_length("classes", memory.classes.len(), self.classes_len())
    }
}

/// Slots that hold a sample: the first ones.
fn occupied<E>(memory: &Memory<'_, E>) -> usize {
    let stored: usize = memory.classes.iter().map(|count| usize::from(count.stored)).sum();
    // Counts of another memory could claim more.
    stored.min(memory.labels.len())
}

/// The n-th slot whose label and class are wanted.
fn nth_slot<E>(
    memory: &Memory<'_, E>,
    nth: u32,
    wanted: impl Fn(usize, ClassCount) -> bool,
) -> Option<usize> {
    let labels = memory.labels[..occupied(memory)].iter().enumerate();
    let mut slots = labels.filter(|&(_, &label)| {
        let label = usize::from(label);
        memory.classes.get(label).is_some_and(|&count| wanted(label, count))
    });
    slots.nth(nth as usize).map(|(slot, _)| slot)
}

#[cfg(test)]
mod tests;
