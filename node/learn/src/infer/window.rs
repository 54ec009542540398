//! Which taps of a window fall inside the input.
use super::image::{Operator, Tensor};
use core::ops::Range;

/// The taps of one window along one axis: tap `k` reads the input at `k * dilation + start - padding`.
pub(super) struct Taps {
    /// Those inside the input.
    pub inside: Range<usize>,
    start: usize,
    dilation: usize,
    padding: usize,
}

impl Taps {
    /// Taps along an axis, 0 for rows, 1 for columns, for the output at `index` of that axis.
    pub fn along(axis: usize, index: usize, operator: &Operator, input: &Tensor) -> Self {
        let size = usize::from([input.height, input.width][axis]);
        let padding = usize::from(operator.origin[axis]);
        let dilation = usize::from(operator.dilation[axis]);
        let start = index * usize::from(operator.stride[axis]);
        let first = padding.saturating_sub(start).div_ceil(dilation);
        let end = (size + padding).saturating_sub(start).div_ceil(dilation);
        let end = end.min(usize::from(operator.kernel[axis]));
        Self { inside: first.min(end)..end, start, dilation, padding }
    }

    /// Where a tap that is inside reads the input.
    #[inline]
    pub const fn position(&self, tap: usize) -> usize {
        tap * self.dilation + self.start - self.padding
    }
}

#[cfg(test)]
mod tests {
    use super::super::image::{Element, Kind};
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn taps_are_those_that_a_search_finds(
            size in 1_u16..9, kernel in 1_u16..6, stride in 1_u16..4, dilation in 1_u16..4, padding in 0_u16..9,
            index in 0_usize..9,
        ) {
            let input = Tensor {
                offset: 0, height: size, width: size, channels: 1, pixel_stride: 1, element: Element::I8,
                zero_point: 0, scale: 1.0,
            };
            let mut operator = Operator::new(Kind::MaxPool, 0, 1);
            (operator.kernel, operator.stride) = ([kernel; 2], [stride; 2]);
            (operator.dilation, operator.origin) = ([dilation; 2], [padding; 2]);
            let position = |tap: usize| {
                (index * usize::from(stride) + tap * usize::from(dilation)) as isize - padding as isize
            };
            let searched: Vec<usize> =
                (0..usize::from(kernel)).filter(|&tap| (0..size as isize).contains(&position(tap))).collect();
            let taps = Taps::along(0, index, &operator, &input);
            prop_assert_eq!(taps.inside.clone().collect::<Vec<_>>(), searched);
            for tap in taps.inside.clone() {
                prop_assert_eq!(taps.position(tap) as isize, position(tap));
            }
        }
    }
}
