//! An adaptive range coder (Martin 1979; frequency models after Moffat, Neal and Witten 1998), in whole numbers.
//!
//! ```text
//! A payload of n bytes is the number X = sum of (255 - byte i) / 256^(i + 1): what lies beyond its end counts as
//! ones, like the padding of all payloads. A sequence of symbols is an interval of such numbers, and any X within it
//! stands for the sequence.
//! ```
//! The interval is `low` and `range`, 32 bits each, on top of the bytes that are settled. A symbol with the
//! frequencies [from, from + width) out of `total` at most 2^16 takes
//! ```text
//! r = range / total, rounded down; spare = range - r total
//! symbols with from = 0:   low stays,             range = spare + r width
//! others:                  low += spare + r from, range = r width
//! while range < 2^24: the upper byte of low is settled, low and range shift by 8 bits
//! ```
//! so that the symbol numbered 0, which should be the commonest, loses nothing to rounding. A carry out of `low` goes
//! into the settled bytes. The end takes one byte or none.
//!
//! **How many symbols** a payload holds follows, where no field tells, from [`Meter::bytes_for`]: there is another
//! symbol if the least likely one would still fit. Both sides can tell, and less than that symbol's cost is lost.
//!
//! ```
//! use chirrup_protocol::codec::range::{Adaptive, Decoder, Encoder};
//! let (mut payload, mut model) = ([0; 8], Adaptive::<3>::new());
//! let mut encoder = Encoder::new(&mut payload);
//! for symbol in [0, 0, 2, 0, 1] {
//!     encoder.symbol(&mut model, symbol).expect("eight bytes hold five symbols");
//! }
//! let length = encoder.finish(0).expect("they hold the end too");
//! let (mut decoder, mut model) = (Decoder::new(&payload[..length]), Adaptive::<3>::new());
//! assert_eq!([0; 5].map(|_| decoder.symbol(&mut model)), [0, 0, 2, 0, 1]);
//! ```

/// Below this the range is too coarse, and a byte is settled.
const LEAST_RANGE: u32 = 1 << 24;

/// Where a symbol lies among the frequencies of its alphabet: `from..from + width` of `total`, at most 2^16.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Frequencies of the symbols before it.
    pub from: u32,
    /// Its own frequency, at least 1.
    pub width: u32,
    /// Frequencies of all symbols.
    pub total: u32,
}

/// The size of an interval: what a sequence of symbols costs, without its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meter {
    range: u32,
    settled: usize,
}

impl Meter {
    /// Nothing coded yet.
    pub const fn new() -> Self {
        Self { range: u32::MAX, settled: 0 }
    }

    /// Bytes that surely hold what was counted.
    pub const fn bytes(&self) -> usize {
        self.settled + 1
    }

    /// Bytes that surely hold what was counted and one symbol more, of frequency `width` or above out of `total`.
    pub const fn bytes_for(&self, width: u32, total: u32) -> usize {
        let range = self.range / total * width;
        self.settled + range.leading_zeros() as usize / 8 + 1
    }

    /// Bits that were counted, rounded down: 8 a settled byte, and the leading zeros of the range.
    pub const fn bits(&self) -> usize {
        self.settled * 8 + self.range.leading_zeros() as usize
    }

    /// Moves to the part of a symbol, and returns by how much the lower end rises.
    const fn narrow(&mut self, Span { from, width, total }: Span) -> u32 {
        let unit = self.range / total;
        let spare = self.range - unit * total;
        let first = from == 0;
        self.range = unit * width + if first { spare } else { 0 };
        if first { 0 } else { spare + unit * from }
    }

    /// Shifts by a byte where the range demands it.
    const fn settle(&mut self) -> bool {
        let coarse = self.range < LEAST_RANGE;
        if coarse {
            self.range <<= 8;
            self.settled += 1;
        }
        coarse
    }
}

impl Default for Meter {
    fn default() -> Self {
        Self::new()
    }
}

/// Writes symbols into a slice, or counts them alone; `None` once the slice is full, and its bytes are of no use then.
#[derive(Debug)]
pub struct Encoder<'a> {
    bytes: Option<&'a mut [u8]>,
    low: u32,
    meter: Meter,
}

impl<'a> Encoder<'a> {
    /// An encoder into lent bytes, all of which it may overwrite.
    pub const fn new(bytes: &'a mut [u8]) -> Self {
        Self { bytes: Some(bytes), low: 0, meter: Meter::new() }
    }

    /// An encoder that writes nothing: its meter tells what the symbols would cost.
    pub const fn counting() -> Self {
        Self { bytes: None, low: 0, meter: Meter::new() }
    }

    /// The size of what was written.
    pub const fn meter(&self) -> Meter {
        self.meter
    }

    /// A symbol by its frequencies.
    pub fn span(&mut self, span: Span) -> Option<()> {
        let rise = self.meter.narrow(span);
        self.raise(rise);
        loop {
            let settled = self.meter.settled;
            if !self.meter.settle() {
                return Some(());
            }
            if let Some(bytes) = &mut self.bytes {
                *bytes.get_mut(settled)? = !((self.low >> 24) as u8);
            }
            self.low <<= 8;
        }
    }

    /// One of `total` equally likely values, at most 2^16 of them.
    pub fn uniform(&mut self, value: u32, total: u32) -> Option<()> {
        self.span(Span { from: value, width: 1, total })
    }

    /// A symbol of an adaptive model, which learns it.
    pub fn symbol<const N: usize>(&mut self, model: &mut Adaptive<N>, symbol: usize) -> Option<()> {
        self.span(model.span(symbol))?;
        model.learn(symbol);
        Some(())
    }

    /// Writes the end, with as few bytes as stand for the symbols but at least `least_bytes`, and returns their number.
    pub fn finish(mut self, least_bytes: usize) -> Option<usize> {
        // The first number in the interval with all further bytes zero; often the settled bytes have one already.
        let wraps = self.low.checked_add(self.meter.range - 1).is_none();
        let last = self.low.div_ceil(LEAST_RANGE);
        if wraps {
            self.carry();
        }
        let mut settled = self.meter.settled;
        let bytes = self.bytes?;
        if self.low > 0 && !wraps {
            *bytes.get_mut(settled)? = !(last as u8);
            settled += 1;
        }
        let ones = bytes[..settled].iter().rev().take_while(|byte| **byte == 0xff).count();
        let length = (settled - ones).max(least_bytes);
        bytes.get_mut(settled..length.max(settled))?.fill(0xff);
        Some(length)
    }

    fn raise(&mut self, rise: u32) {
        let (low, carry) = self.low.overflowing_add(rise);
        self.low = low;
        if carry {
            self.carry();
        }
    }

    /// Adds one to the settled bytes, which are stored as complements.
    fn carry(&mut self) {
        let settled = self.meter.settled;
        for byte in self.bytes.iter_mut().flat_map(|bytes| bytes[..settled].iter_mut().rev()) {
            *byte = byte.wrapping_sub(1);
            if *byte != 0xff {
                return;
            }
        }
    }
}

/// Reads symbols; beyond the end of the bytes it reads ones.
#[derive(Clone, Debug)]
pub struct Decoder<'a> {
    bytes: &'a [u8],
    /// The number of the payload, from the lower end of the interval on.
    code: u32,
    meter: Meter,
}

impl<'a> Decoder<'a> {
    /// A decoder of a whole payload.
    pub fn new(bytes: &'a [u8]) -> Self {
        let code = (0..4).fold(0, |code, index| code << 8 | digit(bytes, index));
        let meter = Meter::new();
        // No encoder reaches the very last number.
        Self { bytes, code: code.min(meter.range - 1), meter }
    }

    /// The size of what was read.
    pub const fn meter(&self) -> Meter {
        self.meter
    }

    /// Whether an encoder could have ended here: there is no byte that it would not have written.
    pub const fn is_at_end(&self) -> bool {
        self.bytes.len() <= self.meter.bytes()
    }

    /// Where the next symbol lies among `total` frequencies. [`Decoder::take`] reads it.
    pub const fn peek(&self, total: u32) -> u32 {
        let unit = self.meter.range / total;
        let spare = self.meter.range - unit * total;
        self.code.saturating_sub(spare) / unit
    }

    /// Moves on over a symbol.
    pub fn take(&mut self, span: Span) {
        // Within the interval for every span that holds `peek`.
        self.code = self.code.wrapping_sub(self.meter.narrow(span));
        while self.meter.settle() {
            self.code = self.code << 8 | digit(self.bytes, self.meter.settled + 3);
        }
    }

    /// One of `total` equally likely values.
    pub fn uniform(&mut self, total: u32) -> u32 {
        let value = self.peek(total);
        self.take(Span { from: value, width: 1, total });
        value
    }

    /// A symbol of an adaptive model, which learns it.
    pub fn symbol<const N: usize>(&mut self, model: &mut Adaptive<N>) -> usize {
        let symbol = model.symbol_at(self.peek(model.total()));
        self.take(model.span(symbol));
        model.learn(symbol);
        symbol
    }
}

/// A byte of the number that a payload is.
fn digit(bytes: &[u8], index: usize) -> u32 {
    bytes.get(index).map_or(0, |byte| (!byte).into())
}

/// How often each of N symbols came so far, in 2 N bytes. N is 2 to 256.
///
/// Each symbol starts at 1 and gains 2 whenever it comes (Krichevsky and Trofimov 1981). When the total would exceed
/// 4,096, all are halved first, rounded up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Adaptive<const N: usize> {
    counts: [u16; N],
}

impl<const N: usize> Adaptive<N> {
    const MOST: u32 = 4_096;

    /// All symbols equally likely.
    pub const fn new() -> Self {
        Self { counts: [1; N] }
    }

    /// The first `symbols` of them equally likely, the others impossible.
    pub fn of(symbols: usize) -> Self {
        Self { counts: core::array::from_fn(|symbol| u16::from(symbol < symbols)) }
    }

    /// The sum of all frequencies.
    pub fn total(&self) -> u32 {
        self.counts.iter().map(|count| u32::from(*count)).sum()
    }

    /// The frequency of the least likely symbol that is possible.
    pub fn least(&self) -> u32 {
        let possible = self.counts.iter().filter(|count| **count > 0);
        possible.fold(u16::MAX, |least, count| least.min(*count)).into()
    }

    /// The place of a symbol.
    pub fn span(&self, symbol: usize) -> Span {
        let from = self.counts[..symbol].iter().map(|count| u32::from(*count)).sum();
        Span { from, width: self.counts[symbol].into(), total: self.total() }
    }

    /// Counts a symbol.
    pub fn learn(&mut self, symbol: usize) {
        if self.total() + 2 > Self::MOST {
            self.counts.iter_mut().for_each(|count| *count = count.div_ceil(2));
        }
        self.counts[symbol] += 2;
    }

    /// The symbol that holds a place.
    fn symbol_at(&self, place: u32) -> usize {
        let mut end = 0;
        let beyond = |count: &u16| {
            end += u32::from(*count);
            place < end
        };
        self.counts.iter().position(beyond).unwrap_or(N - 1)
    }
}

impl<const N: usize> Default for Adaptive<N> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(all(test, feature = "std"))]
mod tests;
