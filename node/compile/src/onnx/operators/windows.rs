//! Operators that slide a window.
use super::Translated;
use crate::graph::{Divisor, Op, Window};
use crate::onnx::attributes::Attributes;
use crate::onnx::proto::NodeProto;
use crate::onnx::read::{Dynamic, Reader, shape};

/// The spatial part of dimensions, a row before a signal.
fn spatial(values: Option<&[i64]>, count: usize, default: usize) -> Result<[usize; 2], String> {
    let Some(values) = values else {
        // The row that a signal is given has one tap whatever the default is.
        return Ok(if count == 1 { [1, default] } else { [default; 2] });
    };
    let sizes: Option<Vec<usize>> =
        values.iter().map(|&value| usize::try_from(value).ok().filter(|&value| value <= 65_535)).collect();
    match sizes.as_deref() {
        Some(&[width]) if count == 1 => Ok([1, width]),
        Some(&[height, width]) if count == 2 => Ok([height, width]),
        _ => Err(format!("{values:?} for {count} spatial dimensions")),
    }
}

/// The window of a convolution or pool.
fn window(attributes: &Attributes<'_>, input: &Dynamic, kernel: Option<&[i64]>) -> Result<Window, String> {
    let count = input.dims.len() - 1;
    if !(1..=2).contains(&count) {
        return Err(format!("an input of shape {:?} has no one or two spatial dimensions", input.dims));
    }
    let kernel = spatial(attributes.ints("kernel_shape").or(kernel), count, 1)?;
    let stride = spatial(attributes.ints("strides"), count, 1)?;
    let dilation = spatial(attributes.ints("dilations"), count, 1)?;
    if [kernel, stride, dilation].as_flattened().contains(&0) {
        return Err("a window without size or step".into());
    }
    let mut window = Window { kernel, stride, dilation, ..Window::PIXEL };
    match attributes.text("auto_pad").unwrap_or("NOTSET") {
        "NOTSET" => {
            let pads = attributes.ints("pads").unwrap_or(if count == 1 { &[0; 2] } else { &[0; 4] });
            if pads.len() != 2 * count {
                return Err(format!("pads {pads:?} for {count} spatial dimensions"));
            }
            let around = |pads: &[i64]| {
                let padding = spatial(Some(pads), count, 0)?;
                // A signal's row has no padding.
                Ok::<_, String>(if count == 1 { [0, padding[1]] } else { padding })
            };
            (window.before, window.after) = (around(&pads[..count])?, around(&pads[count..])?);
        }
        "VALID" => {}
        same @ ("SAME_UPPER" | "SAME_LOWER") => {
            let size = shape(&input.dims).map(|shape| [shape.height, shape.width]).ok_or("no such shape")?;
            for (axis, &size) in size.iter().enumerate() {
                let reach = (kernel[axis] - 1) * dilation[axis] + 1;
                let all = ((size.div_ceil(stride[axis]) - 1) * stride[axis] + reach).saturating_sub(size);
                let (less, more) = (all / 2, all - all / 2);
                (window.before[axis], window.after[axis]) =
                    if same == "SAME_UPPER" { (less, more) } else { (more, less) };
            }
        }
        other => return Err(format!("auto_pad {other:?} is not supported")),
    }
    Ok(window)
}

/// Dimensions of a window's output.
fn outputs(window: &Window, input: &Dynamic, channels: usize) -> Result<Vec<usize>, String> {
    let shape = shape(&input.dims).ok_or("no such shape")?;
    let [height, width] = window.outputs(shape).ok_or("the window is larger than its input")?;
    Ok(if input.dims.len() == 2 { vec![channels, width] } else { vec![channels, height, width] })
}

pub(super) fn convolution(reader: &mut Reader, node: &NodeProto, attributes: &Attributes<'_>) -> Translated {
    let input = reader.dynamic(node, 0)?;
    let weights = reader.constant(node, 1)?.ok_or("has no weights")?;
    let [channels, depth, kernel @ ..] = &weights.dims[..] else {
        return Err("weights without shape".into());
    };
    let (channels, depth) = (*channels, *depth);
    let kernel: Vec<i64> = kernel.iter().map(|&size| size as i64).collect();
    let window = window(attributes, &input, Some(&kernel))?;
    if window.kernel != spatial(Some(&kernel), input.dims.len() - 1, 1)? {
        return Err("weights of another shape than kernel_shape".into());
    }
    let groups = usize::try_from(attributes.int("group").unwrap_or(1)).map_err(|_| "negative group")?;
    if groups == 0
        || channels == 0
        || channels % groups != 0
        || Some(input.dims[0]) != depth.checked_mul(groups)
    {
        return Err(format!("{} input channels for weights of {depth} in {groups} groups", input.dims[0]));
    }
    let weights = weights.to_f32();
    let bias = match reader.constant(node, 2)? {
        Some(bias) if bias.data.len() == channels => bias.to_f32(),
        Some(bias) => return Err(format!("{} biases for {channels} channels", bias.data.len())),
        None => vec![0.0; channels],
    };
    let dims = outputs(&window, &input, channels)?;
    reader.push(node, Op::Convolution { weights, bias, groups, window }, &[input.value], dims)
}

pub(super) fn pool(reader: &mut Reader, node: &NodeProto, attributes: &Attributes<'_>) -> Translated {
    let input = reader.dynamic(node, 0)?;
    attributes.ints("kernel_shape").ok_or("has no kernel_shape")?;
    let window = window(attributes, &input, None)?;
    let dims = outputs(&window, &input, input.dims[0])?;
    if attributes.int("ceil_mode").unwrap_or(0) != 0 {
        let mut wider = window;
        for axis in 0..2 {
            wider.after[axis] += window.stride[axis] - 1;
        }
        if outputs(&wider, &input, input.dims[0])? != dims {
            return Err("ceil_mode with a window that ends outside its input is not supported".into());
        }
    }
    let op = if node.op_type() == "MaxPool" {
        Op::MaxPool(window)
    } else if attributes.int("count_include_pad").unwrap_or(0) != 0 {
        Op::AveragePool(window, Divisor::AllTaps)
    } else {
        Op::AveragePool(window, Divisor::TapsInside)
    };
    reader.push(node, op, &[input.value], dims)
}

pub(super) fn global_mean(reader: &mut Reader, node: &NodeProto) -> Translated {
    let input = reader.dynamic(node, 0)?;
    let shape = shape(&input.dims).ok_or("no such shape")?;
    let window = Window { kernel: [shape.height, shape.width], ..Window::PIXEL };
    let mut dims = vec![1; input.dims.len()];
    dims[0] = input.dims[0];
    reader.push(node, Op::AveragePool(window, Divisor::TapsInside), &[input.value], dims)
}
