//! ADWIN2 (Bifet and Gavaldà, SDM 2007): a window that is as long as the mean within it is constant. It finds rises and
//! falls of any size and needs no threshold, only a confidence; values are from 0 to 1, such as errors.
//!
//! The window is an exponential histogram: row r has up to [`BUCKETS`] buckets of 2^r values each; when a row overflows
//! its two oldest merge into one of the next row. When the last row overflows its oldest is forgotten, so a window has
//! at most [`BUCKETS`] * (2^rows - 1) values. The window is cut between two buckets when the means of its older part
//! (n0 values) and newer part (n1) differ by
//!
//! ```text
//! sqrt(2/m variance ln(2/d)) + 2/(3m) ln(2/d)   with 1/m = 1/n0 + 1/n1 and d = delta / ln(n0 + n1)
//! ```
//!
//! or more; then the oldest bucket goes, until no cut is left.
//!
//! State: 52 bytes a row and 4 more: 10 rows for 5,115 values take 524 bytes. A value takes at most `BUCKETS * rows`
//! steps; every [`Adwin::period`]-th one compares up to `(BUCKETS * rows)^2 / 2` cuts, `BUCKETS * rows` when nothing has
//! changed, with one square root each.
use super::drift::DriftSignal;
use crate::{LearnError, check_sample};

/// Buckets of a row, M of the paper.
pub const BUCKETS: usize = 5;

/// Shortest part of a window whose mean is compared.
const SHORTEST_PART: u32 = 5;

/// Settings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adwin {
    /// Chance of a cut where nothing has changed, .002 for instance.
    pub delta: f32,
    /// The same for a warning, larger.
    pub warning_delta: f32,
    /// Values from one comparison to the next, 32 for instance.
    pub period: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Bucket {
    sum: f32,
    /// Sum of the squares of the deviations from the bucket's mean.
    spread: f32,
}

/// Buckets of one size, the oldest first. 52 bytes; starts as the default.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Row {
    buckets: [Bucket; BUCKETS + 1],
    used: u8,
}

/// The window, lent by the caller: at least one row, each default at the start, and at most 24 are used.
#[derive(Debug)]
pub struct Window<'a> {
    /// `[rows]`.
    pub rows: &'a mut [Row],
    /// Values since the start; starts as zero.
    pub updates: &'a mut u32,
}

/// Count, mean and spread of a part of the window.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Part {
    /// Values.
    pub count: u32,
    /// Sum of them.
    pub sum: f32,
    /// Sum of the squares of the deviations from the mean.
    pub spread: f32,
}

impl Part {
    /// Mean of the values; zero of none.
    pub fn mean(self) -> f32 {
        if self.count == 0 { 0.0 } else { self.sum / self.count as f32 }
    }

    /// Both parts as one.
    fn with(self, other: Self) -> Self {
        if self.count == 0 || other.count == 0 {
            return if self.count == 0 { other } else { self };
        }
        let (count, difference) = (self.count + other.count, self.mean() - other.mean());
        let between = difference * difference * (self.count as f32 * other.count as f32 / count as f32);
        Self { count, sum: self.sum + other.sum, spread: self.spread + other.spread + between }
    }
}

impl Adwin {
    /// Takes the next value. A value beyond 0 or 1 counts as the nearer of them.
    pub fn update(self, window: &mut Window<'_>, value: f32) -> Result<DriftSignal, LearnError> {
        check_sample(&[value], 1)?;
        check_rows(window.rows)?;
        *window.updates = window.updates.wrapping_add(1);
        insert(window.rows, Bucket { sum: value.clamp(0.0, 1.0), spread: 0.0 });
        if !window.updates.is_multiple_of(self.period.max(1)) {
            return Ok(DriftSignal::Steady);
        }
        let mut signal = DriftSignal::Steady;
        if self.is_cut(window.rows, self.warning_delta) {
            signal = DriftSignal::Warning;
        }
        // Each pass forgets a bucket, and a window of one bucket has no cut.
        while self.is_cut(window.rows, self.delta) {
            signal = DriftSignal::Drift;
            forget_oldest(window.rows);
        }
        Ok(signal)
    }

    /// Whether the means of an older and a newer part differ.
    fn is_cut(self, rows: &[Row], delta: f32) -> bool {
        let whole = part_of(rows);
        let (count, variance) = (whole.count as f32, whole.spread / whole.count.max(1) as f32);
        let confidence = libm::logf(2.0 * libm::logf(count.max(3.0)) / delta).max(0.0);
        let mut older = Part::default();
        oldest_first(rows).any(|bucket| {
            older.count += bucket.count;
            older.sum += bucket.sum;
            let newer = whole.count - older.count;
            if older.count < SHORTEST_PART || newer < SHORTEST_PART {
                return false;
            }
            let (n0, n1) = (older.count as f32, newer as f32);
            let inverse = 1.0 / n0 + 1.0 / n1;
            let bound =
                libm::sqrtf(2.0 * inverse * variance * confidence) + (2.0 / 3.0) * inverse * confidence;
            (older.sum / n0 - (whole.sum - older.sum) / n1).abs() >= bound
        })
    }
}

/// Count, mean and spread of the window.
pub fn part_of(rows: &[Row]) -> Part {
    oldest_first(rows).fold(Part::default(), Part::with)
}

fn check_rows(rows: &[Row]) -> Result<(), LearnError> {
    let have = rows.len();
    if (1..=24).contains(&have) {
        return Ok(());
    }
    Err(LearnError::WrongLength { what: "rows", have, need: have.clamp(1, 24) })
}

/// All buckets with their counts.
fn oldest_first(rows: &[Row]) -> impl Iterator<Item = Part> + '_ {
    rows.iter().enumerate().rev().flat_map(|(index, row)| {
        row.held().iter().map(move |bucket| Part {
            count: 1u32.checked_shl(index as u32).unwrap_or(0),
            sum: bucket.sum,
            spread: bucket.spread,
        })
    })
}

impl Row {
    fn held(&self) -> &[Bucket] {
        &self.buckets[..usize::from(self.used).min(BUCKETS + 1)]
    }

    fn push(&mut self, bucket: Bucket) {
        self.buckets[usize::from(self.used).min(BUCKETS)] = bucket;
        self.used = (self.used + 1).min(BUCKETS as u8 + 1);
    }

    fn pop(&mut self, buckets: u8) {
        self.buckets.rotate_left(buckets.into());
        self.used = self.used.saturating_sub(buckets);
    }
}

/// Adds the newest bucket, and merges where a row overflows.
fn insert(rows: &mut [Row], bucket: Bucket) {
    let mut carried = bucket;
    let last = rows.len().saturating_sub(1);
    for (index, row) in rows.iter_mut().enumerate() {
        row.push(carried);
        if usize::from(row.used) <= BUCKETS {
            return;
        }
        if index == last {
            row.pop(1);
            return;
        }
        let part = |bucket: Bucket| Part { count: 1 << index, sum: bucket.sum, spread: bucket.spread };
        let merged = part(row.buckets[0]).with(part(row.buckets[1]));
        carried = Bucket { sum: merged.sum, spread: merged.spread };
        row.pop(2);
    }
}

fn forget_oldest(rows: &mut [Row]) {
    if let Some(row) = rows.iter_mut().rev().find(|row| row.used > 0) {
        row.pop(1);
    }
}

#[cfg(test)]
mod tests;
