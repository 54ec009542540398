//! Sums of products in an order that is the same on every machine.
//!
//! Eight partial sums, each over every eighth entry, are added pairwise at the end. A compiler may keep them in one
//! vector register or in eight scalar ones: the roundings are the same, which a single running sum would forbid and
//! a free order would lose.

/// Partial sums.
pub const LANES: usize = 8;

/// Sum of the products of two slices of the same length; what the longer one has more is left out.
#[inline]
pub fn dot(left: &[f32], right: &[f32]) -> f32 {
    let length = left.len().min(right.len());
    let (left, left_rest) = left[..length].as_chunks::<LANES>();
    let (right, right_rest) = right[..length].as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for (left, right) in left.iter().zip(right) {
        add_products(&mut sums, left, right);
    }
    if !left_rest.is_empty() {
        add_products(&mut sums, &padded(left_rest), &padded(right_rest));
    }
    total(&sums)
}

/// Sum of the products of two slices, and of the squares of the right one, in one pass; both in the order of [`dot`].
#[inline]
pub fn dot_and_norm(left: &[f32], right: &[f32]) -> (f32, f32) {
    let length = left.len().min(right.len());
    let (left, left_rest) = left[..length].as_chunks::<LANES>();
    let (right, right_rest) = right[..length].as_chunks::<LANES>();
    let (mut products, mut squares) = ([0.0; LANES], [0.0; LANES]);
    for (left, right) in left.iter().zip(right) {
        add_products(&mut products, left, right);
        add_products(&mut squares, right, right);
    }
    if !left_rest.is_empty() {
        let right = padded(right_rest);
        add_products(&mut products, &padded(left_rest), &right);
        add_products(&mut squares, &right, &right);
    }
    (total(&products), total(&squares))
}

#[inline(always)]
fn add_products(sums: &mut [f32; LANES], left: &[f32; LANES], right: &[f32; LANES]) {
    *sums = core::array::from_fn(|lane| sums[lane] + left[lane] * right[lane]);
}

/// Up to a full set of lanes. The zeros add nothing: no sum that began at zero is minus zero.
#[inline(always)]
fn padded(rest: &[f32]) -> [f32; LANES] {
    let mut lanes = [0.0; LANES];
    for (lane, &value) in lanes.iter_mut().zip(rest) {
        *lane = value;
    }
    lanes
}

/// Adds `factor * right` to `left`.
#[inline]
pub fn add_scaled(left: &mut [f32], factor: f32, right: &[f32]) {
    for (left, right) in left.iter_mut().zip(right) {
        *left += factor * right;
    }
}

/// Adds the partial sums pairwise. Where there are vector registers it is kept out of line, so that the sums come as one
/// array: a compiler that sees this tree beside the loop gathers pairs of lanes for it at every step, which costs half
/// the speed of [`dot`]. A Cortex-M has no use for the detour.
#[cfg_attr(not(target_arch = "arm"), inline(never))]
#[cfg_attr(target_arch = "arm", inline)]
pub(crate) const fn total(s: &[f32; LANES]) -> f32 {
    ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_gives_the_sum() {
        for length in 0..40 {
            let left: Vec<f32> = (0..length).map(|i| i as f32 - 7.0).collect();
            let right: Vec<f32> = (0..length).map(|i| (i * i % 11) as f32).collect();
            let expected: f32 = left.iter().zip(&right).map(|(left, right)| left * right).sum();
            assert_eq!(dot(&left, &right), expected, "small whole numbers add up exactly in any order");
            assert_eq!(dot_and_norm(&left, &right), (expected, dot(&right, &right)));
            let mut sum = left.clone();
            add_scaled(&mut sum, 2.0, &right);
            assert!(sum.iter().zip(&left).zip(&right).all(|((sum, left), right)| *sum == left + 2.0 * right));
        }
        assert_eq!(dot(&[1.0, 2.0], &[3.0]), 3.0);
    }

    #[test]
    fn the_order_is_the_documented_one() {
        // 2^24 + 1 is no f32: whether the ones survive tells in which lanes they were added.
        let big = 16_777_216.0;
        let mut left = [0.0; 16];
        (left[0], left[1], left[8], left[9]) = (big, 1.0, -big, 1.0);
        assert_eq!(dot(&left, &[1.0; 16]), 2.0);
    }
}
