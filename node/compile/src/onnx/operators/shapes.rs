//! Operators that change shapes, and softmax.
use super::Translated;
use crate::graph::Op;
use crate::onnx::attributes::Attributes;
use crate::onnx::constant::reshape;
use crate::onnx::proto::NodeProto;
use crate::onnx::read::{Dynamic, Reader};

pub(super) fn concat(reader: &mut Reader, node: &NodeProto, attributes: &Attributes<'_>) -> Translated {
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
pub(super) fn reshaped(reader: &mut Reader, node: &NodeProto, target: &[i64]) -> Translated {
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

pub(super) fn squeezed(reader: &mut Reader, node: &NodeProto) -> Translated {
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

pub(super) fn softmax(reader: &mut Reader, node: &NodeProto, attributes: &Attributes<'_>) -> Translated {
    let input = reader.dynamic(node, 0)?;
    let axis = attributes.int("axis").unwrap_or(-1);
    if axis != 1 && axis != -(input.dims.len() as i64) {
        return Err(format!("along axis {axis} of shape {:?}, not along the channels", input.dims));
    }
    reader.push(node, Op::Softmax, &[input.value], input.dims)
}

pub(super) fn pad(reader: &mut Reader, node: &NodeProto, attributes: &Attributes<'_>) -> Translated {
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
