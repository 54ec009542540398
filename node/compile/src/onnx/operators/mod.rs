//! Each operator's meaning, as the ONNX operator reference (version 13 and later) defines it.
mod channels;
mod shapes;
mod windows;

use super::attributes::Attributes;
use super::proto::NodeProto;
use super::read::{Dynamic, Reader};
use crate::graph::{Op, UNBOUNDED};
use channels::{Rows, arithmetic, clip, dense, gemm, normalisation};
use shapes::{concat, pad, reshaped, softmax, squeezed};
use windows::{convolution, global_mean, pool};

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
