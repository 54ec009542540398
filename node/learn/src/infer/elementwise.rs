//! Addition, copies with conversion, and constants.
use super::convolution::write_f32;
use super::fixed::Multiplier;
use super::image::{Element, Operator, Tensor};

/// Bits by which inputs of an i8 addition are raised before they are brought to one scale.
pub const ADD_SHIFT: u32 = 20;

#[inline]
pub(super) fn read_f32(arena: &[u8], at: usize) -> f32 {
    f32::from_bits(super::image::u32_at(arena, at))
}

/// Writes a number within its bounds. Comparisons rather than `clamp`, which panics where bounds are not ordered.
#[inline]
pub(super) fn write_i8(value: i32, [low, high]: [i8; 2], output: &mut u8) {
    *output = value.min(high.into()).max(low.into()) as u8;
}

/// The i8 that stands for a real number, halves away from zero; not a number becomes the zero point.
#[inline]
pub fn quantise(value: f32, tensor: &Tensor) -> i32 {
    // The cast saturates and makes zero of what is not a number.
    (libm::roundf(value / tensor.scale) as i32).saturating_add(tensor.zero_point.into())
}

/// The real number that an i8 stands for.
#[inline]
pub fn dequantise(value: i8, tensor: &Tensor) -> f32 {
    tensor.scale * (i32::from(value) - i32::from(tensor.zero_point)) as f32
}

/// Calls `each` with row, column and channel.
fn for_each(tensor: &Tensor, mut each: impl FnMut(usize, usize, usize)) {
    for row in 0..usize::from(tensor.height) {
        for column in 0..usize::from(tensor.width) {
            for channel in 0..usize::from(tensor.channels) {
                each(row, column, channel);
            }
        }
    }
}

/// Sum, i8: `multipliers` of the inputs and of the sum.
pub(super) fn add_i8(
    operator: &Operator,
    inputs: [&Tensor; 2],
    output: &Tensor,
    multipliers: [Multiplier; 3],
    arena: &mut [u8],
) {
    let [first, second, total] = multipliers;
    let raised = |arena: &[u8], tensor: &Tensor, at: usize, multiplier: Multiplier| {
        multiplier.apply((i32::from(arena[at] as i8) - i32::from(tensor.zero_point)) << ADD_SHIFT)
    };
    for_each(output, |row, column, channel| {
        let [left, right] = inputs.map(|input| input.at(row, column) + channel);
        let left = raised(arena, inputs[0], left, first);
        let right = raised(arena, inputs[1], right, second);
        let sum = total.apply(left.saturating_add(right)).saturating_add(output.zero_point.into());
        write_i8(sum, operator.bounds_i8(), &mut arena[output.at(row, column) + channel]);
    });
}

/// Sum, f32.
pub(super) fn add_f32(operator: &Operator, inputs: [&Tensor; 2], output: &Tensor, arena: &mut [u8]) {
    for_each(output, |row, column, channel| {
        let [left, right] = inputs.map(|input| read_f32(arena, input.at(row, column) + 4 * channel));
        let at = output.at(row, column) + 4 * channel;
        write_f32(left + right, operator.bounds_f32(), &mut arena[at..at + 4]);
    });
}

/// Copies the input to its place in the output, as the output's element.
pub(super) fn copy(
    operator: &Operator,
    input: &Tensor,
    output: &Tensor,
    multiplier: Multiplier,
    arena: &mut [u8],
) {
    let [top, left] = operator.origin.map(usize::from);
    for_each(input, |row, column, channel| {
        let from = input.at(row, column) + channel * input.element.bytes();
        let channel = channel + usize::from(operator.channel);
        let to = output.at(row + top, column + left) + channel * output.element.bytes();
        match (input.element, output.element) {
            (Element::F32, Element::F32) => {
                write_f32(read_f32(arena, from), operator.bounds_f32(), &mut arena[to..to + 4]);
            }
            (Element::I8, Element::F32) => {
                let value = dequantise(arena[from] as i8, input);
                write_f32(value, operator.bounds_f32(), &mut arena[to..to + 4]);
            }
            (Element::F32, Element::I8) => {
                write_i8(quantise(read_f32(arena, from), output), operator.bounds_i8(), &mut arena[to]);
            }
            (Element::I8, Element::I8) => {
                let centred = i32::from(arena[from] as i8) - i32::from(input.zero_point);
                let value = multiplier.apply(centred).saturating_add(output.zero_point.into());
                write_i8(value, operator.bounds_i8(), &mut arena[to]);
            }
        }
    });
}

/// Fills the output with its lower bound.
pub(super) fn fill(operator: &Operator, output: &Tensor, arena: &mut [u8]) {
    for_each(output, |row, column, channel| {
        let at = output.at(row, column) + channel * output.element.bytes();
        match output.element {
            Element::F32 => arena[at..at + 4].copy_from_slice(&operator.bounds[0].to_le_bytes()),
            Element::I8 => arena[at] = operator.bounds_i8()[0] as u8,
        }
    });
}
