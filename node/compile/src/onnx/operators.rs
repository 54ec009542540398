//! Each operator's meaning, as the ONNX operator reference (version 13 and later) defines it.
use super::attributes::Attributes;
use super::constant::reshape;
use super::proto::NodeProto;
use super::read::{Dynamic, Reader, shape};
use crate::graph::{Divisor, Op, UNBOUNDED, Window};

type Translated = Result<Dynamic, String>;

pub(super) fn translate(reader: &mut Reader, node: &NodeProto, attributes: &Attributes<'_>) -> Translated {
    match node.op_type() {
        "Conv" => convolution(reader, node, attributes),
        "Gemm" => gemm(reader, node, attributes),
        "MatMul" => dense(reader, node, 1.0, Rows::Inputs),
        "BatchNormalization" => normalisation(reader, node, attributes),
        "Relu" => {
            let input = reader.dynamic(node, 0)?;
            reader.push_clip(node, &input, [0.0, UNBOUNDED[1]])
        }
        "Clip" => clip(reader, node),
        "MaxPool" | "AveragePool" => pool(reader, node, attributes),
        "GlobalAveragePool" => global_mean(reader, node),
        "Add" | "Sub" | "Mul" | "Div" => arithmetic(reader, node),
        "Concat" => concat(reader, node, attributes),
        "Flatten" => {
            let axis = attributes.int("axis").unwrap_or(1);
            if axis == 1 {
                reshaped(reader, node, &[1, -1])
            } else {
                Err(format!("flattens at axis {axis}, not 1"))
            }
        }
        "Reshape" => {
            let target = reader.constant(node, 1)?.ok_or("has no shape")?.to_i64();
            reshaped(reader, node, &target)
        }
        "Squeeze" | "Unsqueeze" => squeezed(reader, node),
        "Softmax" => softmax(reader, node, attributes),
        "Pad" => pad(reader, node, attributes),
        "Identity" | "Dropout" => {
            let input = reader.dynamic(node, 0)?;
            reader.push(node, Op::Identity, &[input.value], input.dims)
        }
        _ => Err("this operator is not supported".into()),
    }
}

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

fn convolution(reader: &mut Reader, node: &NodeProto, attributes: &Attributes<'_>) -> Translated {
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

/// What the rows of a dense layer's matrix stand for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rows {
    Inputs,
    Outputs,
}

fn gemm(reader: &mut Reader, node: &NodeProto, attributes: &Attributes<'_>) -> Translated {
    if attributes.int("transA").unwrap_or(0) != 0 {
        return Err("a transposed input is not supported".into());
    }
    let rows = if attributes.int("transB").unwrap_or(0) == 0 { Rows::Inputs } else { Rows::Outputs };
    let output = dense(reader, node, attributes.float("alpha").unwrap_or(1.0), rows)?;
    let beta = attributes.float("beta").unwrap_or(1.0);
    let Some(summand) = reader.constant(node, 2)? else { return Ok(output) };
    let values = spread(&summand.to_f32(), output.dims[0])?;
    if let Some(Op::Convolution { bias, .. }) = reader.graph.nodes.last_mut().map(|node| &mut node.op) {
        *bias = values.iter().map(|value| beta * value).collect();
    }
    Ok(output)
}

fn dense(reader: &mut Reader, node: &NodeProto, alpha: f32, rows: Rows) -> Translated {
    let input = reader.dynamic(node, 0)?;
    let matrix = reader.constant(node, 1)?.ok_or("has no weights")?;
    let &[height, width] = &matrix.dims[..] else {
        return Err(format!("weights of shape {:?}", matrix.dims));
    };
    let (inputs, outputs) = if rows == Rows::Inputs { (height, width) } else { (width, height) };
    if input.dims != [inputs] || outputs == 0 {
        return Err(format!("an input of shape {:?} for {inputs} inputs", input.dims));
    }
    let values = matrix.to_f32();
    let at = |index: usize| match rows {
        Rows::Outputs => index,
        Rows::Inputs => index % inputs * outputs + index / inputs,
    };
    let weights = (0..values.len()).map(|index| alpha * values[at(index)]).collect();
    let op = Op::Convolution { weights, bias: vec![0.0; outputs], groups: 1, window: Window::PIXEL };
    reader.push(node, op, &[input.value], vec![outputs])
}

/// One number a channel, from as many or from one.
fn spread(values: &[f32], channels: usize) -> Result<Vec<f32>, String> {
    match values {
        [value] => Ok(vec![*value; channels]),
        _ if values.len() == channels => Ok(values.to_vec()),
        _ => Err(format!("{} constants for {channels} channels", values.len())),
    }
}

fn normalisation(reader: &mut Reader, node: &NodeProto, attributes: &Attributes<'_>) -> Translated {
    if attributes.int("training_mode").unwrap_or(0) != 0 {
        return Err("is in training mode".into());
    }
    let input = reader.dynamic(node, 0)?;
    let mut constants = Vec::new();
    for index in 1..5 {
        let values = reader.constant(node, index)?.ok_or("has fewer than five inputs")?.to_f32();
        constants.push(spread(&values, input.dims[0])?);
    }
    let epsilon = attributes.float("epsilon").unwrap_or(1e-5);
    let scale: Vec<f32> =
        constants[0].iter().zip(&constants[3]).map(|(gain, var)| gain / libm::sqrtf(var + epsilon)).collect();
    let centred = constants[2].iter().zip(&scale).map(|(mean, scale)| mean * scale);
    let shift: Vec<f32> = constants[1].iter().zip(centred).map(|(shift, mean)| shift - mean).collect();
    if scale.iter().chain(&shift).any(|value| !value.is_finite()) {
        return Err("a variance that is not positive".into());
    }
    reader.push(node, Op::Affine { scale, shift }, &[input.value], input.dims)
}

fn clip(reader: &mut Reader, node: &NodeProto) -> Translated {
    let input = reader.dynamic(node, 0)?;
    let mut bounds = UNBOUNDED;
    for (bound, index) in bounds.iter_mut().zip(1..) {
        if let Some(constant) = reader.constant(node, index)? {
            *bound = *constant.to_f32().first().ok_or("an empty bound")?;
        }
    }
    reader.push_clip(node, &input, bounds)
}

fn pool(reader: &mut Reader, node: &NodeProto, attributes: &Attributes<'_>) -> Translated {
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

fn global_mean(reader: &mut Reader, node: &NodeProto) -> Translated {
    let input = reader.dynamic(node, 0)?;
    let shape = shape(&input.dims).ok_or("no such shape")?;
    let window = Window { kernel: [shape.height, shape.width], ..Window::PIXEL };
    let mut dims = vec![1; input.dims.len()];
    dims[0] = input.dims[0];
    reader.push(node, Op::AveragePool(window, Divisor::TapsInside), &[input.value], dims)
}

/// Sum of two values; or a value and constants, one or one a channel.
fn arithmetic(reader: &mut Reader, node: &NodeProto) -> Translated {
    let operator = node.op_type().to_owned();
    if let (Ok(left), Ok(right)) = (reader.dynamic(node, 0), reader.dynamic(node, 1)) {
        if operator != "Add" {
            return Err("of two values only the sum is supported".into());
        }
        if left.dims != right.dims {
            return Err(format!("sums shapes {:?} and {:?}", left.dims, right.dims));
        }
        return reader.push(node, Op::Add, &[left.value, right.value], left.dims);
    }
    let commutes = matches!(operator.as_str(), "Add" | "Mul");
    let swapped = commutes && matches!(reader.constant(node, 0), Ok(Some(_)));
    let (input, constant) = if swapped { (1, 0) } else { (0, 1) };
    let input = reader.dynamic(node, input)?;
    let constant = reader.constant(node, constant)?.ok_or("has one input")?;
    // One dimension that is not one, and that must be the channels': ones follow it for each spatial dimension.
    let rank = input.dims.len();
    let trailing = constant.dims.iter().rev().take_while(|&&size| size == 1).count();
    let by_channel = constant.squeezed().len() <= 1 && (constant.data.len() == 1 || trailing + 1 == rank);
    if !by_channel {
        return Err(format!("constants of shape {:?} are not one a channel", constant.dims));
    }
    let values = spread(&constant.to_f32(), input.dims[0])?;
    let ones = || vec![1.0; values.len()];
    let zeros = || vec![0.0; values.len()];
    let (scale, shift) = match operator.as_str() {
        "Add" => (ones(), values),
        "Sub" => (ones(), values.iter().map(|value| -value).collect()),
        "Mul" => (values.clone(), zeros()),
        _ => (values.iter().map(|value| 1.0 / value).collect(), zeros()),
    };
    if scale.iter().chain(&shift).any(|value: &f32| !value.is_finite()) {
        return Err("divides by zero".into());
    }
    reader.push(node, Op::Affine { scale, shift }, &[input.value], input.dims)
}

fn concat(reader: &mut Reader, node: &NodeProto, attributes: &Attributes<'_>) -> Translated {
    let inputs: Vec<Dynamic> =
        (0..node.input.len()).map(|index| reader.dynamic(node, index)).collect::<Result<_, _>>()?;
    let mut dims = inputs.first().ok_or("has no inputs")?.dims.clone();
    let axis = attributes.int("axis").unwrap_or(1);
    if axis != 1 && axis != -(dims.len() as i64) {
        return Err(format!("concatenates along axis {axis}, not along the channels"));
    }
    if inputs.iter().any(|input| input.dims[1..] != dims[1..]) {
        return Err("inputs of different sizes".into());
    }
    dims[0] = inputs.iter().map(|input| input.dims[0]).sum();
    let values: Vec<_> = inputs.iter().map(|input| input.value).collect();
    reader.push(node, Op::Concat, &values, dims)
}

/// To a shape whose first dimension is the batch.
fn reshaped(reader: &mut Reader, node: &NodeProto, target: &[i64]) -> Translated {
    let input = reader.dynamic(node, 0)?;
    let with_batch: Vec<usize> = std::iter::once(1).chain(input.dims.iter().copied()).collect();
    let wrong = || format!("the shape {target:?} for one of {:?}", input.dims);
    // A batch of `-1` in front of known sizes is one.
    let dims = reshape(&with_batch, target).ok_or_else(wrong)?;
    match dims.split_first() {
        Some((1, rest)) => reader.push(node, Op::Reshape, &[input.value], rest.to_vec()),
        _ => Err(wrong()),
    }
}

fn squeezed(reader: &mut Reader, node: &NodeProto) -> Translated {
    let input = reader.dynamic(node, 0)?;
    let axes = reader.constant(node, 1)?.ok_or("needs its axes")?.to_i64();
    let mut dims: Vec<usize> = std::iter::once(1).chain(input.dims.iter().copied()).collect();
    let grows = node.op_type() == "Unsqueeze";
    let rank = (dims.len() + if grows { axes.len() } else { 0 }) as i64;
    let mut axes: Vec<usize> =
        axes.iter().map(|&axis| (if axis < 0 { axis + rank } else { axis }).max(0) as usize).collect();
    axes.sort_unstable();
    if axes.contains(&0) {
        return Err("the batch must stay".into());
    }
    if grows {
        for axis in axes {
            if axis > dims.len() {
                return Err(format!("no axis {axis}"));
            }
            dims.insert(axis, 1);
        }
    } else {
        for axis in axes.into_iter().rev() {
            if dims.get(axis) != Some(&1) {
                return Err(format!("axis {axis} is not of size one"));
            }
            dims.remove(axis);
        }
    }
    reader.push(node, Op::Reshape, &[input.value], dims[1..].to_vec())
}

fn softmax(reader: &mut Reader, node: &NodeProto, attributes: &Attributes<'_>) -> Translated {
    let input = reader.dynamic(node, 0)?;
    let axis = attributes.int("axis").unwrap_or(-1);
    if axis != 1 && axis != -(input.dims.len() as i64) {
        return Err(format!("along axis {axis} of shape {:?}, not along the channels", input.dims));
    }
    reader.push(node, Op::Softmax, &[input.value], input.dims)
}

fn pad(reader: &mut Reader, node: &NodeProto, attributes: &Attributes<'_>) -> Translated {
    let input = reader.dynamic(node, 0)?;
    let mode = attributes.text("mode").unwrap_or("constant");
    if mode != "constant" || node.input.get(3).is_some_and(|axes| !axes.is_empty()) {
        return Err("only padding with a constant, of all axes, is supported".into());
    }
    let pads = reader.constant(node, 1)?.ok_or("has no pads")?.to_i64();
    let value = reader.constant(node, 2)?.and_then(|value| value.to_f32().first().copied()).unwrap_or(0.0);
    let rank = input.dims.len() + 1;
    // Batch and channels come first in both halves.
    let spatial_only =
        pads.len() == 2 * rank && rank >= 3 && [0, 1, rank, rank + 1].iter().all(|&at| pads[at] == 0);
    if !spatial_only || pads.iter().any(|pad| !(0..=65_535).contains(pad)) {
        return Err(format!("pads {pads:?} are not of rows and columns alone"));
    }
    let mut dims = input.dims.clone();
    for (axis, size) in dims.iter_mut().enumerate().skip(1) {
        *size += (pads[axis + 1] + pads[rank + axis + 1]) as usize;
    }
    let row = if rank == 4 { pads[2] as usize } else { 0 };
    let op = Op::Pad { before: [row, pads[rank - 1] as usize], value };
    reader.push(node, op, &[input.value], dims)
}
