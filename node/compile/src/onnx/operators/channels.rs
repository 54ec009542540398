//! Operators that weigh, scale, bound or add channels.
use super::Translated;
use crate::graph::{Op, UNBOUNDED, Window};
use crate::onnx::attributes::Attributes;
use crate::onnx::proto::NodeProto;
use crate::onnx::read::Reader;

/// What the rows of a dense layer's matrix stand for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Rows {
    Inputs,
    Outputs,
}

pub(super) fn gemm(reader: &mut Reader, node: &NodeProto, attributes: &Attributes<'_>) -> Translated {
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

pub(super) fn dense(reader: &mut Reader, node: &NodeProto, alpha: f32, rows: Rows) -> Translated {
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

pub(super) fn normalisation(
    reader: &mut Reader,
    node: &NodeProto,
    attributes: &Attributes<'_>,
) -> Translated {
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

pub(super) fn clip(reader: &mut Reader, node: &NodeProto) -> Translated {
    let input = reader.dynamic(node, 0)?;
    let mut bounds = UNBOUNDED;
    for (bound, index) in bounds.iter_mut().zip(1..) {
        if let Some(constant) = reader.constant(node, index)? {
            *bound = *constant.to_f32().first().ok_or("an empty bound")?;
        }
    }
    reader.push_clip(node, &input, bounds)
}

/// Sum of two values; or a value and constants, one or one a channel.
pub(super) fn arithmetic(reader: &mut Reader, node: &NodeProto) -> Translated {
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
