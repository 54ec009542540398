//! What an operator must satisfy for its execution to stay inside image and arena.
use super::fixed::{MULTIPLIER_BYTES, Multiplier};
use super::image::{Element, Kind, Operator, Tensor, Weights};

/// Largest number of products, or of taps, behind one output: an i32 holds the sum of as many products of i8.
const MOST_TERMS: u64 = 65_535;
/// Entries of a softmax's table.
pub(super) const POWERS: usize = 256;

/// The bytes of an image from `offset` on, `count` times `bytes`.
pub(super) fn section(image: &[u8], offset: u32, count: usize, bytes: usize) -> Option<&[u8]> {
    let start = usize::try_from(offset).ok()?;
    image.get(start..start.checked_add(count.checked_mul(bytes)?)?)
}

/// A tensor inside an arena of that size.
pub(super) fn tensor(tensor: &Tensor, arena_bytes: u32) -> Result<(), &'static str> {
    if tensor.height == 0 || tensor.width == 0 || tensor.channels == 0 {
        return Err("is empty");
    }
    if tensor.pixel_stride < tensor.channels {
        return Err("pixels overlap");
    }
    if tensor.element == Element::I8 && !(tensor.scale > 0.0 && tensor.scale.is_finite()) {
        return Err("scale is not positive");
    }
    let pixels = u64::from(tensor.height) * u64::from(tensor.width);
    // At most 2^48 elements of at most 4 bytes: within 64 bits.
    let elements = (pixels - 1) * u64::from(tensor.pixel_stride) + u64::from(tensor.channels);
    let end = u64::from(tensor.offset) + elements * tensor.element.bytes() as u64;
    if end > u64::from(arena_bytes) { Err("lies outside the arena") } else { Ok(()) }
}

/// An operator with its tensors; `inputs` are both the same where it has one. Returns how many products, or elements
/// read, it takes at most.
pub(super) fn operator(
    operator: &Operator,
    image: &[u8],
    inputs: [&Tensor; 2],
    output: &Tensor,
) -> Result<u64, &'static str> {
    let [input, second] = inputs;
    match operator.kind {
        Kind::Convolution => convolution(operator, image, input, output),
        Kind::MaxPool => {
            same_element(input, output)?;
            pooling(operator, input, output)
        }
        Kind::AveragePool => {
            same_element(input, output)?;
            scaled(operator, image, output, 1)?;
            pooling(operator, input, output)
        }
        Kind::Add => {
            same_element(input, output)?;
            same_element(second, output)?;
            same_shape(input, output)?;
            same_shape(second, output)?;
            scaled(operator, image, output, 3)?;
            Ok(2 * output.elements() as u64)
        }
        Kind::Copy => copy(operator, image, input, output),
        Kind::Fill => Ok(output.elements() as u64),
        Kind::Softmax => {
            same_element(input, output)?;
            same_shape(input, output)?;
            if output.element == Element::I8 {
                section(image, operator.weights, POWERS, 2).ok_or("table outside the image")?;
            }
            Ok(output.elements() as u64)
        }
    }
}

fn convolution(
    operator: &Operator,
    image: &[u8],
    input: &Tensor,
    output: &Tensor,
) -> Result<u64, &'static str> {
    same_element(input, output)?;
    let groups = operator.groups;
    if groups == 0 || !input.channels.is_multiple_of(groups) || !output.channels.is_multiple_of(groups) {
        return Err("groups do not divide the channels");
    }
    let terms = window(operator)? * u64::from(input.channels / groups);
    if terms > MOST_TERMS {
        return Err("too many products an output");
    }
    let bytes = match (output.element, operator.weights_element) {
        (Element::F32, Weights::F32) => 4,
        (Element::F32, Weights::F16) => 2,
        (Element::I8, Weights::I8) => 1,
        _ => return Err("weights of another element"),
    };
    let channels = usize::from(output.channels);
    let weights = channels.checked_mul(terms as usize).ok_or("weights outside the image")?;
    section(image, operator.weights, weights, bytes).ok_or("weights outside the image")?;
    if operator.bias != 0 {
        section(image, operator.bias, channels, 4).ok_or("bias outside the image")?;
    }
    scaled(operator, image, output, channels)?;
    Ok(output.elements() as u64 * terms)
}

fn pooling(operator: &Operator, input: &Tensor, output: &Tensor) -> Result<u64, &'static str> {
    let taps = window(operator)?;
    if taps > MOST_TERMS {
        return Err("window too large");
    }
    if input.channels != output.channels {
        return Err("another number of channels");
    }
    Ok(output.elements() as u64 * taps)
}

fn copy(operator: &Operator, image: &[u8], input: &Tensor, output: &Tensor) -> Result<u64, &'static str> {
    let fits = |size: u16, start: u16, whole: u16| u32::from(size) + u32::from(start) <= u32::from(whole);
    let [top, left] = operator.origin;
    let inside = fits(input.height, top, output.height)
        && fits(input.width, left, output.width)
        && fits(input.channels, operator.channel, output.channels);
    if !inside {
        return Err("copies beyond its output");
    }
    if input.element == Element::I8 {
        scaled(operator, image, output, 1)?;
    }
    Ok(input.elements() as u64)
}

/// Taps of a window. Where its positions begin needs no check: a row times a stride stays within 32 bits, and taps
/// outside the input are left out.
fn window(operator: &Operator) -> Result<u64, &'static str> {
    let pairs = [operator.kernel, operator.stride, operator.dilation];
    if pairs.as_flattened().contains(&0) {
        return Err("window without size or step");
    }
    Ok(u64::from(operator.kernel[0]) * u64::from(operator.kernel[1]))
}

/// That an i8 output has its multipliers.
fn scaled(operator: &Operator, image: &[u8], output: &Tensor, count: usize) -> Result<(), &'static str> {
    if output.element == Element::F32 {
        return Ok(());
    }
    let bytes = section(image, operator.multipliers, count, MULTIPLIER_BYTES);
    let (multipliers, _) = bytes.ok_or("multipliers outside the image")?.as_chunks();
    let valid = multipliers.iter().all(|bytes| Multiplier::parse(*bytes).is_valid());
    if valid { Ok(()) } else { Err("multiplier out of range") }
}

fn same_element(input: &Tensor, output: &Tensor) -> Result<(), &'static str> {
    if input.element == output.element { Ok(()) } else { Err("input and output of different elements") }
}

fn same_shape(input: &Tensor, output: &Tensor) -> Result<(), &'static str> {
    let shape = |tensor: &Tensor| [tensor.height, tensor.width, tensor.channels];
    if shape(input) == shape(output) { Ok(()) } else { Err("input and output of different shapes") }
}
