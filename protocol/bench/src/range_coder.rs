//! The range coder beside the entropy of what it codes.
use anyhow::{Context, Result};
use chirrup_protocol::codec::random::Random;
use chirrup_protocol::codec::range::{Adaptive, Encoder};

/// One sequence of digits.
pub struct Row {
    /// Share of zeros, in percent; +1 and -1 are equally likely.
    pub zeros_percent: u64,
    /// How many digits.
    pub digits: usize,
    /// Bytes of the information in the adaptive model.
    pub entropy: f64,
    /// Bytes written.
    pub coded: usize,
}

impl Row {
    /// Within a hundredth and two bytes.
    pub fn is_within_bar(&self) -> bool {
        self.coded as f64 <= self.entropy * 1.01 + 2.0
    }
}

/// Digits of three kinds, as TernGrad and others have them, from many zeros to few.
pub fn rows() -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for zeros_percent in [33, 50, 70, 90, 97] {
        for digits in [100, 650, 5_000] {
            rows.push(row(zeros_percent, digits)?);
        }
    }
    Ok(rows)
}

fn row(zeros_percent: u64, digits: usize) -> Result<Row> {
    let mut random = Random::new(9, 0);
    let (mut model, mut payload) = (Adaptive::<3>::new(), vec![0; digits + 16]);
    let mut encoder = Encoder::new(&mut payload);
    let mut bits = 0.0;
    for _ in 0..digits {
        let number = random.next_u64();
        let digit = if number % 100 < zeros_percent { 0 } else { 1 + (number >> 32) as usize % 2 };
        let span = model.span(digit);
        bits += libm::log2(f64::from(span.total) / f64::from(span.width));
        encoder.symbol(&mut model, digit).context("the payload is large enough")?;
    }
    let coded = encoder.finish(0).context("the payload is large enough")?;
    Ok(Row { zeros_percent, digits, entropy: bits / 8.0, coded })
}
