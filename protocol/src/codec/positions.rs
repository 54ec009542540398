//! Which `count` of `params` coordinates are meant, in ascending order, as symbols of the range coder.
//!
//! ```text
//! form        one of 2: 0 shares, 1 gaps
//! 0 shares:   for each coordinate, until all are placed: 0 no, 1 yes, with frequencies left - missing and missing
//! 1 gaps:     Rice parameter, one of 16; then for each coordinate the number skipped before it (Golomb-Rice), its
//!             bits being one of 2 each
//! ```
//! With `missing` of the `left` coordinates still to come, every choice of coordinates has the same probability: the
//! first form takes log2 C(params, count) bits, as an enumeration would (Cover 1973), without its large integers. The
//! second is for coordinates that lie together. An encoder takes the shorter one.
use super::CodecError;
use super::bits::rice_bits;
use super::range::{Decoder, Encoder, Span};

/// Most parameters that an update may have where positions are coded.
pub const MAX_PARAMS: usize = 1 << 16;

const FORMS: u32 = 2;
const SHARES: u32 = 0;
const GAPS: u32 = 1;
const RICE_PARAMETERS: u32 = 16;

/// Refuses updates of more than [`MAX_PARAMS`] parameters.
pub const fn check(params: usize) -> Result<(), CodecError> {
    match params.checked_sub(1) {
        Some(index) if index >= MAX_PARAMS => Err(CodecError::IndexBeyondEnd { index, params: MAX_PARAMS }),
        _ => Ok(()),
    }
}

/// How positions are coded, and where the next one is looked for.
#[derive(Clone, Debug)]
pub struct Positions {
    rice: Option<u32>,
    missing: usize,
    next: usize,
    params: usize,
}

impl Positions {
    /// Chooses the form for `positions`, ascending and below `params`, and writes it. [`Positions::write`] follows
    /// for each of them.
    ///
    /// Takes one division a parameter and 16 steps a position.
    pub fn begin(
        encoder: &mut Encoder<'_>,
        positions: impl Iterator<Item = usize> + Clone,
        params: usize,
    ) -> Option<Self> {
        let missing = positions.clone().count();
        let rice =
            Some(best_rice(positions.clone())).filter(|(bits, _)| *bits < shares_bits(positions, params));
        let form = if rice.is_some() { GAPS } else { SHARES };
        encoder.uniform(form, FORMS)?;
        if let Some((_, rice)) = rice {
            encoder.uniform(rice, RICE_PARAMETERS)?;
        }
        Some(Self { rice: rice.map(|(_, rice)| rice), missing, next: 0, params })
    }

    /// The first form for `count` positions, where no form is coded; to write and to read.
    pub const fn shares(count: usize, params: usize) -> Self {
        Self { rice: None, missing: count, next: 0, params }
    }

    /// Writes the next position.
    pub fn write(&mut self, encoder: &mut Encoder<'_>, position: usize) -> Option<()> {
        match self.rice {
            Some(rice) => write_rice(encoder, (position - self.next) as u32, rice)?,
            None => self.shares_to(position).try_for_each(|span| encoder.span(span))?,
        }
        self.step_over(position);
        Some(())
    }

    /// Reads the form of `count` positions.
    pub fn read(decoder: &mut Decoder<'_>, count: usize, params: usize) -> Self {
        let gaps = decoder.uniform(FORMS) == GAPS;
        let rice = gaps.then(|| decoder.uniform(RICE_PARAMETERS));
        Self { rice, missing: count, next: 0, params }
    }

    /// Reads the next of the positions; `None` where it would be beyond the last parameter, or all were read.
    pub fn next(&mut self, decoder: &mut Decoder<'_>) -> Option<usize> {
        let left = self.params - self.next;
        if self.missing == 0 || self.missing > left {
            return None;
        }
        let position = match self.rice {
            Some(rice) => self.next + read_rice(decoder, rice, left as u32)? as usize,
            None => self.read_share(decoder),
        };
        self.step_over(position);
        Some(position)
    }

    const fn step_over(&mut self, position: usize) {
        self.next = position + 1;
        self.missing -= 1;
    }

    /// The symbols that lead to a position: no, as often as coordinates are skipped, then yes.
    fn shares_to(&self, position: usize) -> impl Iterator<Item = Span> + use<> {
        let &Self { missing, params, .. } = self;
        (self.next..=position).map(move |index| share(params - index, missing, index == position))
    }

    fn read_share(&self, decoder: &mut Decoder<'_>) -> usize {
        let mut position = self.next;
        loop {
            // Once as many are left as are missing, the answer is yes.
            let left = self.params - position;
            let yes = decoder.peek(left as u32) as usize >= left - self.missing;
            decoder.take(share(left, self.missing, yes));
            if yes {
                return position;
            }
            position += 1;
        }
    }
}

/// The symbol of a coordinate, when `missing` of the `left` ones are meant.
const fn share(left: usize, missing: usize, yes: bool) -> Span {
    let (left, missing) = (left as u32, missing as u32);
    let no = left - missing;
    if yes {
        Span { from: no, width: missing, total: left }
    } else {
        Span { from: 0, width: no, total: left }
    }
}

/// Whole bits of the first form, counted from the start of a payload.
fn shares_bits(positions: impl Iterator<Item = usize> + Clone, params: usize) -> usize {
    let mut encoder = Encoder::counting();
    let mut state = Positions::shares(positions.clone().count(), params);
    for position in positions {
        state.write(&mut encoder, position).expect("counting needs no room");
    }
    encoder.meter().bits()
}

/// Bits of the second form, its parameter included, and the smallest parameter that gives them.
// Not inlined: its sums would stay on the stack of the encoder.
#[inline(never)]
fn best_rice(positions: impl Iterator<Item = usize>) -> (usize, u32) {
    let mut bits = [RICE_PARAMETERS.ilog2() as usize; RICE_PARAMETERS as usize];
    let mut next = 0;
    for position in positions {
        let gap = (position - next) as u32;
        next = position + 1;
        (0..).zip(&mut bits).for_each(|(rice, bits)| *bits += rice_bits(gap, rice) as usize);
    }
    bits.iter().copied().zip(0..).min().unwrap_or_default()
}

fn write_rice(encoder: &mut Encoder<'_>, gap: u32, rice: u32) -> Option<()> {
    (0..gap >> rice).try_for_each(|_| encoder.uniform(1, 2))?;
    encoder.uniform(0, 2)?;
    (0..rice).rev().try_for_each(|bit| encoder.uniform(gap >> bit & 1, 2))
}

/// A gap below `left`.
fn read_rice(decoder: &mut Decoder<'_>, rice: u32, left: u32) -> Option<u32> {
    let mut high = 0;
    while decoder.uniform(2) == 1 {
        high += 1;
        if high << rice >= left {
            return None;
        }
    }
    let gap = (0..rice).fold(high, |gap, _| gap << 1 | decoder.uniform(2));
    (gap < left).then_some(gap)
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::*;
    use crate::codec::random::Random;
    use proptest::prelude::*;
    use std::collections::BTreeSet;
    use std::vec::Vec;

    fn encode(positions: &[usize], params: usize) -> Vec<u8> {
        let mut payload = std::vec![0; params + 8];
        let mut encoder = Encoder::new(&mut payload);
        let mut state = Positions::begin(&mut encoder, positions.iter().copied(), params)
            .expect("room for every position");
        positions
            .iter()
            .for_each(|position| state.write(&mut encoder, *position).expect("room for every position"));
        let length = encoder.finish(0).expect("room for every position");
        payload.truncate(length);
        payload
    }

    fn decode(payload: &[u8], count: usize, params: usize) -> Vec<usize> {
        let mut decoder = Decoder::new(payload);
        let mut state = Positions::read(&mut decoder, count, params);
        core::iter::from_fn(|| state.next(&mut decoder)).collect()
    }

    fn log2_choices(params: usize, count: usize) -> f64 {
        (0..count).map(|index| libm::log2((params - index) as f64 / (index + 1) as f64)).sum()
    }

    fn spread(seed: u32, count: usize, params: usize) -> Vec<usize> {
        let mut random = Random::new(seed, 0);
        let mut positions = BTreeSet::new();
        while positions.len() < count {
            positions.insert((random.next_u64() % params as u64) as usize);
        }
        positions.into_iter().collect()
    }

    /// Computed by a few lines of Python, with a lower end of any length.
    #[test]
    fn the_bytes_are_as_specified() {
        assert_eq!(encode(&[3, 17, 44, 45], 50), hex::decode("a289aa").unwrap());
        // Neighbours at the front: gaps, parameter 0, five zeros.
        assert_eq!(encode(&[0, 1, 2, 3, 4], 650), hex::decode("7f").unwrap());
        assert_eq!(encode(&[], 650), [0u8; 0]);
        assert_eq!(encode(&[0, 1, 2], 3), [0u8; 0], "no choice, no bytes");
    }

    #[test]
    fn positions_cost_the_logarithm_of_their_choices() {
        for (params, count) in [(650, 1), (650, 20), (650, 90), (650, 600), (5_000, 50), (65_536, 300)] {
            for seed in 0..10 {
                let positions = spread(seed, count, params);
                let payload = encode(&positions, params);
                assert_eq!(decode(&payload, count, params), positions);
                let bound = log2_choices(params, count) + 1.0;
                assert!(payload.len() as f64 <= (bound / 8.0) * 1.001 + 1.0, "{count} of {params}");
            }
        }
    }

    #[test]
    fn too_many_parameters_are_refused() {
        let beyond = CodecError::IndexBeyondEnd { index: MAX_PARAMS, params: MAX_PARAMS };
        assert_eq!(check(MAX_PARAMS + 1), Err(beyond));
        assert_eq!((check(MAX_PARAMS), check(0)), (Ok(()), Ok(())));
    }

    proptest! {
        #[test]
        fn positions_survive(
            positions in proptest::collection::btree_set(0usize..400, 0..400),
            params in 400usize..900,
        ) {
            let positions: Vec<_> = positions.into_iter().collect();
            let payload = encode(&positions, params);
            prop_assert_eq!(decode(&payload, positions.len(), params), positions);
        }

        #[test]
        fn arbitrary_bytes_give_ascending_positions(
            payload in proptest::collection::vec(any::<u8>(), 0..60),
            count in 0usize..300,
            params in 0usize..900,
        ) {
            let positions = decode(&payload, count, params);
            prop_assert!(positions.len() <= count);
            prop_assert!(positions.is_sorted_by(|a, b| a < b));
            prop_assert!(positions.last().is_none_or(|last| *last < params));
        }
    }
}
